"""Days, weeks and months of a zone's calendar, each named by the date it starts; weeks begin on Monday."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from apps.spatial.states import Period

# How many periods the mean looks back on.
MEAN_PERIODS: Final = {Period.DAY: 28, Period.WEEK: 8, Period.MONTH: 12}
# How many periods ago the same one of last year was; days meet the same weekday, 52 weeks ago.
YEAR_PERIODS: Final = {Period.DAY: 364, Period.WEEK: 52, Period.MONTH: 12}
DAYS_IN_YEAR: Final = 365.25
WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
MONTHS: Final = 12


def period_of(day: date, period: Period) -> date:
    """Return the start of the period that a day lies in."""
    if period is Period.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period is Period.WEEK else day


def next_start(start: date, period: Period) -> date:
    """Return the start of the period after one."""
    if period is Period.DAY:
        return start + DAY
    if period is Period.WEEK:
        return start + WEEK
    years, month = divmod(start.month, MONTHS)
    return start.replace(year=start.year + years, month=month + 1)


def whole_periods(first: date, end: date, period: Period) -> tuple[date, ...]:
    """Return the starts of the periods that lie wholly in the days [first, end)."""
    start = period_of(first, period)
    if start < first:
        start = next_start(start, period)
    found = []
    while (following := next_start(start, period)) <= end:
        found.append(start)
        start = following
    return tuple(found)


def following_starts(start: date, period: Period, number: int) -> tuple[date, ...]:
    """Return so many starts, `start` being the first."""
    found = [start]
    while len(found) < number:
        found.append(next_start(found[-1], period))
    return tuple(found)


def calendar_phases(start: date, period: Period) -> Sequence[float]:
    """Return sine and cosine of the place in the year, of days also of the place in the week."""
    turns = [(start.timetuple().tm_yday - 1) / DAYS_IN_YEAR]
    if period is Period.DAY:
        turns.append(start.weekday() / WEEK.days)
    return [wave(math.tau * turn) for turn in turns for wave in (math.sin, math.cos)]
