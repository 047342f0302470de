"""Dates in words: days, months and years, with the year left out where the data can tell it. Pure."""

import calendar
import datetime as dt
from dataclasses import dataclass, replace
from typing import Final

from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.words import Kind, Words

MONTHS: Final = {
    name.casefold(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}
ORDINALS: Final = frozenset({"st", "nd", "rd", "th"})
YEARS: Final = range(1800, 2201)
DAYS: Final = range(1, 32)
# A leap day comes at least once in so many years.
LEAP_YEARS: Final = 8


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """A year, a month or a day; year None: not said."""

    year: int | None
    month: int | None = None
    day: int | None = None

    @property
    def is_possible(self) -> bool:
        """Tell whether there is such a day, in some year if none is said."""
        try:
            self.in_year(self.year or 2000)
        except ValueError:
            return False
        return True

    def in_year(self, year: int) -> tuple[dt.date, dt.date]:
        """Return the first and the last day, in a year if none is said; raises ValueError for no such day."""
        year = self.year or year
        if self.month is None:
            return dt.date(year, 1, 1), dt.date(year, 12, 31)
        if self.day is None:
            last = calendar.monthrange(year, self.month)[1]
            return dt.date(year, self.month, 1), dt.date(year, self.month, last)
        day = dt.date(year, self.month, self.day)
        return day, day

    def latest(self, last: dt.date) -> "CalendarDate":
        """Return the date with its year: the latest that starts no later than `last`."""
        if self.year is not None:
            return self
        for year in range(last.year, last.year - LEAP_YEARS - 1, -1):
            dated = replace(self, year=year)
            if dated.is_possible and dated.in_year(year)[0] <= last:
                return dated
        return replace(self, year=last.year)

    def __str__(self) -> str:
        if self.month is None:
            return str(self.year)
        named = f"{calendar.month_name[self.month]} {self.year}"
        return named if self.day is None else f"{self.day} {named}"


def read_date(words: Words, position: int) -> tuple[int, CalendarDate] | None:
    """Return how many tokens make a date at a position, and the date; it may be an impossible one."""
    token = words.at(position)
    if token is None:
        return None
    if token.kind in {Kind.DATE, Kind.MONTH}:
        parts = [int(part) for part in token.text.split("-")]
        return (1, CalendarDate(*parts)) if 1 <= parts[1] <= 12 and parts[0] in YEARS else None  # noqa: PLR2004
    if token.text in MONTHS and token.kind is Kind.WORD:
        return _from_month(words, position)
    return _from_day(words, position)


def read_year(words: Words, position: int) -> tuple[int, CalendarDate] | None:
    """Return the year at a position."""
    year = words.whole(position)
    return (1, CalendarDate(year)) if year in YEARS else None


def data_end(lexicon: Lexicon) -> dt.date:
    """Return the last day of the data, today where there are none."""
    return lexicon.last or lexicon.today


def _from_month(words: Words, position: int) -> tuple[int, CalendarDate]:
    """Read `March`, `March 2023`, `March 5`, `March 5th, 2023`."""
    month = MONTHS[words.texts(position, 1)[0]]
    length, day = 1, words.whole(position + 1)
    if day in DAYS and words.number(position + 1) is not None:
        length = 2 + (words.one_of(position + 2, ORDINALS) is not None)
    else:
        day = None
    years, year = _year_after(words, position + length)
    return length + years, CalendarDate(year, month, day)


def _from_day(words: Words, position: int) -> tuple[int, CalendarDate] | None:
    """Read `5 March`, `5th of March 2023`."""
    day = words.whole(position)
    if day not in DAYS or words.number(position) is None:
        return None
    length = 1 + (words.one_of(position + 1, ORDINALS) is not None)
    length += words.says(position + length, "of")
    month = words.one_of(position + length, MONTHS)
    if month is None:
        return None
    years, year = _year_after(words, position + length + 1)
    return length + 1 + years, CalendarDate(year, MONTHS[month], day)


def _year_after(words: Words, position: int) -> tuple[int, int | None]:
    comma = int(words.says(position, ","))
    found = read_year(words, position + comma)
    return (comma + 1, found[1].year) if found else (0, None)
