"""The SQL that reads the events of a scope: partition, dataset and segments as constants, ranges one by one.

Partitions are named outright: a condition on slab, which the index does not hold, would make the scan visit
the table, and the planner would look at thousands of partitions first. Joining the ranges LATERAL, kept apart
by OFFSET 0, gives one index-only scan for each, where a plain join reads the whole segment (places-maps.md
section 1).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

import numpy as np
from psycopg import sql

from apps.datasets.models import Segment
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.windows import PERIODS
from apps.datasets.reading.rows import Int64s, Precision
from apps.datasets.storage.stage import shared_partition

TRUE: Final = sql.SQL("true")
FALSE: Final = sql.SQL("false")
# A segment with fewer rows than this per range is cheaper read whole.
MIN_ROWS_PER_RANGE: Final = 64

_EVENTS = sql.SQL(
    "SELECT {columns} FROM {partition}"
    " WHERE dataset_no = {dataset_no} AND segment_no = ANY({segments}::integer[])"
    "{within} AND {matching}"
)
_RANGED = sql.SQL(
    "SELECT e.* FROM (VALUES {ranges}) AS r(first, last) CROSS JOIN LATERAL ({events} OFFSET 0) AS e"
)
_WITHIN = sql.SQL(" AND cell BETWEEN r.first AND r.last")
_RANGE = sql.SQL("({}::bigint, {}::bigint)")


def scan(scope: Scope, ranges: Int64s | None, columns: sql.Composable) -> sql.Composable | None:
    """Return a SELECT of `columns` over the scope's events within the ranges; None when nothing is left."""
    branches: list[sql.Composable] = []
    for slab, group in groupby(
        sorted(scope.segments, key=_slab_and_number), key=lambda segment: segment.slab
    ):
        branches.extend(_slab_branches(scope, slab, list(group), ranges, columns))
    return sql.SQL(" UNION ALL ").join(branches) if branches else None


def matching(scope: Scope) -> sql.Composable:
    """Return the condition on an event's own columns.

    Events too coarse for the hour or weekday filter pass: the reader counts them apart, by `is_timed`.
    """
    filters = scope.filters
    conditions = [*_window_conditions(scope)]
    for column, numbers in (("category_no", scope.category_nos), ("label_no", scope.label_nos)):
        if numbers is not None:
            among = sql.SQL("{} = ANY({}::smallint[])")
            conditions.append(among.format(sql.Identifier(column), list(numbers)))
    if filters.value_min is not None:
        conditions.append(sql.SQL("value >= {}").format(filters.value_min))
    if filters.value_max is not None:
        conditions.append(sql.SQL("value <= {}").format(filters.value_max))
    if filters.finest_needed is not None:
        conditions.append(
            sql.SQL("(precision > {} OR ({}))").format(int(filters.finest_needed), _time_of_week(scope))
        )
    return _all(conditions)


def is_timed(scope: Scope) -> sql.Composable:
    """Return whether an event is precise enough for the hour and weekday filters."""
    needed = scope.filters.finest_needed
    return TRUE if needed is None else sql.SQL("precision <= {}").format(int(needed))


def is_partial(scope: Scope) -> sql.Composable:
    """Return whether an event that is in the window is not wholly inside."""
    parts: list[sql.Composable] = []
    if scope.span.start is not None:
        parts.append(sql.SQL("occurred_at < {}").format(scope.span.start))
    for precision in PERIODS:
        cut = scope.span.cut_from(precision)
        if cut is not None:
            parts.append(_from(precision, cut))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts)) if parts else FALSE


def _slab_branches(
    scope: Scope, slab: int, segments: list[Segment], ranges: Int64s | None, columns: sql.Composable
) -> Iterable[sql.Composable]:
    """Yield one SELECT for the segments read whole and one for those read by ranges."""
    if ranges is None:
        yield _events(scope, slab, segments, columns, sql.SQL(""))
        return
    whole: list[Segment] = []
    by_range: list[Segment] = []
    touched: list[Int64s] = []
    for segment in segments:
        near = _touched(segment, ranges)
        if len(near) and segment.rows < MIN_ROWS_PER_RANGE * len(near):
            whole.append(segment)
        elif len(near):
            by_range.append(segment)
            touched.append(near)
    if whole:
        yield _events(scope, slab, whole, columns, sql.SQL(""))
    if by_range:
        bounds = np.unique(np.concatenate(touched), axis=0).tolist()
        rows = sql.SQL(", ").join(_RANGE.format(*pair) for pair in bounds)
        yield _RANGED.format(ranges=rows, events=_events(scope, slab, by_range, columns, _WITHIN))


def _events(
    scope: Scope, slab: int, segments: Sequence[Segment], columns: sql.Composable, within: sql.Composable
) -> sql.Composable:
    return _EVENTS.format(
        columns=columns,
        partition=sql.Identifier(shared_partition(slab)),
        dataset_no=scope.dataset.no,
        segments=[segment.no for segment in segments],
        within=within,
        matching=matching(scope),
    )


def _touched(segment: Segment, ranges: Int64s) -> Int64s:
    """Return the ranges that meet the segment's cells."""
    if segment.cell_first is None or segment.cell_last is None:
        return ranges
    return ranges[(ranges[:, 1] >= segment.cell_first) & (ranges[:, 0] <= segment.cell_last)]


def _window_conditions(scope: Scope) -> Iterable[sql.Composable]:
    span = scope.span
    if span.end is not None:
        yield sql.SQL("occurred_at < {}").format(span.end)
    if span.start is None:
        return
    parts: list[sql.Composable] = [sql.SQL("occurred_at >= {}").format(span.start)]
    for precision in PERIODS:
        earliest = span.earliest(precision)
        if earliest is not None and earliest < span.start:
            parts.append(_from(precision, earliest))
    yield sql.SQL("({})").format(sql.SQL(" OR ").join(parts))


def _from(precision: Precision, start: datetime) -> sql.Composable:
    return sql.SQL("(precision = {} AND occurred_at >= {})").format(int(precision), start)


def _time_of_week(scope: Scope) -> sql.Composable:
    """Return the condition on hour and weekday in the dataset's zone."""
    local = sql.SQL("(occurred_at AT TIME ZONE {})").format(scope.dataset.zone)
    conditions: list[sql.Composable] = []
    if scope.filters.hours is not None:
        first, last = scope.filters.hours
        word = sql.SQL("AND" if first <= last else "OR")
        hour = sql.SQL("EXTRACT(hour FROM {})").format(local)
        conditions.append(sql.SQL("({0} >= {1} {2} {0} <= {3})").format(hour, first, word, last))
    if scope.filters.weekdays:
        days = list(scope.filters.weekdays)
        conditions.append(sql.SQL("EXTRACT(isodow FROM {}) = ANY({}::integer[])").format(local, days))
    return _all(conditions)


def _all(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" AND ").join(conditions) if conditions else TRUE


def _slab_and_number(segment: Segment) -> tuple[int, int]:
    return segment.slab, segment.no
