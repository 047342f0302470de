"""Which segments of a question can be answered from their rollups, and the SQL that does so.

Rollups hold whole months: so the window must begin and end with months of the zone, and no hour, weekday,
label or value may be asked for. Then the sums are those of the events themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from psycopg import sql

from apps.datasets.models import Segment
from apps.datasets.queries.cover import few_ranges
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.windows import period_start
from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.rows import Int64s, Precision

# So many single look-ups cost about as much as reading everything between the months.
PROBES_MAX: Final = 4_000

_ROWS = sql.SQL(
    'SELECT cell, {term} AS term_no, n, n_value, sum_d, sum_d2, "min", "max" FROM datasets_rollup'
    " WHERE dataset_no = {dataset_no} AND segment_no = ANY({segments}::integer[])"
    " AND resolution = {resolution} AND {months} AND {near} AND {category}"
)
_BETWEEN = sql.SQL("month BETWEEN {} AND {}")
_PROBED = sql.SQL(
    "SELECT e.* FROM (VALUES {ranges}) AS r(first, last)"
    " CROSS JOIN generate_series({first}::integer, {last}::integer) AS m(month)"
    " CROSS JOIN LATERAL ({rows} OFFSET 0) AS e"
)
_TRUE = sql.SQL("true")


@dataclass(frozen=True, slots=True)
class RollupShare:
    """The segments of a scope that rollups answer for, each with the resolution to read; and the others."""

    summed: tuple[tuple[Segment, int], ...]
    rest: Scope


def split_scope(scope: Scope, resolution: int, *, by_label: bool) -> RollupShare:
    """Tell the segments with a rollup of the resolution, or a finer one, from those without."""
    if by_label or not _is_summable(scope):
        return RollupShare((), scope)
    summed: list[tuple[Segment, int]] = []
    rest: list[Segment] = []
    for segment in scope.segments:
        enough = [number for number in segment.rollups if number >= resolution]
        if enough:
            summed.append((segment, min(enough)))
        else:
            rest.append(segment)
    return RollupShare(tuple(summed), replace(scope, segments=tuple(rest)))


def rollup_rows(
    scope: Scope, summed: Sequence[tuple[Segment, int]], ranges: Int64s | None, term: sql.Composable
) -> sql.Composable:
    """Return a SELECT of cell, term_no, n, n_value, sum_d, sum_d2, min, max over the rollups that match."""
    by_resolution = groupby(sorted(summed, key=lambda pair: (pair[1], pair[0].no)), key=lambda pair: pair[1])
    return sql.SQL(" UNION ALL ").join(
        _of_resolution(scope, resolution, [segment for segment, _ in group], ranges, term)
        for resolution, group in by_resolution
    )


def _of_resolution(
    scope: Scope, resolution: int, segments: list[Segment], ranges: Int64s | None, term: sql.Composable
) -> sql.Composable:
    first, last = _months(scope, segments)
    coarse = None if ranges is None else h3_parent(few_ranges(ranges).reshape(-1), resolution).reshape(-1, 2)
    is_probed = coarse is not None and len(coarse) * (last - first + 1) <= PROBES_MAX
    rows = _ROWS.format(
        term=term,
        dataset_no=scope.dataset.no,
        segments=[segment.no for segment in segments],
        resolution=resolution,
        months=sql.SQL("month = m.month") if is_probed else _BETWEEN.format(first, last),
        near=_near(coarse, is_probed=is_probed),
        category=_category(scope),
    )
    if coarse is None or not is_probed:
        return rows
    pairs = sql.SQL(", ").join(sql.SQL("({}::bigint, {}::bigint)").format(*pair) for pair in coarse.tolist())
    return _PROBED.format(ranges=pairs, first=first, last=last, rows=rows)


def _near(coarse: Int64s | None, *, is_probed: bool) -> sql.Composable:
    if coarse is None:
        return _TRUE
    if is_probed:
        return sql.SQL("cell BETWEEN r.first AND r.last")
    spans = [sql.SQL("cell BETWEEN {} AND {}").format(*pair) for pair in coarse.tolist()]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(spans))


def _category(scope: Scope) -> sql.Composable:
    if scope.category_nos is None:
        return _TRUE
    return sql.SQL("category_no = ANY({}::smallint[])").format(list(scope.category_nos))


def _is_summable(scope: Scope) -> bool:
    """Tell whether the filters let whole months be added up."""
    filters, span = scope.filters, scope.span
    plain = (
        scope.label_nos is None
        and filters.value_min is None
        and filters.value_max is None
        and filters.hours is None
        and not filters.weekdays
    )
    edges = [edge for edge in (span.start, span.end) if edge is not None]
    return plain and all(period_start(edge, Precision.MONTH, span.zone) == edge for edge in edges)


def _months(scope: Scope, segments: list[Segment]) -> tuple[int, int]:
    """Return the first and last month, year x 12 + month - 1, of the window as far as there are events."""
    zone = scope.span.zone
    firsts = [segment.first_at for segment in segments if segment.first_at is not None]
    lasts = [segment.last_at for segment in segments if segment.last_at is not None]
    start = max(min(firsts), scope.span.start) if scope.span.start is not None else min(firsts)
    first_day, last_day = start.astimezone(zone), max(lasts).astimezone(zone)
    first, last = (day.year * 12 + day.month - 1 for day in (first_day, last_day))
    if scope.span.end is not None:
        end = scope.span.end.astimezone(zone)
        last = min(last, end.year * 12 + end.month - 2)
    return first, last
