"""Commands and admin that look after rollups: they build, compare, find what is wrong and mend it."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from apps.accounts.permissions import system_actor
from apps.common.metrics import exposition
from apps.datasets.models import Dataset, Rollup, Segment, Upkeep
from apps.datasets.upkeep_services import rebuild_rollups
from tests.datasets.test_rollups import rows
from tests.factories.datasets import EventRow, published_dataset

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dataset() -> Dataset:
    return published_dataset(rows(1_500), name="Events")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any]]:
    """Run a command; returns its exit code and its lines of JSON."""
    code = 0
    try:
        call_command(*arguments, "--json")
    except SystemExit as end:
        code = int(end.code or 0)
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def codes_of(found: list[Any]) -> set[str]:
    return {finding["code"] for finding in found[0]["findings"]}


def test_backfill_builds_what_is_missing_and_tells_what_differs(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    published_dataset([EventRow(1, 1)], name="Small")
    code, lines = run(capsys, "backfill_rollups")
    assert code == 0
    assert {line["dataset"]: bool(line["rollups"]) for line in lines} == {"Events": True, "Small": False}
    Rollup.objects.filter(dataset_no=dataset.no, resolution=5).update(n=7)
    code, lines = run(capsys, "backfill_rollups", "--dataset", "events")
    assert (code, len(lines[0]["differ"])) == (1, 1)
    assert run(capsys, "backfill_rollups", "--dataset", "events", "--rebuild")[0] == 0


def test_verify_finds_wrong_rollups_and_orphans_and_repairs_them(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "backfill_rollups")
    Rollup.objects.filter(dataset_no=dataset.no, resolution=3).update(n_value=0)
    Rollup.objects.create(
        dataset_no=dataset.no, segment_no=9_999, resolution=3, month=1, cell=1, category_no=0, n=1,
        n_value=0, sum_d=0, sum_d2=0,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE datasets_event_slab_99999 (LIKE datasets_event)")
    wrong = {"rollups", "orphan_rollups", "orphan_partition"}
    code, found = run(capsys, "verify_dataset", "--all", "--repair")
    assert code == 1
    assert wrong <= codes_of(found)
    assert found[0]["repaired"] == 3
    code, found = run(capsys, "verify_dataset", "--all")
    assert codes_of(found) == {"parts"}, "the made-up rows have none"


def test_rollups_are_queued_to_be_built_anew_only_once(dataset: Dataset) -> None:
    segment = Segment.objects.get(dataset=dataset)
    for _ in range(2):
        rebuild_rollups(actor=system_actor(dataset.organization), segment=segment)
    assert Upkeep.objects.filter(segment=segment, status="queued").count() == 1


def test_the_figures_count_segments(dataset: Dataset) -> None:
    text = exposition().decode()
    assert "sextant_datasets_segments 1.0" in text
    assert "sextant_datasets_own_partitions 0.0" in text
    assert "sextant_datasets_stage_tables 0.0" in text
