"""Facts about the rows of one segment, read from its table once, and their sums over a version."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection
from django.db.backends.utils import CursorWrapper

from apps.datasets.models import Segment
from apps.datasets.reading.cells import E7, RESOLUTIONS, occupied
from apps.datasets.reading.rows import Int64s
from apps.datasets.storage.binary import decode_arrays
from apps.datasets.storage.sketch import merged_counts, sketch_cells

_GROUPS: Final = (
    "SELECT precision, category_no, count(*), min(cell), min(occurred_at), min(lon_e7), min(lat_e7), "
    "max(cell), max(occurred_at), max(lon_e7), max(lat_e7) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2"
)
_GROUP_COLUMNS: Final = 11
# Window by window of the table's blocks, some twenty thousand rows each: nothing is sorted or hashed by the
# server, which took it most of the time of all statistics. In parts also because a connection's buffer grows
# to the largest row it ever received, and stays so large.
_CELLS: Final = (
    "COPY (SELECT part.cells FROM generate_series(0, pg_relation_size('{table}') "
    "/ current_setting('block_size')::bigint, 256) AS first CROSS JOIN LATERAL ("
    "SELECT array_agg(cell) AS cells FROM {table} "
    "WHERE ctid >= format('(%s,0)', first)::tid AND ctid < format('(%s,0)', first + 256)::tid) AS part) "
    "TO STDOUT (FORMAT BINARY)"
)


@dataclass(frozen=True, slots=True)
class SegmentStatistics:
    """What a segment's row and its version state. Counts are keyed by precision and by category number."""

    rows: int
    cell_first: int | None
    cell_last: int | None
    first_at: datetime | None
    last_at: datetime | None
    extent: list[float] | None
    precision_counts: dict[str, int]
    category_counts: dict[str, int]
    occupied: list[int]
    sketch: bytes


@dataclass(frozen=True, slots=True)
class VersionTotals:
    """The sums of a version over its segments."""

    event_count: int
    extent: list[float] | None
    first_at: datetime | None
    last_at: datetime | None
    precision_counts: dict[str, int]
    occupied: list[int]


def read_statistics(table: str) -> SegmentStatistics:
    """Read the facts of a stage table: one aggregate, and one pass over its cells."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS.format(table=table))
        groups: list[tuple[Any, ...]] = cursor.fetchall()
        cells = _distinct_cells(cursor, table)
    precisions: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for precision, category_no, count, *_ in groups:
        precisions[str(precision)] += count
        categories[str(category_no)] += count
    columns = list(zip(*groups, strict=True)) or [()] * _GROUP_COLUMNS
    lows: list[Any] = [min(column, default=None) for column in columns[3:7]]
    highs: list[Any] = [max(column, default=None) for column in columns[7:]]
    cell_first, first_at, west, south = lows
    cell_last, last_at, east, north = highs
    return SegmentStatistics(
        rows=precisions.total(),
        cell_first=cell_first,
        cell_last=cell_last,
        first_at=first_at,
        last_at=last_at,
        extent=[bound / E7 for bound in (west, south, east, north)] if groups else None,
        precision_counts=dict(precisions),
        category_counts=dict(categories),
        occupied=occupied(cells),
        sketch=sketch_cells(cells),
    )


def _distinct_cells(cursor: CursorWrapper, table: str) -> Int64s:
    """Return each cell of a table once, ascending.

    Chunks lie in cell order, so that most of what is there twice is gone before all parts are held at once.
    """
    with cursor.copy(_CELLS.format(table=table)) as copy:
        parts = [_unrepeated(part) for part in decode_arrays(map(bytes, copy), ">i8")]
    cells = np.concatenate([np.empty(0, np.int64), *parts])
    cells.sort()
    return _unrepeated(cells)


def _unrepeated(cells: Int64s) -> Int64s:
    """Return the cells without those that equal the one before."""
    is_other = np.ones(len(cells), np.bool_)
    np.not_equal(cells[1:], cells[:-1], out=is_other[1:])
    return cells[is_other]


def total(segments: Sequence[Segment]) -> VersionTotals:
    """Add up segments. `occupied` is exact for one segment, else the estimate of the merged sketches."""
    filled = [segment for segment in segments if segment.rows]
    extents = [segment.extent for segment in filled if segment.extent]
    firsts = [segment.first_at for segment in filled if segment.first_at]
    lasts = [segment.last_at for segment in filled if segment.last_at]
    precisions: dict[str, int] = {}
    for segment in filled:
        for precision, count in segment.precision_counts.items():
            precisions[precision] = precisions.get(precision, 0) + count
    return VersionTotals(
        event_count=sum(segment.rows for segment in filled),
        extent=_union(extents),
        first_at=min(firsts, default=None),
        last_at=max(lasts, default=None),
        precision_counts=precisions,
        occupied=_total_occupied(filled),
    )


def _union(extents: Sequence[Sequence[float]]) -> list[float] | None:
    if not extents:
        return None
    wests, souths, easts, norths = zip(*extents, strict=True)
    return [min(wests), min(souths), max(easts), max(norths)]


def _total_occupied(filled: Sequence[Segment]) -> list[int]:
    if not filled:
        return [0] * len(RESOLUTIONS)
    if len(filled) == 1 and filled[0].occupied is not None:
        return list(filled[0].occupied)
    return merged_counts(bytes(segment.sketch) for segment in filled if segment.sketch is not None)
