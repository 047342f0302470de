"""Rollups: events of a segment summed by month, coarse cell and category, where that makes them fewer.

Each resolution is written in one transaction with the segment's list of resolutions, so a reader that sees
it listed finds all of its rows. Only months that no event of the segment exceeds can be summed: a segment
with events that are precise to the year has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from django.db import connection, transaction
from psycopg.sql import SQL, Composable, Identifier, Literal

from apps.datasets.models import Dataset, Rollup, Segment
from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.rows import Int64s, Precision
from apps.datasets.states import SegmentState
from apps.datasets.storage.binary import decode
from apps.datasets.storage.stage import shared_partition

RESOLUTIONS: Final = (7, 6, 5, 4, 3)
# Fewer rows are read as fast as their sums would be.
MIN_ROWS: Final = 1_000
# A segment of fewer rows is counted whole; of others every hundredth row.
SAMPLED_FROM: Final = 100_000
SAMPLE_STEP: Final = 100
# Autovacuum is soon enough for smaller ones, of which some come every few minutes.
NOTED_FROM: Final = 100_000
MAX_SHARE: Final = 0.5
ERASED_AT_ONCE: Final = 20_000

_MONTH = SQL(
    "(extract(year FROM occurred_at AT TIME ZONE {zone}) * 12"
    " + extract(month FROM occurred_at AT TIME ZONE {zone}) - 1)::integer"
)
_SAMPLE = SQL(
    "COPY (SELECT cell, {month}, category_no FROM {partition} WHERE dataset_no = {dataset_no}"
    " AND segment_no = {segment_no} AND event_no % {step} = 0) TO STDOUT (FORMAT BINARY)"
)
_INSERT = SQL(
    "INSERT INTO datasets_rollup (dataset_no, segment_no, resolution, month, cell, category_no,"
    ' n, n_value, sum_d, sum_d2, "min", "max") {select}'
)
# Ordered, so that the rows of a month and a place lie side by side: else reading or deleting each of them
# visits a page of its own.
_FROM_EVENTS = SQL(
    "SELECT {dataset_no}, {segment_no}, {resolution}, {month}, datasets_h3_parent(cell, {resolution}),"
    " category_no, count(*), count(value), coalesce(sum(value - {pivot}), 0),"
    " coalesce(sum((value - {pivot}) * (value - {pivot})), 0), min(value), max(value) FROM {partition}"
    " WHERE dataset_no = {dataset_no} AND segment_no = {segment_no} GROUP BY 4, 5, 6 ORDER BY 4, 5, 6"
)
_NEXT: Final = (
    "SELECT resolution, month, cell, category_no FROM datasets_rollup"
    " WHERE dataset_no = %s AND segment_no = %s AND (resolution, month, cell, category_no) > (%s, %s, %s, %s)"
    " ORDER BY resolution, month, cell, category_no OFFSET %s LIMIT 1"
)
_ERASE: Final = (
    "DELETE FROM datasets_rollup"
    " WHERE dataset_no = %s AND segment_no = %s AND (resolution, month, cell, category_no) > (%s, %s, %s, %s)"
    " AND (resolution, month, cell, category_no) <= (%s, %s, %s, %s)"
)
_ANALYZE: Final = (
    "ANALYZE (SKIP_LOCKED) datasets_rollup (dataset_no, segment_no, resolution, month, cell, category_no)"
)
_BEFORE_ALL: Final = (-1, 0, 0, 0)
_AFTER_ALL: Final = (32_767, 0, 0, 0)
_FROM_FINER = SQL(
    "SELECT {dataset_no}, {segment_no}, {resolution}, month, datasets_h3_parent(cell, {resolution}),"
    ' category_no, sum(n), sum(n_value), sum(sum_d), sum(sum_d2), min("min"), max("max")'
    " FROM datasets_rollup WHERE dataset_no = {dataset_no} AND segment_no = {segment_no}"
    " AND resolution = {finer} GROUP BY 4, 5, 6 ORDER BY 4, 5, 6"
)


@dataclass(frozen=True, slots=True)
class Sums:
    """What the rows of a segment, or a resolution of its rollups, add up to."""

    n: int
    n_value: int
    sum_d: float
    low: float | None
    high: float | None

    def agrees_with(self, other: "Sums") -> bool:
        """Tell whether both are of the same rows; sums of fractions depend on their order a little."""
        scale = max(abs(self.sum_d), abs(other.sum_d), self.n_value * 1e-3, 1e-6)
        exact = (self.n, self.n_value, self.low, self.high)
        return (
            exact == (other.n, other.n_value, other.low, other.high)
            and abs(self.sum_d - other.sum_d) <= scale * 1e-6
        )


def is_worth_rollups(segment: Segment) -> bool:
    """Tell whether a segment may have rollups: not too small, and no event as coarse as a year."""
    has_years = bool(segment.precision_counts.get(str(Precision.YEAR.value)))
    return segment.rows >= MIN_ROWS and not has_years


def chosen_resolutions(segment: Segment, dataset: Dataset) -> list[int]:
    """Return the resolutions, finest first, whose sums are at most half as many as the events. One query."""
    if not is_worth_rollups(segment):
        return []
    step = SAMPLE_STEP if segment.rows >= SAMPLED_FROM else 1
    statement = _SAMPLE.format(step=Literal(step), **_names(segment, dataset))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        rows = decode(b"".join(copy), [">i8", ">i4", ">i2"])
    cells, months, categories = (rows[name].astype(np.int64) for name in ("c0", "c1", "c2"))
    times_and_kinds = (months << 16) | (categories & 0xFFFF)
    return [
        resolution
        for resolution in RESOLUTIONS
        if _estimate(h3_parent(cells, resolution), times_and_kinds, step) <= segment.rows * MAX_SHARE
    ]


def build_rollup(segment: Segment, dataset: Dataset, resolution: int, finer: int | None) -> bool:
    """Write one resolution anew, from the events or from a finer one, and list it.

    False for a segment that is being dropped: what was written then would belong to nobody.
    """
    names = _names(segment, dataset) | {"resolution": SQL("{}::smallint").format(Literal(resolution))}
    select = _FROM_EVENTS if finer is None else _FROM_FINER
    with transaction.atomic(), connection.cursor() as cursor:
        # Locked, because two builders of one segment would list their resolutions over each other.
        locked = Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
        if locked.state != SegmentState.LIVE:
            return False
        drop_rollups(segment.no, dataset.no, resolution)
        cursor.execute(_INSERT.format(select=select.format(finer=Literal(finer), **names)))
        locked.rollups = sorted({*locked.rollups, resolution})
        locked.save(update_fields=["rollups"])
    segment.rollups = locked.rollups
    return True


def unlist_rollups(segment: Segment, dataset: Dataset, resolutions: Sequence[int]) -> None:
    """Take resolutions that are not worth their rows off the list, and their rows with them."""
    with transaction.atomic():
        locked = Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
        locked.rollups = [number for number in locked.rollups if number not in resolutions]
        locked.save(update_fields=["rollups"])
        for resolution in resolutions:
            drop_rollups(segment.no, dataset.no, resolution)
    segment.rollups = locked.rollups


def drop_rollups(segment_no: int, dataset_no: int, resolution: int | None = None) -> None:
    """Delete the rollups of a segment, or one resolution of them."""
    rows = Rollup.objects.filter(dataset_no=dataset_no, segment_no=segment_no)
    (rows if resolution is None else rows.filter(resolution=resolution))._raw_delete(rows.db)  # noqa: SLF001 - no row is loaded


def erase_rollups(segment_no: int, dataset_no: int) -> None:
    """Delete all rollups of a segment, 20,000 rows a transaction, in the order in which they lie.

    A sparse segment has half as many as events: at once they would keep vacuum and the disk busy for long.
    """
    segment, after = (dataset_no, segment_no), _BEFORE_ALL
    while after != _AFTER_ALL:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NEXT, [*segment, *after, ERASED_AT_ONCE - 1])
            until = cursor.fetchone() or _AFTER_ALL
            cursor.execute(_ERASE, [*segment, *after, *until])
        after = until


def note_rollups(segment: Segment) -> None:
    """Tell the planner of the rollups of a large segment, unless somebody else is at it.

    Else it takes them for a handful until autovacuum comes by, and sorts them on disk to add them up.
    """
    if segment.rows >= NOTED_FROM:
        with connection.cursor() as cursor:
            cursor.execute(_ANALYZE)


def rollup_sums(segment: Segment, dataset: Dataset, resolution: int) -> Sums:
    """Add up one resolution."""
    return _sums(
        SQL(
            'SELECT coalesce(sum(n), 0), coalesce(sum(n_value), 0), coalesce(sum(sum_d), 0), min("min"),'
            ' max("max") FROM datasets_rollup WHERE dataset_no = {dataset_no} AND segment_no = {segment_no}'
            " AND resolution = {resolution}"
        ).format(resolution=Literal(resolution), **_names(segment, dataset))
    )


def event_sums(segment: Segment, dataset: Dataset) -> Sums:
    """Add up the events."""
    return _sums(
        SQL(
            "SELECT count(*), count(value), coalesce(sum(value - {pivot}), 0), min(value), max(value)"
            " FROM {partition} WHERE dataset_no = {dataset_no} AND segment_no = {segment_no}"
        ).format(**_names(segment, dataset))
    )


def _sums(statement: Composable) -> Sums:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        n, n_value, sum_d, low, high = cursor.fetchone()
    return Sums(int(n), int(n_value), float(sum_d), low, high)


def _names(segment: Segment, dataset: Dataset) -> dict[str, Composable]:
    return {
        "dataset_no": Literal(dataset.no),
        "segment_no": Literal(segment.no),
        "partition": Identifier(shared_partition(segment.slab)),
        "month": _MONTH.format(zone=Literal(dataset.zone)),
        "pivot": SQL("{}::float8").format(Literal(dataset.value_pivot or 0.0)),
    }


def _estimate(cells: Int64s, times_and_kinds: Int64s, step: int) -> float:
    """Return about how many groups all rows have, after those of every `step`th (Charikar's estimator).

    Groups met once in the sample stand for sqrt(step) groups each, the others for themselves.
    """
    pairs = np.stack([cells, times_and_kinds], axis=1)
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    once = int(np.count_nonzero(counts == 1))
    return sqrt(step) * once + (len(counts) - once)
