"""Intervals: how wide a bucket is, and where buckets begin."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from apps.metrics.calendar.windows import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    UNITS_US,
    Window,
    day_start,
    local_date,
    offset_us,
)

Instants = npt.NDArray[np.int64]

QUARTER_US: Final = 15 * MINUTE_US
MONTHS_A_YEAR: Final = 12
MAX_WIDTH_US: Final = 36_600 * DAY_US
# Buckets of several days are counted from here.
FIRST_MONDAY: Final = dt.date(1970, 1, 5)
WEEK_DAYS: Final = 7
# Shorter than any month, so that months are never counted too few.
MONTH_DAYS: Final = 28

_WIDTH: Final = re.compile(r"(\d{1,10})([smhd])")


class Unit(StrEnum):
    """What an interval counts."""

    ELAPSED = "elapsed"
    DAYS = "days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Interval:
    """The width of buckets: elapsed microseconds, days of the zone's calendar, or its months."""

    text: str
    unit: Unit
    count: int

    @property
    def is_finer_than_quarter(self) -> bool:
        """Tell whether the buckets are narrower than 15 minutes."""
        return self.unit is Unit.ELAPSED and self.count < QUARTER_US


def _elapsed(text: str, us: int) -> Interval:
    return Interval(text, Unit.ELAPSED, us)


AUTO: Final = "auto"
NAMED: Final = {
    "minute": _elapsed("minute", MINUTE_US),
    "hour": _elapsed("hour", HOUR_US),
    "day": Interval("day", Unit.DAYS, 1),
    "week": Interval("week", Unit.DAYS, WEEK_DAYS),
    "month": Interval("month", Unit.MONTHS, 1),
}
# From which `auto` chooses, and from which a too fine interval is told what would fit.
LADDER: Final = (
    *(_elapsed(f"{count}s", count * SECOND_US) for count in (1, 5, 10, 15, 30)),
    *(_elapsed(f"{count}m", count * MINUTE_US) for count in (1, 5, 15, 30)),
    *(_elapsed(f"{count}h", count * HOUR_US) for count in (1, 3, 6, 12)),
    NAMED["day"],
    NAMED["week"],
    NAMED["month"],
)


def parse_interval(text: str) -> Interval:
    """Return the interval of a name or a width such as `5m`; raises ValueError. `auto` is not one."""
    if text in NAMED:
        return NAMED[text]
    found = _WIDTH.fullmatch(text)
    count = int(found[1]) if found else 0
    unit = found[2] if found else "s"
    if not 0 < count * UNITS_US[unit] <= MAX_WIDTH_US:
        raise ValueError("write minute, hour, day, week, month, auto, or a width in s, m, h, d such as 5m")
    if unit == "d":
        return Interval(text, Unit.DAYS, count)
    return _elapsed(text, count * UNITS_US[unit])


def bucket_count(window: Window, interval: Interval, zone: ZoneInfo) -> int:
    """Return about how many buckets meet a window: never too few, and at most a few too many."""
    if interval.unit is Unit.ELAPSED:
        offset = offset_us(window.start, zone)
        first, last = window.start + offset, window.end + offset - 1
        return last // interval.count - first // interval.count + 1
    days = (local_date(window.end, zone) - local_date(window.start, zone)).days
    return days // (interval.count if interval.unit is Unit.DAYS else MONTH_DAYS) + 2


def choose_interval(
    window: Window, zone: ZoneInfo, max_buckets: int, *, ladder: Sequence[Interval] = LADDER
) -> Interval:
    """Return the finest interval of a ladder with at most so many buckets, the coarsest if none has."""
    fitting = (step for step in ladder if fits(window, step, zone, max_buckets))
    return next(fitting, ladder[-1])


def bucket_edges(window: Window, interval: Interval, zone: ZoneInfo) -> Instants:
    """Return the edges of the buckets that meet a window, ascending and distinct: one more than buckets.

    The first bucket may begin before the window and the last end after it. Elapsed widths are aligned to the
    zone's offset at the window's start; several days count from Monday 1970-01-05.
    """
    if interval.unit is Unit.ELAPSED:
        offset = offset_us(window.start, zone)
        width = interval.count
        first = (window.start + offset) // width
        last = -(-(window.end + offset) // width)
        return np.arange(first, last + 1, dtype=np.int64) * width - offset
    return np.array(_calendar_edges(window, interval, zone), np.int64)


def fits(window: Window, interval: Interval, zone: ZoneInfo, max_buckets: int) -> bool:
    """Tell whether at most so many buckets meet a window."""
    # The estimate of calendar spans may be a little high, and the edges of many are slow to find.
    count = bucket_count(window, interval, zone)
    if interval.unit is Unit.ELAPSED or not max_buckets < count <= 2 * max_buckets + 2:
        return count <= max_buckets
    return len(bucket_edges(window, interval, zone)) - 1 <= max_buckets


def _calendar_edges(window: Window, interval: Interval, zone: ZoneInfo) -> list[int]:
    edges: list[int] = []
    for edge in _day_starts(window.start, interval, zone):
        if edges and edge == edges[-1]:
            continue  # the date in between never was: the clock jumped over it
        edges.append(edge)
        if edge >= window.end:
            break
    inside = next((number for number, (_, end) in enumerate(pairwise(edges)) if end > window.start), 0)
    return edges[inside:]


def _day_starts(start: int, interval: Interval, zone: ZoneInfo) -> Iterator[int]:
    """Yield the starts of the calendar's spans, from one that is surely not after `start`."""
    day = local_date(start, zone)
    if interval.unit is Unit.MONTHS:
        months = day.year * MONTHS_A_YEAR + day.month - 2
        while True:
            yield day_start(dt.date(months // MONTHS_A_YEAR, months % MONTHS_A_YEAR + 1, 1), zone)
            months += 1
    days = (day - FIRST_MONDAY).days // interval.count - 1
    while True:
        yield day_start(FIRST_MONDAY + dt.timedelta(days=days * interval.count), zone)
        days += 1
