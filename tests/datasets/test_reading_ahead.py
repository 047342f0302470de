"""Reading runs a little ahead in a thread of its own, and nothing but time tells."""

import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest
import structlog
from django.db.backends.signals import connection_created
from django.utils import timezone

from apps.common.jobs import run as execution
from apps.datasets.importing.chunks import ChunkWriter
from apps.datasets.importing.reading_ahead import AHEAD_BYTES, AHEAD_ITEMS, read_ahead
from apps.datasets.models import Import
from apps.datasets.reading.duplicates import DuplicateCensus
from tests.datasets.stories import BAD, ROWS, add, counts, csv, made, upload, zip_of
from tests.furniture.people import Actors

WAIT_S = 30.0
MAPPING = {
    "fields": {
        "timestamp": {"column": "occurred_at"},
        "latitude": {"column": "latitude"},
        "longitude": {"column": "longitude"},
        "category": {"column": "category"},
        "external_id": {"column": "id"},
    }
}


class Source:
    """Numbers from 0 on; what is made and closed, and by which thread, is noted."""

    def __init__(self, *, fails_after: int | None = None, count: int = 1_000) -> None:
        self.fails_after = fails_after
        self.count = count
        self.made = self.taken = self.most_waiting = 0
        self.thread: threading.Thread | None = None
        self.closed_by: threading.Thread | None = None
        self.context: dict[str, Any] = {}
        self.changed = threading.Condition()

    def numbers(self) -> Generator[int]:
        self.thread = threading.current_thread()
        self.context = structlog.contextvars.get_contextvars()
        try:
            for number in range(self.count):
                if number == self.fails_after:
                    raise LookupError("the source is broken")
                with self.changed:
                    self.made += 1
                    self.most_waiting = max(self.most_waiting, self.made - self.taken)
                    self.changed.notify_all()
                yield number
        finally:
            self.closed_by = threading.current_thread()

    def wait_for(self, made: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.made >= made, WAIT_S)


def one(_item: int) -> int:
    return 1


def take_all(source: Source, taken: list[int]) -> None:
    with read_ahead(source.numbers, one) as numbers:
        for number in numbers:
            taken.append(number)


def leave_after(source: Source, count: int) -> None:
    with read_ahead(source.numbers, one) as numbers:
        for _ in range(count):
            next(numbers)
        # It waits for room by now, and must hear that none will come.
        source.wait_for(count + AHEAD_ITEMS)
        raise KeyError


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("reading-ahead")]


def assert_is_gone(source: Source) -> None:
    assert source.thread is not None
    assert source.closed_by is source.thread
    assert source.thread is not threading.current_thread()
    assert not source.thread.is_alive()
    assert reading_threads() == []


def test_items_come_in_their_order_from_another_thread_with_its_context() -> None:
    source = Source()
    with (
        structlog.contextvars.bound_contextvars(job_id="42"),
        read_ahead(source.numbers, one) as numbers,
    ):
        assert list(numbers) == list(range(source.count))
    assert source.context["job_id"] == "42"
    assert_is_gone(source)


def test_a_source_without_items_ends_at_once() -> None:
    source = Source(count=0)
    with read_ahead(source.numbers, one) as numbers:
        assert list(numbers) == []
    assert_is_gone(source)


@pytest.mark.parametrize("fails_after", [0, 1, AHEAD_ITEMS, 20])
def test_an_error_comes_after_the_items_before_it_as_it_was_raised(fails_after: int) -> None:
    source = Source(fails_after=fails_after)
    taken: list[int] = []
    with pytest.raises(LookupError, match="the source is broken") as raised:
        take_all(source, taken)
    assert taken == list(range(fails_after))
    assert "numbers" in [entry.name for entry in raised.traceback]
    assert_is_gone(source)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_whoever_leaves_early_leaves_no_thread_and_no_open_source(taken: int) -> None:
    source = Source()
    with pytest.raises(KeyError):
        leave_after(source, taken)
    assert_is_gone(source)
    assert source.made <= taken + AHEAD_ITEMS + 1


@pytest.mark.parametrize(
    ("size_bytes", "most"),
    [(1, AHEAD_ITEMS), (AHEAD_BYTES // 2, 2), (AHEAD_BYTES - 1, 2), (AHEAD_BYTES, 1), (9 * AHEAD_BYTES, 1)],
)
def test_no_more_waits_than_is_allowed_by_number_and_by_bytes(size_bytes: int, most: int) -> None:
    source = Source()
    with read_ahead(source.numbers, lambda _: size_bytes) as numbers:
        for number in range(20):
            source.wait_for(number + most)
            source.taken += 1
            assert next(numbers) == number
    assert source.most_waiting == most


def archive_of_twelve(*, spoilt: int | None = None) -> bytes:
    """Return twelve files of four rows; one may have more categories than a version holds."""
    few = csv(*ROWS)
    many = csv(*(f"b{number},2024-01-01T10:00:00Z,51.5,-0.1,kind {number}" for number in range(1_001)))
    return zip_of(
        **{
            f"{number:02}.csv": many if number == spoilt else few.replace(b"\na", b"\n%d-" % number)
            for number in range(12)
        }
    )


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_read_leaves_the_files_before_it_committed(
    actors: Actors, run_jobs: Callable[[], int], settings: Any
) -> None:
    settings.DATASETS_CHUNK_ROWS = 1

    _, row = made(
        actors.manager,
        run_jobs,
        upload(archive_of_twelve(spoilt=5), "all.zip"),
        name="Events",
        mapping=MAPPING,
    )

    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.too_many_categories")
    assert counts(row) == (20, 20, 0, 0)
    files = Import.objects.get().files.order_by("file_no")
    assert [file.state for file in files][:6] == ["read"] * 5 + ["pending"]
    assert reading_threads() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_spread", [False, True])
def test_a_failed_import_says_what_its_files_and_its_evidence_say(
    actors: Actors, run_jobs: Callable[[], int], is_spread: bool
) -> None:
    """Nothing was committed when a file, or all together, turned out to have too many categories."""
    few = csv(*ROWS, BAD)
    kinds = [f"b{number},2024-01-01T10:00:00Z,51.5,-0.1,kind {number}" for number in range(1_001)]
    rest = {"b.csv": csv(*kinds[:600]), "c.csv": csv(*kinds[600:])} if is_spread else {"b.csv": csv(*kinds)}

    _, row = made(
        actors.manager, run_jobs, upload(zip_of(**{"a.csv": few}, **rest)), name="Events", mapping=MAPPING
    )

    assert row["error"]["code"] == "datasets.too_many_categories"
    files = actors.manager.api.get(f"/api/v1/imports/{row['id']}/files").json()
    evidence = actors.manager.api.get(f"/api/v1/imports/{row['id']}/rejects").json()["results"]
    assert counts(row) == tuple(map(sum, zip(*map(counts, files), strict=True)))
    assert counts(row) == ((0, 0, 0, 0) if is_spread else (5, 4, 1, 0))
    assert len(evidence) == row["rejected"] == sum(found["n"] for found in row["reject_counts"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("policy", ["keep_all", "external_id_last"])
def test_an_import_ends_its_thread_which_never_opens_a_connection(
    actors: Actors, run_jobs: Callable[[], int], policy: str
) -> None:
    opened_by: set[str] = set()

    def note(**_: Any) -> None:
        opened_by.add(threading.current_thread().name)

    connection_created.connect(note)
    try:
        _, row = made(
            actors.manager,
            run_jobs,
            upload(archive_of_twelve(), "all.zip"),
            name="Events",
            mapping=MAPPING,
            duplicates=policy,
        )
    finally:
        connection_created.disconnect(note)
    assert (row["status"], counts(row)) == ("succeeded", (48, 48, 0, 0))
    assert not [name for name in opened_by if name.startswith("reading-ahead")]
    assert reading_threads() == []


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_import_ends_its_thread(
    actors: Actors, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    take, alive = ChunkWriter.take, []

    def cancelled_after_a_batch(*taken: Any) -> None:
        take(*taken)
        alive.extend(reading_threads())
        Import.objects.update(cancel_requested_at=timezone.now())

    monkeypatch.setattr(ChunkWriter, "take", cancelled_after_a_batch)
    monkeypatch.setattr(execution, "PROGRESS_INTERVAL_S", 0.0)

    _, row = made(
        actors.manager, run_jobs, upload(archive_of_twelve(), "all.zip"), name="Events", mapping=MAPPING
    )

    assert (row["status"], counts(row)) == ("cancelled", (4, 4, 0, 0))
    assert len(alive) == 1
    assert reading_threads() == []


@pytest.mark.django_db(transaction=True)
def test_an_import_that_remembers_what_stays_can_be_stopped_between_its_parts(
    actors: Actors, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DATASETS_CHUNK_ROWS = 1
    archive = upload(archive_of_twelve(), "all.zip")
    dataset, _ = made(actors.manager, run_jobs, archive, name="Events", mapping=MAPPING)
    started = add(actors.manager, dataset["id"], upload(csv(*ROWS)), mode="append", mapping=MAPPING).json()
    prime, remembered = DuplicateCensus.prime, []

    def cancelled_after_a_part(census: DuplicateCensus, events: Any) -> None:
        prime(census, events)
        remembered.append(len(events))
        Import.objects.filter(pk=started["id"]).update(cancel_requested_at=timezone.now())

    monkeypatch.setattr(DuplicateCensus, "prime", cancelled_after_a_part)
    monkeypatch.setattr(execution, "PROGRESS_INTERVAL_S", 0.0)

    run_jobs()

    assert Import.objects.get(pk=started["id"]).status == "cancelled"
    assert remembered == [4]
