"""Rules of windows: dates, months, years, spans between them, and times relative to the clock. Pure."""

import calendar
import datetime as dt
from dataclasses import replace
from typing import Final

from apps.spatial.asking.asked import When
from apps.spatial.asking.calendar_dates import CalendarDate, data_end, read_date, read_year
from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.matches import Match, Part
from apps.spatial.asking.words import Words

INTO: Final = frozenset({"in", "during", "for", "of", "over", "on"})
TO: Final = frozenset({"to", "until", "till", "through", "and"})
# A word that is more often a verb needs "in" or a year.
VERBS: Final = frozenset({"may"})
UNITS: Final = {
    "hour": "hour", "hours": "hour", "day": "day", "days": "day", "week": "week", "weeks": "week",
    "month": "month", "months": "month", "year": "year", "years": "year",
}  # fmt: skip
MOST: Final = {"hour": 87_600, "day": 36_500, "week": 5_000, "month": 1_200, "year": 200}
PAST: Final = frozenset({"last", "past", "previous"})
DAYS_OF_WEEK: Final = 7
MONTHS_OF_YEAR: Final = 12


def match_date(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `[in] March [2023]`, `in 2023`, `on 5 March 2023`, `2023-03-05`."""
    into = words.one_of(position, INTO) is not None
    start = position + into
    skipped = int(into and words.says(start, "the", "year")) * 2 or int(words.says(start, "year"))
    found = read_date(words, start) if not skipped else None
    if found is None and (into or skipped):
        found = read_year(words, start + skipped)
    if found is None:
        return None
    length, date = found
    token = words.tokens[start]
    if not into and token.text in VERBS and length == 1:
        return None
    total = into + skipped + length
    return _dated(total, date, lexicon)


def match_span(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `from A to B` and `between A and B`, A and B dates."""
    if not words.one_of(position, frozenset({"from", "between"})):
        return None
    first = _date_or_year(words, position + 1)
    if first is None or not words.one_of(position + 1 + first[0], TO):
        return None
    second = _date_or_year(words, position + 2 + first[0])
    if second is None:
        return None
    length = 2 + first[0] + second[0]
    try:
        start, end = _in_years(first[1], second[1], lexicon)
    except ValueError:
        return Match(length, Part.WINDOW, fault="There is no such day.")
    if end.in_year(0)[1] < start.in_year(0)[0]:
        return Match(length, Part.WINDOW, fault="The window ends before it starts.")
    when = When(start.in_year(0)[0], end.in_year(0)[1])
    said = first[1].year is None or second[1].year is None
    notes = (f"The years are taken from the data: {when}.",) if said else ()
    return Match(length, Part.WINDOW, when, str(when), notes)


def match_open(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `since A` and `before A`."""
    word = words.one_of(position, frozenset({"since", "before"}))
    found = _date_or_year(words, position + 1) if word else None
    if found is None:
        return None
    match = _dated(1 + found[0], found[1], lexicon)
    if match.fault:
        return match
    start = match.value.start
    when = When(start, None) if word == "since" else When(None, start - dt.timedelta(1))
    return replace(match, value=when, meaning=str(when))


def match_relative(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `today`, `yesterday`, `this month`, `last year`, `last 7 days`."""
    start = position + (words.one_of(position, INTO) is not None)
    day = {"today": 0, "yesterday": 1}.get(words.texts(start, 1)[0] if words.at(start) else "")
    if day is not None:
        date = lexicon.today - dt.timedelta(day)
        return _window(start - position + 1, When(date, date))
    start += words.says(start, "the")
    word = words.one_of(start, PAST | {"this"})
    if word is None:
        return None
    unit = words.one_of(start + 1, UNITS)
    if unit is not None and not unit.endswith("s"):
        return _window(start - position + 2, _calendar_unit(unit, lexicon, back=word != "this"))
    number, units = words.whole(start + 1), words.one_of(start + 2, UNITS)
    if number is None or units is None or word == "this":
        return None
    length = start - position + 3
    most = MOST[UNITS[units]]
    if not 1 <= number <= most:
        return Match(length, Part.WINDOW, fault=f"From 1 to {most:,} {UNITS[units]}s, please.")
    return _window(length, _rolling(number, UNITS[units], lexicon))


def outside_note(when: When, lexicon: Lexicon) -> str:
    """Return what is to be said of a window that no data lie in, empty if some may."""
    if lexicon.first is None or lexicon.last is None:
        return ""
    start, end = _day_of(when.start, lexicon), _day_of(when.end, lexicon)
    if (start is None or start <= lexicon.last) and (end is None or end >= lexicon.first):
        return ""
    return f"The window lies outside the data, which go from {lexicon.first} to {lexicon.last}."


def _date_or_year(words: Words, position: int) -> tuple[int, CalendarDate] | None:
    return read_date(words, position) or read_year(words, position)


def _dated(length: int, date: CalendarDate, lexicon: Lexicon) -> Match:
    """Return the window of one date."""
    if not date.is_possible:
        return Match(length, Part.WINDOW, fault="There is no such day.")
    dated = date.latest(data_end(lexicon))
    when = When(*dated.in_year(0))
    note = f"Without a year, {dated} is taken: the latest within the data."
    return Match(length, Part.WINDOW, when, str(when), () if date.year is not None else (note,))


def _in_years(
    first: CalendarDate, second: CalendarDate, lexicon: Lexicon
) -> tuple[CalendarDate, CalendarDate]:
    """Return both ends of a span with their years; an end without one is as near the other as it can be."""
    if second.year is None and first.year is not None:
        year = first.year
        is_before = replace(second, year=year).in_year(year)[1] < first.in_year(year)[0]
        return first, replace(second, year=year + is_before)
    second = second.latest(data_end(lexicon))
    return first.latest(second.in_year(0)[1]), second


def _window(length: int, when: When) -> Match:
    return Match(length, Part.WINDOW, when, str(when))


def _calendar_unit(unit: str, lexicon: Lexicon, *, back: bool) -> When:
    """Return the hour, day, week (from Monday), month or year it is, or the one before."""
    if unit == "hour":
        start = lexicon.now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=back)
        return When(start, start + dt.timedelta(hours=1))
    today = lexicon.today
    if unit == "day":
        day = today - dt.timedelta(back)
        return When(day, day)
    if unit == "week":
        monday = today - dt.timedelta(today.weekday() + DAYS_OF_WEEK * back)
        return When(monday, monday + dt.timedelta(DAYS_OF_WEEK - 1))
    if unit == "month":
        first = _months_before(today.replace(day=1), int(back))
        return When(first, _months_before(first, -1) - dt.timedelta(1))
    year = today.year - back
    return When(dt.date(year, 1, 1), dt.date(year, 12, 31))


def _rolling(number: int, unit: str, lexicon: Lexicon) -> When:
    """Return the last so many hours until now, or the days up to and with today."""
    if unit == "hour":
        end = lexicon.now.replace(microsecond=0)
        return When(end - dt.timedelta(hours=number), end)
    today = lexicon.today
    if unit in {"day", "week"}:
        return When(today - dt.timedelta(number * (DAYS_OF_WEEK if unit == "week" else 1) - 1), today)
    months = number * (MONTHS_OF_YEAR if unit == "year" else 1)
    return When(_months_before(today, months) + dt.timedelta(1), today)


def _months_before(day: dt.date, months: int) -> dt.date:
    """Return the same day some months before, or the last of that month if it is shorter."""
    index = day.year * MONTHS_OF_YEAR + day.month - 1 - months
    year, month = index // MONTHS_OF_YEAR, index % MONTHS_OF_YEAR + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _day_of(moment: dt.date | dt.datetime | None, lexicon: Lexicon) -> dt.date | None:
    return moment.astimezone(lexicon.zone).date() if isinstance(moment, dt.datetime) else moment
