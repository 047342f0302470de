"""Each fault of a generated run has its outcome: loaded with findings, waiting, or rejected."""

from pathlib import Path
from typing import Any

import pytest

from apps.signals.models import Run, RunFile, RunFinding
from apps.signals.sampling.options import Fault
from apps.signals.states import RunStatus
from tests.signals.load.runs import RUN, Load, left_tables, make_run, rows_of

pytestmark = pytest.mark.django_db
# A load that gets as far as copying does so over connections of its own.
copying = pytest.mark.django_db(transaction=True)
REFUSED = {
    Fault.TRUNCATED_LINE: ("gate.truncated", RunStatus.WAITING),
    Fault.MISSING_FILE: ("gate.incomplete", RunStatus.WAITING),
    Fault.COUNT_MISMATCH: ("gate.count_mismatch", RunStatus.WAITING),
    Fault.SCHEMA_VERSION: ("gate.schema_version", RunStatus.REJECTED),
    Fault.VALIDATION_FAILED: ("gate.validation_failed", RunStatus.REJECTED),
}


def lines_of(run: Run) -> int:
    """Return the lines of the run's files of lines."""
    files = RunFile.objects.filter(run=run, path__endswith=".jsonl")
    return sum(files.values_list("lines", flat=True))


def rows_in(report: dict[str, Any]) -> int:
    """Return the rows that these files gave."""
    tables = ("raw_node_results", "raw_entity_results", "raw_classifications", "raw_contributions")
    return sum(report["rows"][table] for table in tables)


@pytest.mark.parametrize("fault", REFUSED)
def test_a_run_with_this_fault_is_not_loaded(load: Load, tmp_path: Path, fault: Fault) -> None:
    make_run(tmp_path, fault)

    code, _report = load(RUN)
    run = Run.objects.get()
    expected, status = REFUSED[fault]
    assert code == 3
    assert run.status == status
    assert run.error_code == expected
    assert expected in set(RunFinding.objects.filter(severity="error").values_list("code", flat=True))
    assert rows_of("raw_node_results", "run_id") == []
    assert left_tables() == []


@copying
def test_what_can_be_put_right_is_loaded_and_counted(load: Load, tmp_path: Path) -> None:
    faults = (Fault.BOM, Fault.NUL, Fault.NAN, Fault.UNKNOWN_EDGE, Fault.DUPLICATE_ENTITY)
    make_run(tmp_path, *faults, entities=600)

    code, report = load()
    assert code == 0, report
    assert dict(RunFinding.objects.order_by("code").values_list("code", "count")) == {
        "load.bom": 1,
        "load.duplicate_entity": 1,
        "load.edge_type_unknown": 2,
        "load.nul_removed": 1,
        "load.number_nulled": 3,
    }
    assert lines_of(Run.objects.get()) == rows_in(report)
    case_mix = "payload -> 'metadata' -> 'caseMix'"
    assert rows_of("raw_entity_results", case_mix, f"{case_mix} IS NOT NULL") == [("null",)]


@copying
def test_a_node_that_failed_in_the_run_is_not_loaded(load: Load, tmp_path: Path) -> None:
    make_run(tmp_path, Fault.FAILED_NODE)

    code, report = load()
    assert (code, report["rows"]["raw_node_results"]) == (0, 3)


def test_a_path_out_of_the_run_is_refused(load: Load, tmp_path: Path) -> None:
    make_run(tmp_path, Fault.PATH_ESCAPE)

    code, _report = load(RUN)
    found = set(RunFinding.objects.values_list("code", flat=True))
    assert (code, Run.objects.get().status) == (3, RunStatus.REJECTED)
    assert "gate.path_escape" in found


@copying
def test_a_failed_validation_can_be_accepted(load: Load, tmp_path: Path) -> None:
    make_run(tmp_path, Fault.VALIDATION_FAILED)

    code, _report = load(RUN, "--accept-validation")
    assert code == 0
    assert RunFinding.objects.get(code="load.validation_warning").severity == "warn"
    assert Run.objects.get().status == RunStatus.LOADED
