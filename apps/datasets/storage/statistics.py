"""Facts about the rows of one segment, read from its table once, and their sums over a version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from apps.datasets.models import Segment
from apps.datasets.reading.cells import E7, RESOLUTIONS, occupied
from apps.datasets.storage.binary import decode_arrays
from apps.datasets.storage.sketch import merged_counts, sketch_cells

_BOUNDS: Final = (
    "SELECT count(*), min(cell), max(cell), min(occurred_at), max(occurred_at), "
    "min(lon_e7), min(lat_e7), max(lon_e7), max(lat_e7) FROM {table}"
)
_COUNTS: Final = "SELECT precision, category_no, count(*) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2"
# In parts, because a connection's buffer grows to the largest row it ever received, and stays so large.
_CELLS: Final = (
    "COPY (SELECT array_agg(cell) FROM (SELECT cell, (row_number() OVER () - 1) / 32768 AS part_no "
    "FROM (SELECT DISTINCT cell FROM {table}) AS distinct_cells) AS numbered GROUP BY part_no) "
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
    """Read the facts of a stage table: two aggregates and one pass over its distinct cells."""
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDS.format(table=table))
        rows, cell_first, cell_last, first_at, last_at, *bounds = cursor.fetchone()
        cursor.execute(_COUNTS.format(table=table))
        groups = cursor.fetchall()
        with cursor.copy(_CELLS.format(table=table)) as copy:
            cells = decode_arrays(map(bytes, copy), ">i8")
    cells.sort()
    precisions: dict[str, int] = {}
    categories: dict[str, int] = {}
    for precision, category_no, count in groups:
        precisions[str(precision)] = precisions.get(str(precision), 0) + count
        categories[str(category_no)] = categories.get(str(category_no), 0) + count
    return SegmentStatistics(
        rows=rows,
        cell_first=cell_first,
        cell_last=cell_last,
        first_at=first_at,
        last_at=last_at,
        extent=[bound / E7 for bound in bounds] if rows else None,
        precision_counts=precisions,
        category_counts=categories,
        occupied=occupied(cells),
        sketch=sketch_cells(cells),
    )


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
