"""The three sample runs give exactly the rows that the format page states."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest

from apps.signals.models import Run, RunFile, RunFinding
from apps.signals.states import RunStatus
from tests.signals.load.runs import AGGREGATE, SAMPLES, Load, copy_run, edit_line, needs_samples, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), needs_samples]
# Run, JSONL lines, entities, classifications, newest month.
RUNS = (
    ("20260215120000", 342, 178, 89, dt.date(2026, 1, 1)),
    ("20260315120000", 338, 176, 88, dt.date(2026, 2, 1)),
    ("20260415120000", 342, 178, 89, dt.date(2026, 3, 1)),
)


def test_each_sample_run_gives_its_rows(load: Load, settings: Any) -> None:
    settings.RUNS_ROOT = str(SAMPLES)
    for run_id, lines, entities, classifications, month in RUNS:
        code, report = load(f"demo_graph/{run_id}")

        assert code == 0, report
        assert report["rows"] == {
            "raw_node_results": 4,
            "raw_entity_results": entities,
            "raw_classifications": classifications,
            "raw_contributions": classifications - 18,
            "raw_modeling_runs": 1,
            "raw_modeling_experiments": 2,
            "raw_modeling_drivers": 6,
            "raw_narratives": 3,
            "raw_documents": 4,
        }
        run = Run.objects.get(run_id=run_id)
        assert (run.status, run.line_count, run.data_period) == (RunStatus.LOADED, lines, month)
        assert RunFile.objects.filter(run=run).count() == 17
        assert list(RunFinding.objects.filter(run=run).values_list("code")) == [("load.optional_missing",)]
    assert len(rows_of("raw_entity_results", "run_id, line_no")) == sum(each[2] for each in RUNS)


def test_keys_are_those_of_the_format_page(load: Load, settings: Any) -> None:
    settings.RUNS_ROOT = str(SAMPLES)
    load("demo_graph/20260215120000")

    facility = rows_of(
        "raw_entity_results", "signal_key", "facility_id = 'FAC001' AND node_id ~ '__medicareId__aggregate'"
    )
    assert facility == [(uuid.UUID("be73cb13-b7e2-832f-96ad-d620b7739e81"),)]
    orthopedics = rows_of(
        "raw_entity_results",
        "entity_hash",
        "facility_id = 'FAC002' AND dimensions = '[[\"vizientServiceLine\", \"Orthopedics\"]]'"
        " AND NOT is_temporal",
    )
    assert orthopedics == [(uuid.UUID("3bf94698-0657-8160-9ffd-25130bee8b36"),)]
    (classified,) = rows_of(
        "raw_classifications", "count(*)", "signal_key IN (SELECT signal_key FROM raw_entity_results)"
    )
    assert classified == (89,)
    (parents,) = rows_of(
        "raw_contributions", "count(*)", "parent_signal_key IN (SELECT signal_key FROM raw_entity_results)"
    )
    assert parents == (71,)


def test_the_same_run_again_is_nothing_to_do(load: Load, settings: Any) -> None:
    settings.RUNS_ROOT = str(SAMPLES)
    load("demo_graph/20260215120000")

    code, report = load("demo_graph/20260215120000")
    assert (code, report["outcome"]) == (3, "nothing to do")


def test_a_changed_run_is_loaded_as_a_revision(load: Load, tmp_path: Path) -> None:
    run = copy_run(SAMPLES / "insight_graph" / "demo_graph" / RUNS[0][0], tmp_path)
    assert load()[0] == 0
    edit_line(run / AGGREGATE, 2, lambda line: line + b" ")

    code, report = load()
    assert (code, report["run"]) == (0, "demo_graph/20260215120000 r2")
    assert Run.objects.filter(status=RunStatus.LOADED).count() == 2
    assert load()[0] == 3
