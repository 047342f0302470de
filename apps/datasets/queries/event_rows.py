"""The SQL of single events: their columns, where they lie, and the keyset that a page goes on from.

The order of events is cell, time, number: that of the map index, so a page reads no more than it shows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from psycopg import sql

from apps.datasets.models import Segment
from apps.datasets.queries.cells import POLE
from apps.datasets.queries.scan import TRUE, matching
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Box, Descendants
from apps.datasets.reading.cells import E7
from apps.datasets.reading.rows import Int64s
from apps.datasets.storage.events import external_hash
from apps.datasets.storage.stage import shared_partition

COLUMNS: Final = (
    "cell", "occurred_at", "segment_no", "event_no", "lat_e7", "lon_e7", "category_no", "label_no",
    "precision", "value", "external_hash",
)  # fmt: skip
# A point in the box may lie in a cell whose centre is outside; an edge of a base cell is 29 m.
MARGIN_DEG: Final = 0.0006

_PAGE = sql.SQL(
    "(SELECT {columns} FROM {partition} WHERE dataset_no = {dataset_no} AND segment_no = {segment_no}"
    " AND {matching} AND {near} AND {past} AND {within}"
    " ORDER BY cell {way}, occurred_at {way}, event_no {way} LIMIT {limit})"
)
_RANGED = sql.SQL("SELECT e.* FROM (VALUES {ranges}) AS r(first, last) CROSS JOIN LATERAL {page} AS e")
_WITHIN = sql.SQL("cell BETWEEN r.first AND r.last")
_RANGE = sql.SQL("({}::bigint, {}::bigint)")


@dataclass(frozen=True, slots=True)
class EventKey:
    """Where an event stands in the order of a version."""

    cell: int
    occurred_at: datetime
    segment_no: int
    event_no: int


@dataclass(frozen=True, slots=True)
class Nearness:
    """Where events must lie, by their own point or cell, and which id they must have; None is any."""

    box: Box | None = None
    cells: Descendants | None = None
    external_id: str | None = None

    def ranges(self) -> Int64s | None:
        """Return ranges of base cells, ascending, that hold at least all of these events."""
        if self.cells is not None:
            return self.cells.ranges(self.cells.finest_root)
        return None if self.box is None else _widened(self.box)

    def condition(self) -> sql.Composable:
        """Return what the event's own point, cell and id must fulfil."""
        conditions: list[sql.Composable] = []
        if self.box is not None:
            conditions.append(_inside(self.box))
        if self.external_id is not None:
            conditions.append(sql.SQL("external_hash = {}").format(external_hash(self.external_id)))
        return sql.SQL(" AND ").join(conditions) if conditions else TRUE


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a page goes: at most `limit` events past `after`, or before it, nearest first."""

    limit: int
    after: EventKey | None = None
    is_backward: bool = False


def select_page(scope: Scope, near: Nearness, walk: Walk) -> sql.Composable | None:
    """Return the statement of one page, in the walk's own order; None when nothing can be found."""
    ranges = near.ranges()
    branches = [
        branch
        for segment in scope.segments
        if (branch := _branch(scope, segment, near, walk, ranges)) is not None
    ]
    if not branches:
        return None
    way = _way(walk)
    return sql.SQL(
        "SELECT * FROM ({events}) AS events"
        " ORDER BY cell {way}, occurred_at {way}, segment_no {way}, event_no {way} LIMIT {limit}"
    ).format(events=sql.SQL(" UNION ALL ").join(branches), way=way, limit=walk.limit)


def select_event(scope: Scope, segment: Segment, event_no: int) -> sql.Composable:
    """Return the statement of one event.

    No index leads to an event by its number: its place is found in the map index alone, and then its row, so
    that not every row of the segment is fetched on the way.
    """
    return sql.SQL(
        "WITH place AS MATERIALIZED (SELECT cell, occurred_at FROM {partition}"
        " WHERE dataset_no = {dataset_no} AND segment_no = {segment_no} AND event_no = {event_no} LIMIT 1)"
        " SELECT {columns} FROM place JOIN {partition} USING (cell, occurred_at)"
        " WHERE dataset_no = {dataset_no} AND segment_no = {segment_no} AND event_no = {event_no}"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        partition=sql.Identifier(shared_partition(segment.slab)),
        dataset_no=scope.dataset.no,
        segment_no=segment.no,
        event_no=event_no,
    )


def _branch(
    scope: Scope, segment: Segment, near: Nearness, walk: Walk, ranges: Int64s | None
) -> sql.Composable | None:
    """Return the page of one segment, which the map index gives in order."""
    touched = None if ranges is None else _left(segment, ranges, walk)
    if touched is not None and not len(touched):
        return None
    page = _PAGE.format(
        columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        partition=sql.Identifier(shared_partition(segment.slab)),
        dataset_no=scope.dataset.no,
        segment_no=segment.no,
        matching=matching(scope),
        near=near.condition(),
        past=_past(segment, walk),
        within=TRUE if touched is None else _WITHIN,
        way=_way(walk),
        limit=walk.limit,
    )
    if touched is None:
        return page
    rows = sql.SQL(", ").join(_RANGE.format(*pair) for pair in touched.tolist())
    return _RANGED.format(ranges=rows, page=page)


def _left(segment: Segment, ranges: Int64s, walk: Walk) -> Int64s:
    """Return the ranges that meet the segment and lie, at least in part, past the walk's start."""
    keep = np.ones(len(ranges), np.bool_)
    if segment.cell_first is not None and segment.cell_last is not None:
        keep &= (ranges[:, 1] >= segment.cell_first) & (ranges[:, 0] <= segment.cell_last)
    if walk.after is not None:
        cell = walk.after.cell
        keep &= (ranges[:, 0] <= cell) if walk.is_backward else (ranges[:, 1] >= cell)
    return ranges[keep]


def _past(segment: Segment, walk: Walk) -> sql.Composable:
    """Return the condition that a segment's event comes past the walk's start in the order of all."""
    after = walk.after
    if after is None:
        return TRUE
    sign = "<" if walk.is_backward else ">"
    if segment.no == after.segment_no:
        ahead = sql.SQL(f"(cell, occurred_at, event_no) {sign} ({{}}, {{}}, {{}})")
        return ahead.format(after.cell, after.occurred_at, after.event_no)
    comes_later = (segment.no > after.segment_no) is not walk.is_backward
    equal = "=" if comes_later else ""
    return sql.SQL(f"(cell, occurred_at) {sign}{equal} ({{}}, {{}})").format(after.cell, after.occurred_at)


def _way(walk: Walk) -> sql.Composable:
    return sql.SQL("DESC" if walk.is_backward else "ASC")


def _inside(box: Box) -> sql.Composable:
    """Return the condition on the point; edges as in `Box.contains`."""
    to_e7 = [round(edge * E7) for edge in (box.west, box.south, box.east, box.north)]
    west, south, east, north = to_e7
    word = sql.SQL("AND" if box.west < box.east else "OR")
    longitude = sql.SQL("(lon_e7 >= {} {} lon_e7 < {})").format(west, word, east)
    below = sql.SQL("lat_e7 <= {}" if box.north == POLE else "lat_e7 < {}").format(north)
    return sql.SQL("(lat_e7 >= {} AND {} AND {})").format(south, below, longitude)


def _widened(box: Box) -> Int64s | None:
    """Return the ranges of a box a little larger; of everything where that would reach round a pole."""
    margin_lon = MARGIN_DEG / max(np.cos(np.radians(max(abs(box.south), abs(box.north)))), 1e-3)
    south, north = max(box.south - MARGIN_DEG, -POLE), min(box.north + MARGIN_DEG, POLE)
    if max(abs(south), abs(north)) > POLE - 1 or box.width_deg + 2 * margin_lon >= 360:  # noqa: PLR2004
        return None
    east = box.west + box.width_deg + margin_lon
    wide = Box.from_degrees(box.west - margin_lon, south, east, north)
    return wide.ranges(11)
