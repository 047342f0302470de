"""Cells anew: every event's cell is computed from its stored point, and what differs is put right.

Segments never change: one with a wrong cell is copied into a new one, and a new version lists that instead.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Final

import numpy as np
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from psycopg.sql import SQL, Composable, Identifier, Literal

from apps.common.jobs import Transient
from apps.datasets.importing.announcing import announce_version
from apps.datasets.importing.publishing import Release, lock_dataset, publish_version
from apps.datasets.models import Dataset, Segment, Version
from apps.datasets.queries.event_stream import event_batches
from apps.datasets.queries.scopes import Filters, open_scope
from apps.datasets.queries.terms import Vocabulary
from apps.datasets.reading.cells import base_cells
from apps.datasets.reading.rows import Int64s
from apps.datasets.storage.ddl import with_lock_timeout
from apps.datasets.storage.events import COLUMNS, SegmentKey
from apps.datasets.storage.parts import files_prefix, part_name, part_numbers
from apps.datasets.storage.stage import (
    choose_slab,
    create_stage,
    drop_stage,
    index_stage,
    place_stage,
    reindex_table,
    shared_partition,
    vacuum_shared,
)
from apps.datasets.storage.statistics import read_statistics

_FIXES: Final = "datasets_reindex_fixes"
_COPY: Final = SQL(
    "INSERT INTO {stage} ({columns}) SELECT {values} FROM {partition} AS e"
    " LEFT JOIN {fixes} AS fixes USING (event_no) WHERE e.dataset_no = {dataset_no}"
    " AND e.segment_no = {segment_no} ORDER BY coalesce(fixes.new_cell, e.cell), e.occurred_at"
)


class VersionReplaced(Transient):
    """Another version was published while the cells were computed."""

    code = "datasets.version_replaced"


def reindex_dataset(dataset: Dataset, tell: Callable[[float], None] = lambda _: None) -> Version | None:
    """Publish a version whose cells are right; None if all agree. Raises VersionReplaced.

    `tell` hears how much of it is done. Killed anywhere and run again, it ends the same: segments that were
    not published are staged, and belong to nobody.
    """
    version = dataset.current_version
    if version is None:
        return None
    segments = list(Segment.objects.of_version(version.pk))
    replaced: dict[int, Segment] = {}
    for number, segment in enumerate(segments):
        tell(number / len(segments))
        event_nos, cells = _wrong_cells(dataset, version, segment)
        if event_nos.size:
            replaced[segment.no] = _copied(dataset, segment, event_nos, cells)
    if not replaced:
        return None
    return _publish(dataset, version, [replaced.get(segment.no, segment) for segment in segments])


def _wrong_cells(dataset: Dataset, version: Version, segment: Segment) -> tuple[Int64s, Int64s]:
    """Return the events of a segment that lie in another cell, and that cell."""
    found = list(_differences(dataset, version, segment))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    event_nos, cells = zip(*found, strict=True)
    return np.concatenate(event_nos), np.concatenate(cells)


def _differences(dataset: Dataset, version: Version, segment: Segment) -> Iterator[tuple[Int64s, Int64s]]:
    scope = open_scope(dataset, version, Filters(), Vocabulary())
    for batch in event_batches(scope.narrowed_to(segment), with_rest=False):
        cells = base_cells(batch.lat_e7.astype(np.int32), batch.lon_e7.astype(np.int32))
        wrong = cells != batch.cell
        if wrong.any():
            yield batch.event_no[wrong], cells[wrong]


def _copied(dataset: Dataset, old: Segment, event_nos: Int64s, cells: Int64s) -> Segment:
    """Write a segment anew with right cells; its parts are the old ones'."""
    new = Segment.objects.create(
        dataset=dataset,
        source_import=old.source_import,
        slab=0,
        partition_source=old.partition_source,
        partition_key=old.partition_key,
        bytes=old.bytes,
    )
    new.refresh_from_db(fields=["no"])
    new.files_prefix = files_prefix(dataset, new.no)
    new.save(update_fields=["files_prefix"])
    _copy_parts(old.files_prefix, new.files_prefix)
    key, stage = SegmentKey(dataset.no, new.no), reindex_table(new.no)
    with transaction.atomic():
        create_stage(stage, key)
        _fill(stage, key, old, event_nos, cells)
    facts = read_statistics(stage)
    slab = choose_slab(key, facts.rows)
    if slab == key.own_slab:
        index_stage(stage)

    def place() -> None:
        place_stage(stage, key, slab)
        Segment.objects.filter(pk=new.pk).update(slab=slab, **asdict(facts))

    with_lock_timeout(place)
    drop_stage(stage)
    if slab != key.own_slab:
        vacuum_shared(slab)
    new.refresh_from_db()
    return new


def _fill(stage: str, key: SegmentKey, old: Segment, event_nos: Int64s, cells: Int64s) -> None:
    """Copy the rows of a segment into a stage table under its new number, with right cells."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {_FIXES} (event_no integer, new_cell bigint) ON COMMIT DROP")
        with cursor.copy(f"COPY {_FIXES} FROM STDIN") as copy:
            for pair in zip(event_nos.tolist(), cells.tolist(), strict=True):
                copy.write_row(pair)
        cursor.execute(
            _COPY.format(
                stage=Identifier(stage),
                columns=SQL(COLUMNS),
                values=SQL(", ").join(_value(name.strip(), key) for name in COLUMNS.split(",")),
                partition=Identifier(shared_partition(old.slab)),
                fixes=Identifier(_FIXES),
                dataset_no=Literal(key.dataset_no),
                segment_no=Literal(old.no),
            )
        )


def _value(column: str, key: SegmentKey) -> Composable:
    """Return what a column of the new segment takes from the old one."""
    if column == "cell":
        return SQL("coalesce(fixes.new_cell, e.cell)")
    if column == "slab":
        return Literal(key.own_slab)
    return Literal(key.segment_no) if column == "segment_no" else SQL("e.") + Identifier(column)


def _copy_parts(old_prefix: str, new_prefix: str) -> None:
    for number in part_numbers(old_prefix):
        name = part_name(new_prefix, number)
        with default_storage.open(part_name(old_prefix, number)) as part:
            default_storage.delete(name)
            default_storage.save(name, part)


def _publish(dataset: Dataset, base: Version, segments: list[Segment]) -> Version:
    with transaction.atomic():
        locked = lock_dataset(dataset)
        if locked.current_version_id != base.pk or locked.deleted_at is not None:
            raise VersionReplaced
        release = Release(
            segments=segments,
            published_at=timezone.now(),
            source_import=base.source_import,
            mapping=base.mapping,
            quality=base.quality,
        )
        version = publish_version(locked, release)
        announce_version(locked, version)
    return version
