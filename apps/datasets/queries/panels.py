"""Events by cell and period, and which days the events cover: what forecasts are made from."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from psycopg import sql

from apps.datasets.queries.columns import read_columns
from apps.datasets.queries.scan import scan
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.timeline import COARSEST_PLACED, UNPLACED, Bucket
from apps.datasets.reading.rows import Int64s, Precision

DAY_S: Final = 86_400
MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class PeriodCounts:
    """Events by cell and period, columns of equal length, no pair twice.

    day: days since 1970 of the period's start in the zone's calendar. unplaced: events coarser than a period.
    """

    cell: Int64s
    day: Int64s
    count: Int64s
    unplaced: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The days [first, end) of the zone's calendar from the first event to the end of the last."""

    first: date
    end: date


def count_panel(scope: Scope, resolution: int, bucket: Bucket, *, max_groups: int) -> PeriodCounts:
    """Return the events of all cells by period, cut off at `max_groups`. One query."""
    nothing = np.empty(0, np.int64)
    local = sql.SQL("occurred_at AT TIME ZONE {}").format(scope.dataset.zone)
    start = sql.SQL(
        "CASE WHEN precision <= {} THEN EXTRACT(epoch FROM date_trunc({}, {}))::bigint / {} END"
    ).format(int(COARSEST_PLACED[bucket]), bucket.value, local, DAY_S)
    events = scan(scope, None, sql.SQL("cell, {} AS day").format(start))
    if events is None:
        return PeriodCounts(nothing, nothing, nothing, 0)
    found = read_columns(
        {
            "cell": (">i8", sql.SQL("datasets_h3_parent(cell, {})").format(resolution)),
            "day": (">i8", sql.SQL("COALESCE(day, {})").format(UNPLACED)),
            "count": (">i8", sql.SQL("count(*)")),
        },
        sql.SQL("FROM ({}) AS events GROUP BY 1, 2 LIMIT {}").format(events, max_groups),
    )
    placed = found["day"] != UNPLACED
    unplaced = int(found["count"][~placed].sum())
    cell, day, count = (found[name][placed] for name in ("cell", "day", "count"))
    return PeriodCounts(cell, day, count, unplaced)


def read_coverage(scope: Scope, bucket: Bucket) -> Coverage | None:
    """Return the days that the scope's events cover, those coarser than a bucket left out; None without any.

    One query.
    """
    events = scan(scope, None, sql.SQL("precision, occurred_at"))
    if events is None:
        return None
    second = sql.SQL("EXTRACT(epoch FROM {}(occurred_at) AT TIME ZONE {})::bigint")
    found = read_columns(
        {
            "precision": (">i8", sql.SQL("precision")),
            "first": (">i8", second.format(sql.SQL("min"), scope.dataset.zone)),
            "last": (">i8", second.format(sql.SQL("max"), scope.dataset.zone)),
        },
        sql.SQL("FROM ({}) AS events WHERE precision <= {} GROUP BY precision").format(
            events, int(COARSEST_PLACED[bucket])
        ),
    )
    if not found["first"].size:
        return None
    pairs = zip(found["precision"].tolist(), found["last"].tolist(), strict=True)
    return Coverage(_day(int(found["first"].min())), max(_end(_day(last), Precision(p)) for p, last in pairs))


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _end(day: date, precision: Precision) -> date:
    """Return the day after the period of the precision that starts on a day; after the day of an instant."""
    if precision is Precision.YEAR:
        return day.replace(year=day.year + 1)
    if precision is Precision.MONTH:
        years, month = divmod(day.month, MONTHS)
        return day.replace(year=day.year + years, month=month + 1)
    return day + timedelta(days=1)
