"""Rollups only speed up: built by a job after publishing, used for whole months, and never another answer."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.datasets.models import Dataset, Rollup, Segment, Upkeep
from apps.datasets.queries.aggregate import GroupBy, Groups, aggregate_cells
from apps.datasets.queries.scopes import Filters, Scope, open_scope
from apps.datasets.queries.selections import Box, Everywhere, Selection
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.windows import Window
from apps.datasets.reading.rows import Precision
from apps.datasets.storage import rollups
from apps.datasets.storage.rollups import chosen_resolutions, erase_rollups, event_sums, rollup_sums
from apps.datasets.upkeep_tasks import build_rollups, queue_rollups
from tests.factories.datasets import EventRow, publish, published_dataset

pytestmark = pytest.mark.django_db

WHOLE_MONTHS = Window(date(2023, 3, 1), date(2023, 8, 31))


def scope_of(dataset: Dataset, filters: Filters | None = None) -> Scope:
    vocabulary = load_vocabularies([dataset.no])[dataset.no]
    assert dataset.current_version is not None
    return open_scope(dataset, dataset.current_version, filters or Filters(), vocabulary)


def rows(number: int, seed: int = 3) -> list[EventRow]:
    random = Random(seed)
    start = datetime(2023, 1, 1, tzinfo=UTC)
    return [
        EventRow(
            51.5 + random.gauss(0, 0.02),
            random.choice([-0.1, 0.4]) + random.gauss(0, 0.02),
            start + timedelta(minutes=random.randrange(525_600)),
            category=f"c{index % 2}",
            precision=Precision.INSTANT,
            value=None if index % 3 == 0 else random.gauss(6, 1),
        )
        for index in range(number)
    ]


@pytest.fixture
def dataset() -> Dataset:
    """Return 4,000 events in two segments, of which only the first has rollups."""
    row = published_dataset([], zone="Europe/London")
    publish(row, [rows(3_000), rows(1_000, seed=4)])
    first = Segment.objects.filter(dataset=row).order_by("no")[0]
    build_rollups(first, row)
    assert first.rollups
    return row


def columns(groups: Groups) -> dict[str, Any]:
    return {name: getattr(groups, name) for name in Groups.__slots__}


def forgetful(dataset: Dataset) -> None:
    Segment.objects.filter(dataset=dataset).update(rollups=[])


QUESTIONS = [
    (Everywhere(), 5, Filters()),
    (Everywhere(), 3, Filters(window=WHOLE_MONTHS)),
    (Box.from_degrees(-0.2, 51.4, 0.1, 51.52), 6, Filters(window=WHOLE_MONTHS)),
    (Box.from_degrees(-0.9, 51, 0.9, 52), 4, Filters(categories=("c1",))),
    (Everywhere(), 5, Filters(window=Window(None, date(2023, 5, 31)))),
]


@pytest.mark.parametrize("by", [GroupBy.CATEGORY, GroupBy.NOTHING])
@pytest.mark.parametrize(("selection", "resolution", "filters"), QUESTIONS)
def test_answers_are_the_same_with_and_without(
    dataset: Dataset, selection: Selection, resolution: int, filters: Filters, by: GroupBy
) -> None:
    with CaptureQueriesContext(connection) as asked:
        with_rollups = columns(aggregate_cells(scope_of(dataset, filters), selection, resolution, by=by))
    assert any("datasets_rollup" in query["sql"] for query in asked.captured_queries)
    forgetful(dataset)
    without = columns(aggregate_cells(scope_of(dataset, filters), selection, resolution, by=by))
    assert without["count"].sum() > 100
    for name, column in without.items():
        np.testing.assert_allclose(with_rollups[name], column, rtol=1e-10, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(hours=(0, 23)),
        Filters(weekdays=(1, 2)),
        Filters(value_min=0.0),
        Filters(window=Window(date(2023, 3, 2), None)),
        Filters(window=Window(datetime(2023, 3, 1, 1, tzinfo=UTC), None)),
    ],
)
def test_what_whole_months_cannot_say_is_read_from_the_events(dataset: Dataset, filters: Filters) -> None:
    with CaptureQueriesContext(connection) as asked:
        aggregate_cells(scope_of(dataset, filters), Everywhere(), 5)
    assert not any("datasets_rollup" in query["sql"] for query in asked.captured_queries)


def test_cells_finer_than_any_rollup_are_read_from_the_events(dataset: Dataset) -> None:
    with CaptureQueriesContext(connection) as asked:
        found = aggregate_cells(scope_of(dataset), Everywhere(), 9)
    assert found.count.sum() == 4_000
    assert not any("datasets_rollup" in query["sql"] for query in asked.captured_queries)


def test_a_publish_queues_one_job_a_segment_that_is_worth_it(
    dataset: Dataset, run_jobs: Callable[[], int]
) -> None:
    publish(dataset, [rows(50), [EventRow(1, 1, precision=Precision.YEAR)] * 1_200])
    segments = list(Segment.objects.filter(dataset=dataset).order_by("no"))
    assert queue_rollups(dataset, segments) == 1
    assert queue_rollups(dataset, segments) == 0
    assert run_jobs() == 1
    assert list(Upkeep.objects.values_list("status", "segment_id")) == [("succeeded", segments[1].no)]
    built = Segment.objects.get(no=segments[1].no)
    for resolution in built.rollups:
        assert rollup_sums(built, dataset, resolution).agrees_with(event_sums(built, dataset))


def test_sparse_events_get_no_rollup_as_it_would_save_nothing() -> None:
    random = Random(1)
    sparse = [EventRow(random.uniform(-80, 80), random.uniform(-180, 180)) for _ in range(1_500)]
    dataset = published_dataset(sparse)
    assert chosen_resolutions(Segment.objects.get(dataset=dataset), dataset) == []


def test_rollups_lie_in_the_order_in_which_they_are_read(dataset: Dataset) -> None:
    segment = Segment.objects.filter(dataset=dataset).order_by("no")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT resolution, month, cell, category_no FROM datasets_rollup WHERE segment_no = %s"
            " ORDER BY ctid",
            [segment.no],
        )
        keys = cursor.fetchall()
    for resolution in segment.rollups:
        of_resolution = [key for key in keys if key[0] == resolution]
        assert len(of_resolution) > 20
        assert of_resolution == sorted(of_resolution)


@pytest.mark.parametrize("at_once", [7, 1_000_000])
def test_a_segments_rollups_are_erased_piece_by_piece_and_no_others(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    first, second = Segment.objects.filter(dataset=dataset).order_by("no")
    build_rollups(second, dataset)
    rows_of = {each.no: Rollup.objects.filter(segment_no=each.no).count() for each in (first, second)}
    monkeypatch.setattr(rollups, "ERASED_AT_ONCE", at_once)
    with CaptureQueriesContext(connection) as captured:
        erase_rollups(first.no, dataset.no)
    deletes = [query for query in captured.captured_queries if query["sql"].startswith("DELETE")]
    assert len(deletes) == rows_of[first.no] // at_once + 1
    assert not Rollup.objects.filter(segment_no=first.no).exists()
    assert Rollup.objects.filter(segment_no=second.no).count() == rows_of[second.no] > 0


def test_the_planner_is_told_of_the_rollups_of_large_segments_alone(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "NOTED_FROM", 2_000)
    large, small = Segment.objects.filter(dataset=dataset).order_by("no")
    for segment, times in ((large, 1), (small, 0)):
        with CaptureQueriesContext(connection) as captured:
            build_rollups(segment, dataset)
        told = [query for query in captured.captured_queries if str(query["sql"]).startswith("ANALYZE")]
        assert len(told) == times
