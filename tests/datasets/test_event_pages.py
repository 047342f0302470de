"""Events one by one: pages in order over all segments, with the rest of each row from the parts."""

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import connection

from apps.datasets.models import Dataset
from apps.datasets.queries.aggregate import aggregate_cells
from apps.datasets.queries.event_rows import Nearness, Walk
from apps.datasets.queries.event_stream import event_batches
from apps.datasets.queries.events import event_page, event_pages
from apps.datasets.queries.scopes import Filters, Scope, open_scope
from apps.datasets.queries.selections import Box, Descendants
from apps.datasets.queries.terms import load_vocabularies
from tests.datasets.stories import ROWS, add, csv, made, upload
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


def scope_of(dataset: Dataset, filters: Filters | None = None) -> Scope:
    vocabulary = load_vocabularies([dataset.no])[dataset.no]
    assert dataset.current_version is not None
    return open_scope(dataset, dataset.current_version, filters or Filters(), vocabulary)


def test_pages_hold_every_event_once_in_the_order_of_cells() -> None:
    rows = [EventRow(51 + n % 7 / 100, n % 5 / 100, category=f"c{n % 3}") for n in range(100)]
    scope = scope_of(published_dataset(rows, segments=4))
    pages = list(event_pages(scope, limit=7))
    events = [event for page in pages for event in page]
    assert [len(page) for page in pages] == [7] * 14 + [2]
    assert len({event.id for event in events}) == 100
    keys = [(event.cell, event.occurred_at, event.segment_no, event.event_no) for event in events]
    assert keys == sorted(keys)
    back = event_page(scope, Nearness(), Walk(7, after=pages[2][0].key, is_backward=True))
    assert [event.id for event in back] == [event.id for event in pages[1]]


def test_a_box_takes_events_by_their_own_points() -> None:
    rows = [EventRow(51.5 + n / 10_000, 0.1) for n in range(200)] + [EventRow(51.505, 179.99999)]
    scope = scope_of(published_dataset(rows, segments=2))

    def within(*edges: float) -> int:
        near = Nearness(box=Box.from_degrees(*edges))
        return sum(len(page) for page in event_pages(scope, near, limit=50))

    assert within(0, 51.501, 0.2, 51.5101) == 91
    assert within(0.1, 51.5, 0.2, 51.5001) == 1
    assert within(0, 51.5, 0.1, 52) == 0
    assert within(179, 51, -179, 52) == 1
    cells = Nearness(cells=Descendants((rows[0].cell, rows[199].cell)))
    expected = sum(row.cell in {rows[0].cell, rows[199].cell} for row in rows)
    assert sum(len(page) for page in event_pages(scope, cells, limit=3)) == expected


def test_the_rest_of_a_row_comes_from_the_parts_and_is_missing_without_them(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, _ = made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Events")
    add(actors.manager, dataset["id"], upload(csv("b1,2024-02-01T10:00:00Z,51.6,-0.2,arson")), mode="append")
    run_jobs()
    row = Dataset.objects.select_related("current_version").get(pk=dataset["id"])
    scope = scope_of(row)
    events = {str(event.external_id): event for page in event_pages(scope, limit=2) for event in page}
    assert sorted(events) == ["a1", "a2", "a3", "a4", "b1"]
    assert all(event.is_whole and event.has_external_id for event in events.values())
    place = events["a3"].provenance
    assert place is not None
    assert (place.file, place.line) == ("events.csv", 4)
    assert place.import_id is not None
    assert [e.external_id for e in event_page(scope, Nearness(external_id="a2"), Walk(5))] == ["a2"]
    shutil.rmtree(default_storage.path("datasets"))
    lost = event_page(scope, Nearness(), Walk(5))
    assert len(lost) == 5
    assert not any(event.is_whole or event.external_id or event.provenance for event in lost)


def test_batches_hold_what_pages_hold(actors: Actors, run_jobs: Callable[[], int], settings: Any) -> None:
    settings.DATASETS_OWN_TABLE_MIN_ROWS = 60_000
    settings.DATASETS_CHUNK_ROWS = 25_000
    lines = [
        f"i{n},2024-01-01T{n % 24:02}:00:00Z,{51 + n * 7 % 1000 / 1000},0.{n % 97:02},c{n % 5}"
        for n in range(61_000)
    ]
    # Two files are two chunks, each in order for itself.
    files = [upload(csv(*lines[:30_000]), "a.csv"), upload(csv(*lines[30_000:]), "b.csv")]
    dataset, _ = made(actors.manager, run_jobs, *files, name="Events")
    add(actors.manager, dataset["id"], upload(csv(*lines[:30_000])), mode="append", duplicates="keep_all")
    run_jobs()
    row = Dataset.objects.select_related("current_version").get(pk=dataset["id"])
    scope = scope_of(row)
    assert [segment.has_own_slab for segment in scope.segments] == [True, False]
    batches = list(event_batches(scope))
    assert sum(map(len, batches)) == 91_000
    for batch in batches:
        assert batch.rest is not None
        ids = batch.rest.column("external_id").to_pylist()
        assert ids == [f"i{n}" for n in batch.event_no.tolist()]
        if not batch.segment.has_own_slab:
            assert batch.rest.column("line").to_pylist() == (batch.event_no + 2).tolist()
        order = np.lexsort((batch.event_no, batch.occurred_us, batch.cell))
        assert order.tolist() == list(range(len(batch)))
    of_part = next(event_batches(scope, rest_columns=("external_id",))).rest
    assert of_part is not None
    assert of_part.column_names == ["external_id"]
    box = Box.from_degrees(0.2, 51.2, 0.4, 51.4)
    near = list(event_batches(scope, box, 8, with_rest=False))
    found = aggregate_cells(scope, box, 8)
    assert sum(map(len, near)) == found.count.sum() > 100
    night = scope_of(row, Filters(hours=(0, 1), categories=("c1",)))
    assert sum(map(len, event_batches(night, with_rest=False))) == sum(
        n % 24 < 2 and n % 5 == 1 for n in [*range(61_000), *range(30_000)]
    )


@pytest.mark.parametrize("label_no", [32_767, 1, None])
def test_batches_hold_the_largest_and_least_numbers(label_no: int | None) -> None:
    dataset = published_dataset([EventRow(51.5, -0.1)])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE datasets_event SET event_no = 2147483647, category_no = 32767, label_no = %s, "
            "precision = 3, lat_e7 = -900000000, lon_e7 = -1800000000 WHERE dataset_no = %s",
            [label_no, dataset.no],
        )
    (batch,) = event_batches(scope_of(dataset), with_rest=False)
    found = batch.event_no, batch.category_no, batch.label_no, batch.precision, batch.lat_e7, batch.lon_e7
    label = -1 if label_no is None else label_no
    assert [column.tolist() for column in found] == [
        [2_147_483_647], [32_767], [label], [3], [-900_000_000], [-1_800_000_000]
    ]  # fmt: skip
