"""Events by period of the dataset's calendar: one statement per dataset."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

import numpy as np
from psycopg import sql

from apps.datasets.queries.aggregate import NO_TERM, GroupBy
from apps.datasets.queries.columns import read_columns
from apps.datasets.queries.scan import is_partial, is_timed, scan
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Selection
from apps.datasets.reading.rows import Int64s, Precision

# Stands for the period of an event that is coarser than it.
UNPLACED: Final = -(1 << 62)


class Bucket(StrEnum):
    """A period; weeks begin on Monday (ISO 8601)."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


COARSEST_PLACED: Final = {
    Bucket.HOUR: Precision.INSTANT,
    Bucket.DAY: Precision.DAY,
    Bucket.WEEK: Precision.DAY,
    Bucket.MONTH: Precision.MONTH,
    Bucket.YEAR: Precision.YEAR,
}


@dataclass(frozen=True, slots=True)
class BucketCounts:
    """Events by period and term, columns of equal length, in no order; a pair may occur more than once.

    start: seconds since 1970, for hours of UTC, else of the zone's own calendar; or UNPLACED. untimed,
    partial: as in `aggregate.Groups`.
    """

    start: Int64s
    term_no: Int64s
    count: Int64s
    untimed: Int64s
    partial: Int64s


def count_buckets(
    scope: Scope,
    selection: Selection,
    resolution: int,
    bucket: Bucket,
    *,
    by: GroupBy = GroupBy.NOTHING,
) -> BucketCounts:
    """Return the events of the cells that are selected at `resolution`. One query."""
    inner = sql.SQL("cell, {}::smallint AS term_no, {} AS start, {} AS timed, {} AS partial").format(
        sql.SQL(by.value), _start(scope, bucket), is_timed(scope), is_partial(scope)
    )
    ranges = selection.ranges(resolution)
    events = scan(scope, ranges, inner)
    if events is None:
        return BucketCounts(*(np.empty(0, np.int64) for _ in fields(BucketCounts)))
    # Everywhere needs no test of centres, so its groups are not split by cell.
    parent = sql.SQL("0") if ranges is None else sql.SQL("datasets_h3_parent(cell, {})").format(resolution)
    found = read_columns(
        {
            "cell": (">i8", parent),
            "start": (">i8", sql.SQL("COALESCE(start, {})").format(UNPLACED)),
            "term_no": (">i8", sql.SQL("COALESCE(term_no, {})").format(NO_TERM)),
            "count": (">i8", sql.SQL("count(*) FILTER (WHERE timed)")),
            "untimed": (">i8", sql.SQL("count(*) FILTER (WHERE NOT timed)")),
            "partial": (">i8", sql.SQL("count(*) FILTER (WHERE timed AND partial)")),
        },
        sql.SQL("FROM ({}) AS events GROUP BY 1, 2, 3").format(events),
    )
    cells = found.pop("cell")
    if ranges is None:
        return BucketCounts(**found)
    distinct, position = np.unique(cells, return_inverse=True)
    inside = selection.contains(distinct)[position]
    return BucketCounts(**{name: column[inside] for name, column in found.items()})


def _start(scope: Scope, bucket: Bucket) -> sql.Composable:
    """Return the start of an event's period in seconds; NULL for an event that is coarser."""
    zone = scope.dataset.zone
    if bucket is Bucket.HOUR:
        # In UTC, so that the hour that a change of clocks repeats stays two.
        start = sql.SQL("date_trunc('hour', occurred_at, {})").format(zone)
    else:
        local = sql.SQL("occurred_at AT TIME ZONE {}").format(zone)
        start = sql.SQL("date_trunc({}, {})").format(bucket.value, local)
    return sql.SQL("CASE WHEN precision <= {} THEN EXTRACT(epoch FROM {})::bigint END").format(
        int(COARSEST_PLACED[bucket]), start
    )
