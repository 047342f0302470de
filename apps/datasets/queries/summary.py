"""A version in numbers: its events by category, label and time, its values, its fullest cells."""

from dataclasses import dataclass
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np
from django.db import connection
from psycopg import sql

from apps.datasets.queries.aggregate import GroupBy, aggregate_cells
from apps.datasets.queries.scan import scan
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Everywhere
from apps.datasets.queries.versions import reading_events
from apps.datasets.reading.rows import Precision

TOP_CELLS: Final = 20
TOP_RESOLUTION: Final = 8
SHARES: Final = {"p05": 0.05, "p50": 0.5, "p95": 0.95}
DIGITS: Final = 9

# An event counts to a period only if it is at least as precise.
_COUNTS = sql.SQL(
    "SELECT grouping(category_no), grouping(label_no), grouping(month), grouping(weekday), grouping(hour),"
    " category_no, label_no, month, weekday, hour, count(*) FROM ("
    "SELECT category_no, label_no,"
    " CASE WHEN precision <= {by_month} THEN to_char(local, 'YYYY-MM') END AS month,"
    " CASE WHEN precision <= {by_day} THEN extract(isodow FROM local)::integer END AS weekday,"
    " CASE WHEN precision <= {by_instant} THEN extract(hour FROM local)::integer END AS hour"
    " FROM (SELECT category_no, label_no, precision, occurred_at AT TIME ZONE {zone} AS local"
    " FROM ({events}) AS found OFFSET 0) AS placed) AS counted"
    " GROUP BY GROUPING SETS ((category_no), (label_no), (month), (weekday), (hour))"
)
_VALUES = sql.SQL(
    "SELECT count(value), avg(value), stddev_samp(value), min(value), max(value),"
    " percentile_cont({shares}::float8[]) WITHIN GROUP (ORDER BY value) FROM ({events}) AS found"
)


@dataclass(frozen=True, slots=True)
class ValueSummary:
    """The values of the events that have one; None without any, `sd` without two."""

    n: int
    mean: float | None
    sd: float | None
    min: float | None
    p05: float | None
    p50: float | None
    p95: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class NamedCount:
    """How many events have one name: a category or label, a month YYYY-MM, a cell."""

    name: str
    n: int


@dataclass(frozen=True, slots=True)
class NumberedCount:
    """How many events fall on one ISO weekday (1 is Monday), or into one hour of the day."""

    no: int
    n: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A version in numbers. Periods are of the zone; events coarser than a period are not in its counts.

    Categories, labels and cells are ordered by count, the largest first, then by name.
    """

    rows: int
    extent: list[float] | None
    by_category: list[NamedCount]
    by_label: list[NamedCount]
    by_month: list[NamedCount]
    by_weekday: list[NumberedCount]
    by_hour: list[NumberedCount]
    value: ValueSummary
    top_cells: list[NamedCount]


def summarize(scope: Scope) -> Summary:
    """Read all events of an unfiltered scope once for the counts and once for the values.

    Raises ReadTooLong, VersionGone. Three queries, one more where only some segments have rollups.
    """
    with reading_events():
        counts = _counts(scope)
        return Summary(
            rows=scope.version.event_count,
            extent=scope.version.extent,
            by_category=_named(counts["category_no"], scope.vocabulary.categories),
            by_label=_named(counts["label_no"], scope.vocabulary.labels),
            by_month=[NamedCount(str(month), n) for month, n in sorted(counts["month"].items())],
            by_weekday=[NumberedCount(no, n) for no, n in sorted(counts["weekday"].items())],
            by_hour=[NumberedCount(no, n) for no, n in sorted(counts["hour"].items())],
            value=_values(scope),
            top_cells=_top_cells(scope),
        )


def _counts(scope: Scope) -> dict[str, dict[Any, int]]:
    """Return events by each of the five, those without it left out."""
    names = ("category_no", "label_no", "month", "weekday", "hour")
    found: dict[str, dict[Any, int]] = {name: {} for name in names}
    columns = sql.SQL("category_no, label_no, precision, occurred_at")
    events = scan(scope, None, columns)
    if events is None:
        return found
    statement = _COUNTS.format(
        by_month=int(Precision.MONTH),
        by_day=int(Precision.DAY),
        by_instant=int(Precision.INSTANT),
        zone=scope.dataset.zone,
        events=events,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        for row in cursor.fetchall():
            # The one that is not grouped away.
            index = row[: len(names)].index(0)
            value = row[len(names) + index]
            if value is not None:
                found[names[index]][value] = row[-1]
    return found


def _values(scope: Scope) -> ValueSummary:
    events = scan(scope, None, sql.SQL("value"))
    if events is None:
        return ValueSummary(0, *[None] * 7)
    with connection.cursor() as cursor:
        cursor.execute(_VALUES.format(shares=list(SHARES.values()), events=events))
        n, mean, sd, low, high, shares = cursor.fetchone()
    percentiles = dict(zip(SHARES, map(_rounded, shares or [None] * len(SHARES)), strict=True))
    return ValueSummary(
        n=n, mean=_rounded(mean), sd=_rounded(sd), min=_rounded(low), max=_rounded(high), **percentiles
    )


def _top_cells(scope: Scope) -> list[NamedCount]:
    groups = aggregate_cells(scope, Everywhere(), TOP_RESOLUTION, by=GroupBy.NOTHING, with_value=False)
    top = np.lexsort((groups.cell, -groups.count))[:TOP_CELLS]
    pairs = zip(groups.cell[top].tolist(), groups.count[top].tolist(), strict=True)
    return [NamedCount(str(h3.int_to_str(cell)), count) for cell, count in pairs]


def _named(counts: dict[Any, int], texts: dict[int, str]) -> list[NamedCount]:
    named = [NamedCount(texts.get(number, ""), count) for number, count in counts.items()]
    return sorted(named, key=lambda each: (-each.n, each.name))


def _rounded(number: float | None) -> float | None:
    """Return nine significant digits, as all statistics are shown."""
    return None if number is None else float(f"{number:.{DIGITS}g}")
