"""Counts and value sums by cell and term: from the events, or from rollups where these say the same."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

import numpy as np
from psycopg import sql

from apps.datasets.queries.columns import read_columns
from apps.datasets.queries.rollups import RollupShare, rollup_rows, split_scope
from apps.datasets.queries.scan import is_partial, is_timed, scan
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Selection
from apps.datasets.reading.rows import Bools, Floats, Int64s

NO_TERM: Final = -1

_COUNT = sql.SQL("count(*)")
_ZERO = sql.SQL("0")
_NAN = sql.SQL("'NaN'::float8")


class GroupBy(StrEnum):
    """What the cells are split by; the value is the event's column."""

    NOTHING = "NULL"
    CATEGORY = "category_no"
    LABEL = "label_no"


@dataclass(frozen=True, slots=True)
class Groups:
    """Sums by cell and term, ordered by both; columns of equal length.

    count: events that match. untimed: events too coarse in time for the hour or weekday filter, which are not
    in count. partial: those of count not wholly inside the window. n_value, sum_d, sum_d2, low, high: events
    with a value, sums of value - pivot and of its square, least and greatest value (NaN without any).
    """

    cell: Int64s
    term_no: Int64s
    count: Int64s
    untimed: Int64s
    partial: Int64s
    n_value: Int64s
    sum_d: Floats
    sum_d2: Floats
    low: Floats
    high: Floats

    def take(self, rows: Bools | Int64s) -> "Groups":
        """Return the groups at these indexes, or those marked true."""
        return Groups(*(getattr(self, column.name)[rows] for column in fields(self)))

    @classmethod
    def empty(cls) -> "Groups":
        """Return no groups."""
        whole, real = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(whole, whole, whole, whole, whole, whole, real, real, real, real)


def aggregate_cells(
    scope: Scope,
    selection: Selection,
    resolution: int,
    *,
    by: GroupBy = GroupBy.CATEGORY,
    with_value: bool = True,
    max_groups: int | None = None,
) -> Groups:
    """Return the sums of the selected cells at `resolution`, cut off at `max_groups` of each kind.

    Without `with_value` the value columns are 0 and NaN. Segments with fitting rollups are read there, the
    others from the events: one query for each of the two that is needed.
    """
    ranges = selection.ranges(resolution)
    share = split_scope(scope, resolution, by_label=by is GroupBy.LABEL)
    found = [_of_events(share.rest, ranges, resolution, by, with_value=with_value, most=max_groups)]
    if share.summed:
        found.append(
            _of_rollups(scope, share, ranges, resolution, by, with_value=with_value, most=max_groups)
        )
    groups = _merged(found) if all(part.cell.size for part in found) else max(found, key=_size)
    return _selected(groups, selection)


def _of_events(
    scope: Scope,
    ranges: Int64s | None,
    resolution: int,
    by: GroupBy,
    *,
    with_value: bool,
    most: int | None,
) -> Groups:
    has_hours = scope.filters.finest_needed is not None
    has_window = not scope.span.is_open
    inner: list[sql.Composable] = [sql.SQL("cell"), sql.SQL(f"{by.value}::smallint AS term_no")]
    inner += [sql.SQL("value")] if with_value else []
    inner += [sql.SQL("{} AS timed").format(is_timed(scope))] if has_hours else []
    inner += [sql.SQL("{} AS partial").format(is_partial(scope))] if has_window else []
    events = scan(scope, ranges, sql.SQL(", ").join(inner))
    if events is None:
        return Groups.empty()
    sums = _sums(scope, has_hours=has_hours, has_window=has_window, with_value=with_value)
    return _grouped(events, resolution, sums, most)


def _of_rollups(
    scope: Scope,
    share: RollupShare,
    ranges: Int64s | None,
    resolution: int,
    by: GroupBy,
    *,
    with_value: bool,
    most: int | None,
) -> Groups:
    """Return the sums of whole months; no event of them is partial or without the time asked for."""
    rows = rollup_rows(scope, share.summed, ranges, sql.SQL(f"{by.value}::smallint"))
    totals = {"n_value": "sum(n_value)", "sum_d": "sum(sum_d)", "sum_d2": "sum(sum_d2)"}
    edges = {"low": "coalesce(min(\"min\"), 'NaN')", "high": "coalesce(max(\"max\"), 'NaN')"}
    sums: dict[str, tuple[str, sql.Composable]] = {
        "count": (">i8", sql.SQL("sum(n)")),
        "untimed": (">i8", _ZERO),
        "partial": (">i8", _ZERO),
    }
    for name, text in totals.items():
        kind = ">i8" if name == "n_value" else ">f8"
        sums[name] = (kind, sql.SQL(text) if with_value else _ZERO)
    for name, text in edges.items():
        sums[name] = (">f8", sql.SQL(text) if with_value else _NAN)
    return _grouped(rows, resolution, sums, most)


def _grouped(
    rows: sql.Composable, resolution: int, sums: dict[str, tuple[str, sql.Composable]], most: int | None
) -> Groups:
    found = read_columns(
        {
            "cell": (">i8", sql.SQL("datasets_h3_parent(cell, {})").format(resolution)),
            "term_no": (">i8", sql.SQL("COALESCE(term_no, {})").format(NO_TERM)),
            **sums,
        },
        sql.SQL("FROM ({}) AS events GROUP BY 1, 2 LIMIT {}").format(rows, most),
    )
    return Groups(**found)


def _merged(parts: Sequence[Groups]) -> Groups:
    """Add up groups of the same cell and term."""
    whole = Groups(*(np.concatenate([getattr(part, name.name) for part in parts]) for name in fields(Groups)))
    order = np.lexsort((whole.term_no, whole.cell))
    ordered = whole.take(order)
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (np.diff(ordered.cell) != 0) | (np.diff(ordered.term_no) != 0)
    starts = np.flatnonzero(is_first)
    added = {
        name: np.add.reduceat(getattr(ordered, name), starts)
        for name in ("count", "untimed", "partial", "n_value", "sum_d", "sum_d2")
    }
    return Groups(
        cell=ordered.cell[starts],
        term_no=ordered.term_no[starts],
        # The least of NaN and a number is the number.
        low=np.fmin.reduceat(ordered.low, starts),
        high=np.fmax.reduceat(ordered.high, starts),
        **added,
    )


def _size(groups: Groups) -> int:
    return int(groups.cell.size)


def _sums(
    scope: Scope, *, has_hours: bool, has_window: bool, with_value: bool
) -> dict[str, tuple[str, sql.Composable]]:
    """Return the summed columns of Groups."""

    def of_timed(total: sql.Composable) -> sql.Composable:
        return sql.SQL("{} FILTER (WHERE timed)").format(total) if has_hours else total

    def of_values(function: str, absent: sql.Composable, difference: str = "value") -> sql.Composable:
        if not with_value:
            return absent
        argument = sql.SQL(difference).format(scope.pivot)
        total = of_timed(sql.SQL(f"{function}({{}})").format(argument))
        return sql.SQL("COALESCE({}, {})").format(total, absent)

    partial = sql.SQL("timed AND partial") if has_hours else sql.SQL("partial")
    return {
        "count": (">i8", of_timed(_COUNT)),
        "untimed": (">i8", sql.SQL("count(*) FILTER (WHERE NOT timed)") if has_hours else _ZERO),
        "partial": (">i8", sql.SQL("count(*) FILTER (WHERE {})").format(partial) if has_window else _ZERO),
        "n_value": (">i8", of_values("count", _ZERO)),
        "sum_d": (">f8", of_values("sum", _ZERO, "value - {}")),
        "sum_d2": (">f8", of_values("sum", _ZERO, "(value - {0}) * (value - {0})")),
        "low": (">f8", of_values("min", _NAN)),
        "high": (">f8", of_values("max", _NAN)),
    }


def _selected(groups: Groups, selection: Selection) -> Groups:
    """Return the groups of selected cells in order; the centre test runs once per cell."""
    cells, position = np.unique(groups.cell, return_inverse=True)
    inside = selection.contains(cells)[position]
    kept = groups.take(inside)
    return kept.take(np.lexsort((kept.term_no, kept.cell)))
