"""Does what is stored agree with what is said about it? Rows, law 2, cells, parts, rollups, orphans."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from django.db import connection
from django.db.models import QuerySet, Sum
from psycopg.sql import SQL, Identifier

from apps.datasets.importing.announcing import ACTIVE
from apps.datasets.models import Dataset, Import, Rollup, Segment, Version
from apps.datasets.models.version import OWN_SLAB_BASE
from apps.datasets.reading.cells import base_cells
from apps.datasets.states import SegmentState
from apps.datasets.storage.dropping import drop_partition
from apps.datasets.storage.parts import read_parts
from apps.datasets.storage.rollups import drop_rollups, event_sums, is_worth_rollups, rollup_sums
from apps.datasets.storage.stage import drop_stage, own_partition, stage_import_nos, stage_table
from apps.datasets.upkeep_tasks import build_rollups

_TABLE: Final = Identifier("datasets_event")
_OWN_PARTITIONS: Final = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^datasets_event_slab_[0-9]{4,}$' "
    "AND relnamespace = current_schema()::regnamespace ORDER BY relname"
)
COUNTS: Final = ("rows_read", "accepted", "rejected", "duplicates")


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement; `subject` says of what, `code` of which kind."""

    subject: str
    code: str
    detail: str


def verify_datasets(datasets: QuerySet[Dataset], *, sample: int) -> Iterator[Finding]:
    """Yield what is wrong with datasets: versions, segments with `sample` rows each, imports."""
    for dataset in datasets.order_by("no").iterator():
        for version in Version.objects.filter(dataset=dataset, dropped_at__isnull=True).order_by("number"):
            yield from _verify_version(dataset, version)
        living = Segment.objects.filter(dataset=dataset, state=SegmentState.LIVE)
        for segment in living.order_by("no"):
            yield from _verify_segment(dataset, segment, sample)
        for row in dataset.imports.filter(version__isnull=False).order_by("no"):
            yield from _verify_import(row)


def verify_orphans() -> Iterator[Finding]:
    """Yield what belongs to nobody: stage tables and staged segments without an active import."""
    for number in orphan_stages():
        yield Finding(stage_table(number), "orphan_stage", "No active import fills this table.")
    for segment in _orphan_segments():
        yield Finding(str(segment), "orphan_segment", "No active import makes this segment.")
    for number in _orphan_partitions():
        yield Finding(own_partition(number), "orphan_partition", "No segment has its rows here.")
    for dataset_no, segment_no in _orphan_rollups():
        detail = "They are of a segment that is not there."
        yield Finding(f"rollups of dataset no. {dataset_no}, segment {segment_no}", "orphan_rollups", detail)


def repair_orphans() -> int:
    """Drop orphan tables and rollups, hand orphan segments to the clock that drops; returns how many."""
    numbers = orphan_stages()
    for number in numbers:
        drop_stage(stage_table(number))
    partitions = _orphan_partitions()
    for number in partitions:
        drop_partition(own_partition(number))
    rollups = _orphan_rollups()
    for dataset_no, segment_no in rollups:
        drop_rollups(segment_no, dataset_no)
    given_up = _orphan_segments().update(state=SegmentState.DROPPING)
    return len(numbers) + len(partitions) + len(rollups) + given_up


def repair_rollups(datasets: QuerySet[Dataset]) -> int:
    """Build the rollups anew whose sums are not those of the events; returns of how many segments."""
    repaired = 0
    for segment in _living_segments(datasets).select_related("dataset"):
        if list(verify_rollups(segment.dataset, segment)):
            build_rollups(segment, segment.dataset)
            repaired += 1
    return repaired


def orphan_stages() -> list[int]:
    """Return the import numbers of stage tables that no active import fills."""
    numbers = stage_import_nos()
    living = set(Import.objects.filter(no__in=numbers, status__in=ACTIVE).values_list("no", flat=True))
    return [number for number in numbers if number not in living]


def _orphan_segments() -> QuerySet[Segment]:
    busy = Import.objects.filter(status__in=ACTIVE).values("dataset")
    return Segment.objects.filter(state=SegmentState.STAGED).exclude(dataset__in=busy)


def _verify_version(dataset: Dataset, version: Version) -> Iterator[Finding]:
    subject = f"{dataset.name} version {version.number}"
    segments = list(Segment.objects.of_version(version.pk))
    rows = sum(segment.rows for segment in segments)
    if rows != version.event_count:
        yield Finding(subject, "event_count", f"It says {version.event_count}, its segments have {rows}.")
    for segment in segments:
        if segment.state != SegmentState.LIVE:
            yield Finding(subject, "segment_state", f"It lists {segment}, which is {segment.state}.")


def _verify_segment(dataset: Dataset, segment: Segment, sample: int) -> Iterator[Finding]:
    subject = f"{dataset.name} {segment}"
    facts = _event_numbers(segment, dataset.no)
    if set(facts) != {segment.rows}:
        yield Finding(subject, "rows", f"{segment.rows} are stated, {facts[0]} stored, {facts[1]} distinct.")
    wrong = _wrong_cells(segment, dataset.no, sample)
    if wrong:
        yield Finding(subject, "cells", f"{wrong} of {sample} sampled rows lie in another cell.")
    yield from _verify_parts(subject, segment)
    yield from verify_rollups(dataset, segment)


def _verify_parts(subject: str, segment: Segment) -> Iterator[Finding]:
    try:
        in_parts = sum(part.num_rows for part in read_parts(segment.files_prefix, ["event_no"]))
    except (OSError, pa.ArrowInvalid) as error:
        yield Finding(subject, "parts", f"A part cannot be read: {type(error).__name__}.")
        return
    if in_parts != segment.rows:
        yield Finding(subject, "parts", f"{segment.rows} rows are stated, {in_parts} are in the parts.")


def verify_rollups(dataset: Dataset, segment: Segment) -> Iterator[Finding]:
    """Yield the resolutions of a segment's rollups that add up to other sums than its events."""
    if not segment.rollups:
        return
    expected = event_sums(segment, dataset)
    for resolution in segment.rollups:
        if not rollup_sums(segment, dataset, resolution).agrees_with(expected):
            detail = f"Those at resolution {resolution} add up to other sums than the events."
            yield Finding(f"{dataset.name} {segment}", "rollups", detail)


def backfill_rollups(
    datasets: QuerySet[Dataset], *, rebuild: bool
) -> Iterator[tuple[Segment, list[Finding]]]:
    """Build the rollups that are missing, or all, and yield each segment with what differs afterwards."""
    for segment in _living_segments(datasets).select_related("dataset"):
        if is_worth_rollups(segment) and (rebuild or not segment.rollups):
            build_rollups(segment, segment.dataset)
        yield segment, list(verify_rollups(segment.dataset, segment))


def _living_segments(datasets: QuerySet[Dataset]) -> QuerySet[Segment]:
    return Segment.objects.filter(dataset__in=datasets, state=SegmentState.LIVE).order_by("no")


def _orphan_partitions() -> list[int]:
    """Return the segment numbers of own partitions whose segment has no rows there any more."""
    with connection.cursor() as cursor:
        cursor.execute(_OWN_PARTITIONS)
        numbers = [int(name.rpartition("_")[2]) - OWN_SLAB_BASE for (name,) in cursor.fetchall()]
    gone = SegmentState.DROPPED
    known = set(Segment.objects.filter(no__in=numbers).exclude(state=gone).values_list("no", flat=True))
    return [number for number in numbers if number >= 0 and number not in known]


def _orphan_rollups() -> list[tuple[int, int]]:
    """Return dataset and segment numbers of rollups without a segment that has rows."""
    pairs = Rollup.objects.order_by().values_list("dataset_no", "segment_no").distinct()
    gone = SegmentState.DROPPED
    known = set(Segment.objects.exclude(state=gone).values_list("dataset__no", "no"))
    return sorted(set(pairs) - known)


def _event_numbers(segment: Segment, dataset_no: int) -> tuple[int, int]:
    """Return how many rows and how many different event numbers are stored."""
    statement = SQL(
        "SELECT count(*), count(DISTINCT event_no) FROM {} "
        "WHERE slab = %s AND dataset_no = %s AND segment_no = %s"
    ).format(_TABLE)
    with connection.cursor() as cursor:
        cursor.execute(statement, [segment.slab, dataset_no, segment.no])
        rows, distinct = cursor.fetchone()
    return int(rows), int(distinct)


def _wrong_cells(segment: Segment, dataset_no: int, sample: int) -> int:
    """Compute the cells of some rows again from their points and count those that differ."""
    step = max(segment.rows // max(sample, 1), 1)
    statement = SQL(
        "SELECT lat_e7, lon_e7, cell FROM {} WHERE slab = %s AND dataset_no = %s AND segment_no = %s "
        "AND event_no %% %s = 0 LIMIT %s"
    ).format(_TABLE)
    with connection.cursor() as cursor:
        cursor.execute(statement, [segment.slab, dataset_no, segment.no, step, sample])
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 3)
    again = base_cells(rows[:, 0].astype(np.int32), rows[:, 1].astype(np.int32))
    return int(np.count_nonzero(again != rows[:, 2]))


def _verify_import(row: Import) -> Iterator[Finding]:
    sums = row.files.aggregate(**{name: Sum(name) for name in COUNTS})
    different = [name for name in COUNTS if sums[name] != getattr(row, name)]
    if different:
        yield Finding(str(row), "counts", f"Its files add up to other numbers: {', '.join(different)}.")
