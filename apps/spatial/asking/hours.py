"""Rules of the time of day and of weekdays, which hold in the dataset's zone. Pure."""

import calendar
from collections.abc import Iterable
from typing import Final

from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.matches import Match, Part
from apps.spatial.asking.words import Kind, Words

HOURS: Final = 24
NOON: Final = 12
PARTS: Final = {"morning": (6, 11), "afternoon": (12, 17), "evening": (18, 21), "night": (22, 5)}
WEEKDAYS: Final = {
    name.casefold() + ending: number
    for number, name in enumerate(calendar.day_name, 1)
    for ending in ("", "s")
}
GROUPS: Final = {
    "weekday": (1, 2, 3, 4, 5), "weekdays": (1, 2, 3, 4, 5), "weekend": (6, 7), "weekends": (6, 7),
}  # fmt: skip


def match_hours(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `between 22:00 and 04:00`, `from 10 pm to 4 am`."""
    joint = {"between": "and", "from": "to"}.get(words.one_of(position, frozenset({"between", "from"})) or "")
    first = _clock(words, position + 1) if joint else None
    if joint is None or first is None or not words.says(position + 1 + first[0], joint):
        return None
    second = _clock(words, position + 2 + first[0])
    if second is None:
        return None
    length = 2 + first[0] + second[0]
    if not (first[1] % 60 == second[1] % 60 == 0 and max(first[1], second[1]) <= HOURS * 60):
        return Match(length, Part.HOURS, fault="Whole hours from 00:00 to 24:00, please.")
    start, end = first[1] // 60 % HOURS, second[1] // 60 % HOURS
    if start == end:
        return Match(length, Part.HOURS, fault="The two hours must differ.")
    return _hours(length, start, (end - 1) % HOURS)


def match_part_of_day(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `in the morning`, `at night`, `evenings`."""
    start = position + (words.one_of(position, frozenset({"in", "at", "during"})) is not None)
    start += words.says(start, "the")
    token = words.at(start)
    hours = PARTS.get(token.text.removesuffix("s")) if token and token.kind is Kind.WORD else None
    return _hours(start - position + 1, *hours) if hours else None


def match_weekdays(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `on Monday`, `on Fridays or Saturdays`, `on weekdays`, `at the weekend`."""
    start = position + (words.one_of(position, frozenset({"on", "at", "during"})) is not None)
    start += words.says(start, "the")
    group = words.one_of(start, GROUPS)
    if group is not None:
        return _weekdays(start - position + 1, GROUPS[group])
    days: list[int] = []
    end = start
    while (day := words.one_of(end, WEEKDAYS)) is not None:
        days.append(WEEKDAYS[day])
        end += 1
        joint = words.one_of(end, frozenset({"or", "and", ","}))
        if joint is None or words.one_of(end + 1, WEEKDAYS) is None:
            break
        end += 1
    return _weekdays(end - position, tuple(sorted(set(days)))) if days else None


def hour_names(first: int, last: int) -> str:
    """Return the clock times between which hours lie, the last one included."""
    return f"{first:02}:00 and {(last + 1) % HOURS:02}:00"


def day_names(days: Iterable[int]) -> str:
    """Return the names of ISO weekdays."""
    return ", ".join(calendar.day_name[day - 1] for day in days)


def _clock(words: Words, position: int) -> tuple[int, int] | None:
    """Return how many tokens make a time of day, and its minute of the day: `22:00`, `10 pm`, `10:30 pm`."""
    token = words.at(position)
    if token is None or token.kind not in {Kind.CLOCK, Kind.NUMBER} or "." in token.text:
        return None
    hour, _, minute = token.text.partition(":")
    half = words.one_of(position + 1, frozenset({"am", "pm"}))
    if half is None:
        return (1, int(hour) * 60 + int(minute)) if minute else None
    if not 1 <= int(hour) <= NOON:
        return 2, HOURS * 60 + 1
    return 2, (int(hour) % NOON + NOON * (half == "pm")) * 60 + int(minute or 0)


def _hours(length: int, first: int, last: int) -> Match:
    return Match(length, Part.HOURS, (first, last), f"hours between {hour_names(first, last)}")


def _weekdays(length: int, days: tuple[int, ...]) -> Match:
    return Match(length, Part.WEEKDAYS, days, f"weekdays: {day_names(days)}")
