"""Passes over whole files before they are read for good stop when they are told to."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from apps.common.jobs import Run
from apps.common.jobs import run as execution
from apps.datasets.models import Import
from apps.datasets.reading import column_scan
from tests.datasets.stories import HEADER, create, upload, zip_of
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

LINE = "a{},2024-01-01T10:00:00Z,51.5,-0.1,a kind of event with a long name that fills the file\n"
# Four pieces of a mebibyte.
TEXT = (HEADER + "".join(LINE.format(number) for number in range(40_000))).encode()
OBJECT = {"occurred_at": "2024-01-01T10:00:00Z", "latitude": 51.5, "longitude": -0.1, "category": "theft"}
OBJECTS = b"".join(json.dumps(OBJECT | {"id": number}).encode() + b"\n" for number in range(25_000))


def cancel(row_id: Any) -> None:
    Import.objects.filter(pk=row_id).update(cancel_requested_at=timezone.now())


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the import looked in each stage whether to go on."""
    monkeypatch.setattr(execution, "PROGRESS_INTERVAL_S", 0.0)
    return Counter()


@pytest.mark.parametrize(
    "at",
    [
        ("fetch", "events.csv", TEXT),
        ("fetch", "events.zip", zip_of(**{"events.csv": TEXT})),
        ("inspect", "events.csv", TEXT),
        ("inspect", "events.ndjson", OBJECTS),
    ],
)
def test_a_cancel_is_heard_within_a_pass_over_one_file(
    actors: Actors,
    run_jobs: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    looks: Counter[str],
    at: tuple[str, str, bytes],
) -> None:
    progress = Run.progress

    def cancelled_at_the_third(run: Run[Any], fraction: float, *, stage: str, **fields: Any) -> None:
        looks[stage] += 1
        if (stage, looks[stage]) == (wanted, 3):
            cancel(run.row.pk)
        progress(run, fraction, stage=stage, **fields)

    wanted, name, content = at
    monkeypatch.setattr(Run, "progress", cancelled_at_the_third)
    made = create(actors.manager, upload(content, name), name="Events").json()

    run_jobs()

    row = Import.objects.get(pk=made["import"]["id"])
    assert (row.status, row.stage, looks[wanted]) == ("cancelled", wanted, 3)


def test_a_cancel_is_heard_between_the_blocks_that_formats_are_proven_on(
    actors: Actors, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch, looks: Counter[str]
) -> None:
    rows = "".join(f"{day},01/{day}/2024,51.5,-0.1,theft\n" for day in range(1, 29))
    days = zip_of(**{f"{number}.csv": (HEADER + f"{number}{rows}").encode() for number in range(5)})
    made = create(actors.manager, upload(days, "days.zip"), name="Events").json()["import"]["id"]
    scan = column_scan.scan_columns

    def cancelled_after_a_block(*arguments: Any) -> Iterator[Any]:
        looks["scans"] += 1
        yield from scan(*arguments)
        cancel(made)

    monkeypatch.setattr(column_scan, "scan_columns", cancelled_after_a_block)

    run_jobs()

    row = Import.objects.get(pk=made)
    assert (row.status, row.stage, looks["scans"]) == ("cancelled", "inspect", 2)
