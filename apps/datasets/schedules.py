"""When a source is due: five fields of cron, in the zone of its dataset."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from celery.exceptions import ImproperlyConfigured
from celery.schedules import ParseException, crontab

from apps.common.errors import FieldError, Invalid

FIELDS: Final = 5
GAP_MIN: Final = 15
DAY_MIN: Final = 24 * 60
# 29 February of a leap year comes again after eight years where a century is in between.
HORIZON_DAYS: Final = 9 * 366


class ScheduleInvalid(Invalid):
    """The schedule is no five fields of cron, never comes, or comes more often than every 15 minutes.

    The fields are minute, hour, day of the month, month, day of the week (0 or sun to 6 or sat).
    """

    code = "datasets.schedule_invalid"


def check_schedule(text: str) -> None:
    """Raise ScheduleInvalid unless the text is a schedule that a source may have; empty is none."""
    if text:
        _parsed(text)


def next_run(text: str, zone: str, after: dt.datetime) -> dt.datetime:
    """Return the first instant after another at which a schedule runs; raises ScheduleInvalid."""
    found = _parsed(text).next_after(after, zone)
    if found is None:
        raise ScheduleInvalid("There is no such day.")
    return found


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes of a day, and the days, at which a source is due."""

    minutes: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    # As cron has it: where both kinds of day are narrowed, either will do.
    is_either: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read five fields of cron; raises ScheduleInvalid."""
        fields = text.split()
        if len(fields) != FIELDS:
            raise ScheduleInvalid("A schedule has five fields: minute, hour, day, month, weekday.")
        names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        try:
            # Any, because the stubs do not know the fields that are read below.
            read: Any = crontab(**dict(zip(names, fields, strict=True)))
        except (ParseException, ImproperlyConfigured, ValueError, KeyError, IndexError) as error:
            raise ScheduleInvalid(f"The schedule {text[:60]!r} cannot be read.") from error
        found = cls(
            minutes=tuple(sorted(60 * hour + minute for hour in read.hour for minute in read.minute)),
            days=frozenset(read.day_of_month),
            months=frozenset(read.month_of_year),
            weekdays=frozenset(read.day_of_week),
            is_either=fields[2] != "*" and fields[4] != "*",
        )
        found.check()
        return found

    def check(self) -> None:
        """Raise ScheduleInvalid for what comes too often, or never."""
        around = [*self.minutes, self.minutes[0] + DAY_MIN]
        if min(later - earlier for earlier, later in pairwise(around)) < GAP_MIN:
            raise ScheduleInvalid(f"A source may be asked every {GAP_MIN} minutes at most.")
        if self.next_after(dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "UTC") is None:
            raise ScheduleInvalid("There is no such day.")

    def next_after(self, now: dt.datetime, zone: str) -> dt.datetime | None:
        """Return the first due instant after `now`, None if there is none; moved on in a gap."""
        local = now.astimezone(ZoneInfo(zone))
        for day in self._days_from(local.date()):
            for minute in self.minutes:
                time = dt.time(minute // 60, minute % 60)
                due = dt.datetime.combine(day, time, ZoneInfo(zone)).astimezone(dt.UTC)
                if due > now:
                    return due
        return None

    def _days_from(self, first: dt.date) -> Iterator[dt.date]:
        for number in range(HORIZON_DAYS):
            day = first + dt.timedelta(days=number)
            if day.month in self.months and self._has(day):
                yield day

    def _has(self, day: dt.date) -> bool:
        is_day, is_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return is_day or is_weekday if self.is_either else is_day and is_weekday


def _parsed(text: str) -> Schedule:
    """Read a schedule; what is wrong with it points to the field of the body."""
    try:
        return Schedule.parse(text)
    except ScheduleInvalid as error:
        wrong = FieldError(error.detail, code="schedule_invalid", pointer="/schedule")
        raise ScheduleInvalid(errors=[wrong]) from error
