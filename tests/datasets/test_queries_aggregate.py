"""The aggregate query: brute force over the rows, windows, hours, and how the database reads it."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random

import h3.api.basic_int as h3
import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from apps.datasets.models import Dataset
from apps.datasets.queries.aggregate import GroupBy, Groups, aggregate_cells
from apps.datasets.queries.scan import scan
from apps.datasets.queries.scopes import Filters, Scope, open_scope
from apps.datasets.queries.selections import Box, Descendants, Everywhere, Selection
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.windows import Window
from apps.datasets.reading.rows import Precision
from tests.factories.datasets import EventRow, publish, published_dataset

pytestmark = pytest.mark.django_db

CORNERS = [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (0.0, -180.0), (51.5, 179.99999), (-33.0, -179.99999)]


def scope_of(dataset: Dataset, filters: Filters | None = None) -> Scope:
    vocabulary = load_vocabularies([dataset.no])[dataset.no]
    assert dataset.current_version is not None
    return open_scope(dataset, dataset.current_version, filters or Filters(), vocabulary)


def counts(groups: Groups) -> dict[int, int]:
    total: Counter[int] = Counter()
    for cell, count in zip(groups.cell.tolist(), groups.count.tolist(), strict=True):
        total[cell] += count
    return dict(total)


def scattered(number: int, seed: int = 7) -> list[EventRow]:
    """Return points all over the sphere, half of them in a few towns, with values and two categories."""
    random = Random(seed)
    rows = []
    for index in range(number):
        if index % 2:
            place = (
                51.5 + random.gauss(0, 0.05),
                random.choice([-0.1, 179.98, -179.99]) + random.gauss(0, 0.005),
            )
        else:
            place = (float(np.degrees(np.arcsin(random.uniform(-1, 1)))), random.uniform(-180, 180))
        value = None if index % 5 == 0 else random.gauss(6, 1)
        rows.append(EventRow(*place, category=f"c{index % 3}", value=value))
    return rows + [EventRow(*corner) for corner in CORNERS]


def test_every_level_equals_brute_force_and_adds_up(subtests_rows: tuple[Dataset, list[EventRow]]) -> None:
    dataset, rows = subtests_rows
    scope = scope_of(dataset)
    for resolution in range(3, 12):
        expected = Counter(h3.cell_to_parent(row.cell, resolution) for row in rows)
        assert counts(aggregate_cells(scope, Everywhere(), resolution)) == expected


@pytest.fixture
def subtests_rows(db: None) -> tuple[Dataset, list[EventRow]]:
    rows = scattered(1_500)
    return published_dataset(rows, segments=3), rows


longitudes = st.one_of(st.sampled_from([-180.0, 0.0, 179.0, 180.0]), st.floats(-180, 180))
latitudes = st.one_of(st.sampled_from([-90.0, 51.4, 90.0]), st.floats(-90, 90))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), resolution=st.integers(3, 11))
def test_any_box_equals_brute_force_over_the_centres(
    subtests_rows: tuple[Dataset, list[EventRow]], data: st.DataObject, resolution: int
) -> None:
    dataset, rows = subtests_rows
    south, north = sorted(data.draw(st.lists(latitudes, min_size=2, max_size=2, unique=True)))
    west, east = data.draw(st.lists(longitudes, min_size=2, max_size=2, unique_by=lambda x: x % 360))
    expected: Counter[int] = Counter()
    for row in rows:
        cell = h3.cell_to_parent(row.cell, resolution)
        latitude, longitude = h3.cell_to_latlng(cell)
        across = (longitude - west) % 360 < (east - west) % 360
        if across and south <= latitude and (latitude < north or north == 90):
            expected[cell] += 1
    found = aggregate_cells(scope_of(dataset), Box.from_degrees(west, south, east, north), resolution)
    assert counts(found) == expected


def test_descendants_of_cells_are_counted_at_every_level(
    subtests_rows: tuple[Dataset, list[EventRow]],
) -> None:
    dataset, rows = subtests_rows
    root = h3.cell_to_parent(rows[1].cell, 5)
    expected = sum(h3.cell_to_parent(row.cell, 5) == root for row in rows)
    assert expected > 5
    for resolution in range(5, 12):
        found = aggregate_cells(scope_of(dataset), Descendants((root,)), resolution)
        assert found.count.sum() == expected


def test_values_are_summed_about_the_pivot(subtests_rows: tuple[Dataset, list[EventRow]]) -> None:
    dataset, rows = subtests_rows
    scope = scope_of(dataset)
    groups = aggregate_cells(scope, Everywhere(), 3, by=GroupBy.NOTHING)
    values = [row.value for row in rows if row.value is not None]
    assert groups.n_value.sum() == len(values)
    assert scope.pivot == pytest.approx(np.mean(values))
    assert groups.sum_d.sum() == pytest.approx(0, abs=1e-6)
    assert groups.sum_d2.sum() == pytest.approx(np.var(values) * len(values))
    assert np.nanmin(groups.low) == min(values)
    assert np.nanmax(groups.high) == max(values)


def test_labels_group_like_categories_and_events_without_one_stay_apart() -> None:
    dataset = published_dataset([EventRow(1, 1, label="a"), EventRow(1, 1, label="a"), EventRow(1, 1)])
    groups = aggregate_cells(scope_of(dataset), Everywhere(), 5, by=GroupBy.LABEL, with_value=False)
    assert dict(zip(groups.term_no.tolist(), groups.count.tolist(), strict=True)) == {-1: 1, 0: 2}


def total(dataset: Dataset, **filters: object) -> tuple[int, int, int]:
    """Return events, those not wholly inside the window, and those without the time of day asked for."""
    groups = aggregate_cells(scope_of(dataset, Filters(**filters)), Everywhere(), 3)  # type: ignore[arg-type]
    return int(groups.count.sum()), int(groups.partial.sum()), int(groups.untimed.sum())


def at(year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_periods_are_in_when_they_meet_the_window_and_partial_when_it_cuts_them() -> None:
    dataset = published_dataset(
        [
            EventRow(1, 1, at(2023), precision=Precision.YEAR),
            EventRow(1, 1, at(2023, 2), precision=Precision.MONTH),
            EventRow(1, 1, at(2023, 3), precision=Precision.MONTH),
            EventRow(1, 1, at(2023, 3, 2), precision=Precision.DAY),
            EventRow(1, 1, at(2023, 3, 2, 5)),
        ]
    )
    assert total(dataset, window=Window(date(2023, 3, 1), date(2023, 3, 31))) == (4, 1, 0)
    assert total(dataset, window=Window(date(2023, 3, 2), date(2023, 3, 2))) == (4, 2, 0)
    assert total(dataset, window=Window(at(2023, 3, 2, 5), at(2023, 3, 2, 6))) == (4, 3, 0)
    assert total(dataset, window=Window(at(2023, 3, 2, 4), at(2023, 3, 2, 5))) == (3, 3, 0)
    assert total(dataset, window=Window(at(2024), None)) == (0, 0, 0)
    assert total(dataset, window=Window(None, at(2023, 2))) == (1, 1, 0)
    assert total(dataset) == (5, 0, 0)


def test_windows_are_half_open() -> None:
    dataset = published_dataset([EventRow(1, 1, at(2023, 5, 1)), EventRow(1, 1, at(2023, 5, 2))])
    assert total(dataset, window=Window(at(2023, 5, 1), at(2023, 5, 2))) == (1, 0, 0)


def test_hours_and_weekdays_are_local_wrap_midnight_and_leave_out_what_has_none() -> None:
    start = at(2023, 3, 25)
    rows = [EventRow(1, 1, start + timedelta(hours=hour, minutes=30)) for hour in range(48)]
    rows += [
        EventRow(1, 1, at(2023, 3, 25), precision=Precision.DAY),
        EventRow(1, 1, at(2023, 3), precision=Precision.MONTH),
    ]
    dataset = published_dataset(rows, zone="Europe/London")
    zone = scope_of(dataset).span.zone
    local = [row.occurred_at.astimezone(zone) for row in rows[:48]]
    late = sum(moment.hour >= 22 or moment.hour <= 4 for moment in local)
    assert total(dataset, hours=(22, 4)) == (late, 0, 2)
    assert total(dataset, hours=(1, 1)) == (sum(moment.hour == 1 for moment in local), 0, 2)
    saturdays = sum(moment.isoweekday() == 6 for moment in local)
    assert total(dataset, weekdays=(6,)) == (saturdays + 1, 0, 1)


def test_value_category_and_label_filters() -> None:
    dataset = published_dataset(
        [
            EventRow(1, 1, category="a", value=1.0, label="x"),
            EventRow(1, 1, category="a", value=2.0),
            EventRow(1, 1, category="b", value=3.0),
            EventRow(1, 1, category="b"),
        ]
    )
    assert total(dataset, value_min=2.0)[0] == 2
    assert total(dataset, value_min=2.0, value_max=2.0)[0] == 1
    assert total(dataset, categories=("a",))[0] == 2
    assert total(dataset, categories=("a", "b"), labels=("x",))[0] == 1
    assert total(dataset, categories=("elsewhere",))[0] == 0


def test_a_window_reads_only_the_segments_it_meets() -> None:
    dataset = published_dataset([])
    months = [[EventRow(1, 1, at(2023, month), precision=Precision.MONTH)] for month in range(1, 13)]
    publish(dataset, months)
    touched = scope_of(dataset, Filters(window=Window(date(2023, 3, 10), date(2023, 4, 10)))).segments
    assert [segment.first_at for segment in touched] == [at(2023, 3), at(2023, 4)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "selection", [Box.from_degrees(-0.12, 51.4, -0.07, 51.6), Everywhere()], ids=["box", "everywhere"]
)
def test_the_database_opens_one_partition_and_reads_the_index_alone(selection: Selection) -> None:
    for number in range(3):
        dataset = published_dataset(scattered(20_000, seed=number), name=f"Events {number}")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) datasets_event")
        scope = scope_of(dataset, Filters(window=Window(date(2023, 1, 1), date(2023, 1, 31))))
        query = scan(scope, selection.ranges(9), sql.SQL("cell, category_no, value, precision"))
        assert query is not None
        cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(query))
        (plan,) = cursor.fetchone()
    nodes = list(_nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))
    scans = [node for node in nodes if "Relation Name" in node]
    assert {node["Relation Name"] for node in scans} == {f"datasets_event_slab_{dataset.no % 8}"}
    if not isinstance(selection, Everywhere):
        assert {node["Node Type"] for node in scans} == {"Index Only Scan"}
        assert "cell >= " in str(scans[0]["Index Cond"])


def _nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    below = plan.get("Plans", [])
    assert isinstance(below, list)
    return [plan, *(node for child in below for node in _nodes(child))]
