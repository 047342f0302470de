"""All events of a scope in columns, batch by batch, in the order in which they lie: for exports.

A segment's own partition is read by windows of its blocks, so that each part is read once and nothing is
sorted or held; segments of shared partitions are small, and read in pages of the map index. Segments never
change, so statements of their own see one state; the order within a batch is cell, time, number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from django.db import connection
from psycopg import sql

from apps.datasets.models import Segment
from apps.datasets.queries.columns import read_columns
from apps.datasets.queries.cover import few_ranges
from apps.datasets.queries.scan import FALSE, TRUE, is_timed, matching
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Everywhere, Selection
from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.rows import Bools, Floats, Int64s
from apps.datasets.storage.binary import EPOCH_US
from apps.datasets.storage.part_rows import COLUMNS, PartRows, PartsGone
from apps.datasets.storage.stage import shared_partition

BATCH_ROWS: Final = 20_000
# About as many rows; a block holds some eighty.
BATCH_BLOCKS: Final = 256

# Numbers share a column where they fit: to gather a column takes the server longer than to shift it. Event
# numbers have 31 bits, those of categories 15, of labels 16 with that of none, a precision 2.
_COLUMNS: Final = {
    "cell": (">i8", "cell"),
    "occurred": (">m8[us]", "occurred_at"),
    "point": (">i8", "(lat_e7::bigint << 32) | (lon_e7::bigint & 4294967295)"),
    "kinds": (
        ">i8",
        (
            "(event_no::bigint << 33) | (category_no::bigint << 18)"
            " | ((coalesce(label_no, -1) + 1) << 2) | precision"
        ),
    ),
    "value": (">f8", "coalesce(value, 'NaN')"),
}
_ROWS = sql.SQL(
    "FROM (SELECT * FROM {partition} WHERE dataset_no = {dataset_no} AND segment_no = {segment_no}"
    " AND {matching} AND {timed} AND {near} AND {window} {limit}) AS events"
)
_PAGE = sql.SQL("ORDER BY cell, occurred_at, event_no LIMIT {}")


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one segment in columns of equal length.

    occurred_us: microseconds since 1970. label_no: -1 is none. value: NaN is none. rest: external_id,
    properties (JSON text), file_no, line, or some of them, row by row; None where the file storage is away.
    """

    segment: Segment
    cell: Int64s
    occurred_us: Int64s
    event_no: Int64s
    lat_e7: Int64s
    lon_e7: Int64s
    category_no: Int64s
    label_no: Int64s
    precision: Int64s
    value: Floats
    rest: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: Bools | Int64s) -> "EventBatch":
        """Return the events at these indexes, or those marked true; before the rest is read."""
        columns = [field.name for field in fields(self) if field.name not in {"segment", "rest"}]
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def event_batches(
    scope: Scope,
    selection: Selection | None = None,
    resolution: int = 11,
    *,
    with_rest: bool = True,
    rest_columns: Sequence[str] = COLUMNS,
) -> Iterator[EventBatch]:
    """Yield the scope's events within the cells that are selected at `resolution`, no batch empty.

    One query a batch; nothing stays open between them. Events too coarse for an hour or weekday filter are
    left out. `with_rest` reads the parts too, `rest_columns` of them.
    """
    chosen = selection or Everywhere()
    ranges = chosen.ranges(resolution)
    for segment in scope.segments:
        parts = PartRows(segment.files_prefix, rest_columns)
        for found in _segment_batches(scope, segment, ranges):
            batch = _selected(found, chosen, resolution, is_whole=ranges is None)
            if len(batch):
                yield replace(batch, rest=_rest(parts, batch)) if with_rest else batch


def _segment_batches(scope: Scope, segment: Segment, ranges: Int64s | None) -> Iterator[EventBatch]:
    near = _near(segment, ranges)
    if near is FALSE:
        return
    windows = _block_windows(segment) if segment.has_own_slab else None
    if windows is not None:
        for window in windows:
            yield _read(scope, segment, near, window, sql.SQL(""))
        return
    window = TRUE
    while True:
        batch = _read(scope, segment, near, window, _PAGE.format(BATCH_ROWS))
        yield batch
        if len(batch) < BATCH_ROWS:
            return
        last = (int(batch.cell[-1]), int(batch.occurred_us[-1]), int(batch.event_no[-1]))
        window = sql.SQL(
            "(cell, occurred_at, event_no) > ({}, timestamptz '1970-01-01Z' + {} * interval '1 us', {})"
        ).format(*last)


def _read(
    scope: Scope, segment: Segment, near: sql.Composable, window: sql.Composable, limit: sql.Composable
) -> EventBatch:
    source = _ROWS.format(
        partition=sql.Identifier(shared_partition(segment.slab)),
        dataset_no=scope.dataset.no,
        segment_no=segment.no,
        matching=matching(scope),
        timed=is_timed(scope),
        near=near,
        window=window,
        limit=limit,
    )
    columns = {name: (kind, sql.SQL(text)) for name, (kind, text) in _COLUMNS.items()}
    found: dict[str, Any] = read_columns(columns, source, is_short=True)
    point, kinds = found.pop("point"), found.pop("kinds")
    batch = EventBatch(
        segment=segment,
        occurred_us=found.pop("occurred").astype(np.int64) + EPOCH_US,
        event_no=(kinds >> 33) & 0x7FFF_FFFF,
        lat_e7=point >> 32,
        lon_e7=point.astype(np.int32).astype(np.int64),
        category_no=(kinds >> 18) & 0x7FFF,
        label_no=((kinds >> 2) & 0xFFFF) - 1,
        precision=kinds & 3,
        **found,
    )
    # Chunks are written in this order, and most windows lie within one: looking costs a tenth of sorting.
    return (
        batch
        if _is_ordered(batch)
        else batch.take(np.lexsort((batch.event_no, batch.occurred_us, batch.cell)))
    )


def _is_ordered(batch: EventBatch) -> bool:
    """Tell whether the events lie in the order cell, time, number."""
    cell, occurred_us, event_no = (
        np.diff(column) for column in (batch.cell, batch.occurred_us, batch.event_no)
    )
    is_next = (cell > 0) | ((cell == 0) & ((occurred_us > 0) | ((occurred_us == 0) & (event_no > 0))))
    return bool(is_next.all())


def _block_windows(segment: Segment) -> Iterator[sql.Composable]:
    """Yield the windows of blocks of a segment's own partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint",
            [shared_partition(segment.slab)],
        )
        blocks = int(cursor.fetchone()[0])
    for first in range(0, blocks, BATCH_BLOCKS):
        bounds = f"({first},0)", f"({first + BATCH_BLOCKS},0)"
        yield sql.SQL("ctid >= {}::tid AND ctid < {}::tid").format(*bounds)


def _near(segment: Segment, ranges: Int64s | None) -> sql.Composable:
    """Return a coarse condition on cells that no selected event fails."""
    if ranges is None or segment.cell_first is None or segment.cell_last is None:
        return TRUE
    touched = ranges[(ranges[:, 1] >= segment.cell_first) & (ranges[:, 0] <= segment.cell_last)]
    if not len(touched):
        return FALSE
    spans = [sql.SQL("cell BETWEEN {} AND {}").format(*pair) for pair in few_ranges(touched).tolist()]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(spans))


def _selected(batch: EventBatch, selection: Selection, resolution: int, *, is_whole: bool) -> EventBatch:
    """Return the events of selected cells; the centre test runs once per cell."""
    if is_whole or not len(batch):
        return batch
    cells, position = np.unique(h3_parent(batch.cell, resolution), return_inverse=True)
    return batch.take(selection.contains(cells)[position])


def _rest(parts: PartRows, batch: EventBatch) -> pa.Table | None:
    try:
        return parts.take(batch.event_no)
    except PartsGone:
        return None
