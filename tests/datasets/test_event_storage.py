"""Rows go into a stage table by COPY, become a segment, are read back, and leave nothing when dropped."""

import math
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import connection, transaction

from apps.accounts.models import Organization
from apps.datasets.models import Dataset, Event, Segment, Term
from apps.datasets.reading.cells import occupied
from apps.datasets.reading.rows import Events
from apps.datasets.states import SegmentState
from apps.datasets.storage.ddl import with_lock_timeout
from apps.datasets.storage.dropping import drop_segment
from apps.datasets.storage.events import SegmentKey, copy_events, external_hash
from apps.datasets.storage.parts import files_prefix, part_numbers, write_part
from apps.datasets.storage.rows import read_segment
from apps.datasets.storage.sketch import sketch_cells
from apps.datasets.storage.stage import (
    choose_slab,
    create_stage,
    index_stage,
    place_stage,
    stage_import_nos,
    stage_table,
)
from apps.datasets.storage.statistics import read_statistics
from apps.datasets.storage.terms import TermNumbers
from tests.datasets.batches import make_events

pytestmark = pytest.mark.django_db(transaction=True)


def make_dataset() -> Dataset:
    organization = Organization.objects.create(name="Org", slug="org")
    dataset = Dataset.objects.create(organization=organization, name="Data")
    dataset.refresh_from_db()
    return dataset


def stage(dataset: Dataset, batches: list[Events], import_no: int = 1) -> tuple[Segment, SegmentKey]:
    segment = Segment.objects.create(dataset=dataset, slab=0)
    segment.refresh_from_db()
    segment.files_prefix = files_prefix(dataset, segment.no)
    key = SegmentKey(dataset.no, segment.no)
    table = stage_table(import_no)
    create_stage(table, key)
    terms = TermNumbers(dataset.no)
    first = 0
    for number, events in enumerate(batches):
        write_part(segment.files_prefix, number, events, first)
        with transaction.atomic(), connection.cursor() as cursor:
            copy_events(cursor, table, events, terms.number(events), key=key, first_no=first)
        first += len(events)
    return segment, key


def place(segment: Segment, key: SegmentKey, import_no: int = 1) -> None:
    table = stage_table(import_no)
    segment.slab = choose_slab(key, segment.rows or 1)
    if segment.has_own_slab:
        index_stage(table)
    with_lock_timeout(lambda: place_stage(table, key, segment.slab))
    segment.state = SegmentState.LIVE
    segment.save()


def same(left: Events, right: Events) -> None:
    for name in ("occurred_us", "precision", "lat_e7", "lon_e7", "cell", "value", "file_no", "line"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
    for name in ("category", "label", "external_id", "properties"):
        assert getattr(left, name).to_pylist() == getattr(right, name).to_pylist(), name


@pytest.mark.parametrize("own_table_min_rows", [0, 100])
def test_events_come_back_as_they_went_in(settings: Any, own_table_min_rows: int) -> None:
    settings.DATASETS_OWN_TABLE_MIN_ROWS = own_table_min_rows
    dataset = make_dataset()
    batches = [make_events(700, seed=1), make_events(301, seed=2, with_gaps=False)]
    segment, key = stage(dataset, batches)
    segment.rows = 1_001
    place(segment, key)

    assert segment.has_own_slab == (own_table_min_rows > 0)
    assert stage_import_nos() == []
    assert (
        Event.objects.filter(dataset_no=dataset.no, segment_no=segment.no, slab=segment.slab).count() == 1_001
    )
    same(Events.concat(list(read_segment(segment, dataset.no))), Events.concat(batches))


def test_rows_lie_in_cell_order_and_carry_hash_or_null() -> None:
    dataset = make_dataset()
    events = make_events(50)
    segment, key = stage(dataset, [events])
    place(segment, key)

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT cell FROM datasets_event_slab_{segment.slab} WHERE dataset_no = %s", [dataset.no]
        )
        cells = [cell for (cell,) in cursor.fetchall()]
    assert cells == sorted(cells)
    first, second = Event.objects.filter(dataset_no=dataset.no).order_by("event_no")[:2]
    assert (first.external_hash, first.value, first.label_no) == (None, None, None)
    assert second.external_hash == external_hash("id-1")
    assert second.value == 1 / 7
    assert Term.objects.get(dataset_no=dataset.no, field="category", no=second.category_no).text == "burglary"


def test_statistics_count_what_is_staged() -> None:
    dataset = make_dataset()
    events = make_events(400)
    stage(dataset, [events])

    facts = read_statistics("datasets_stage_1")

    assert facts.rows == 400
    assert facts.precision_counts == {"0": 100, "1": 100, "2": 100, "3": 100}
    assert sum(facts.category_counts.values()) == 400
    assert facts.occupied[8] == len(set(events.cell.tolist()))
    assert facts.occupied == sorted(facts.occupied)
    assert (facts.cell_first, facts.cell_last) == (events.cell.min(), events.cell.max())
    assert facts.extent is not None
    assert math.isclose(facts.extent[1], events.lat_e7.min() / 1e7)


def test_a_cell_counts_once_however_often_and_far_apart_it_lies() -> None:
    dataset = make_dataset()
    events = make_events(13_000)
    stage(dataset, [events, events])

    facts = read_statistics("datasets_stage_1")

    cells = np.unique(events.cell)
    assert facts.rows == 26_000
    assert facts.occupied == occupied(cells)
    assert facts.sketch == sketch_cells(cells)


def test_an_empty_stage_table_has_statistics_too() -> None:
    stage(make_dataset(), [])

    facts = read_statistics("datasets_stage_1")

    assert (facts.rows, facts.cell_first, facts.last_at, facts.extent) == (0, None, None, None)
    assert (facts.precision_counts, facts.category_counts, facts.occupied) == ({}, {}, [0] * 9)


@pytest.mark.parametrize("own_table_min_rows", [0, 10])
def test_dropping_leaves_neither_rows_nor_parts_nor_other_segments_changed(
    settings: Any, own_table_min_rows: int
) -> None:
    settings.DATASETS_OWN_TABLE_MIN_ROWS = own_table_min_rows
    dataset = make_dataset()
    kept, kept_key = stage(dataset, [make_events(30, seed=1)], import_no=1)
    kept.rows = 30
    place(kept, kept_key, import_no=1)
    gone, gone_key = stage(dataset, [make_events(40, seed=2)], import_no=2)
    gone.rows = 40
    place(gone, gone_key, import_no=2)

    drop_segment(gone, dataset.no)
    drop_segment(gone, dataset.no)

    gone.refresh_from_db()
    assert gone.state == SegmentState.DROPPED
    assert not default_storage.exists(gone.files_prefix)
    assert Event.objects.filter(dataset_no=dataset.no).count() == 30
    assert part_numbers(kept.files_prefix) == [0]


def test_stage_tables_are_found_by_their_import() -> None:
    dataset = make_dataset()
    stage(dataset, [make_events(1)], import_no=77)

    assert stage_import_nos() == [77]
