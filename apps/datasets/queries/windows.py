"""Time windows: half-open, in the dataset's zone, over events that may be intervals.

An event of precision day, month or year is that period of the zone's calendar and is stored at its start; it
is in a window when the two intersect. So its test is on the stored start alone: it is in when it starts
before the window ends and not before the start of the period that holds the window's start.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from apps.datasets.reading.rows import Precision

# Events lie between 1800 and ten years from now; years beyond are clamped so that no arithmetic overflows.
MIN_YEAR: Final = 1700
MAX_YEAR: Final = 2400

Moment = TypeVar("Moment", bound=date)

PERIODS: Final = (Precision.DAY, Precision.MONTH, Precision.YEAR)


@dataclass(frozen=True, slots=True)
class Span:
    """A window as instants in UTC, [start, end), of one zone; None is open."""

    zone: ZoneInfo
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether every event is in."""
        return self.start is None and self.end is None

    @property
    def is_empty(self) -> bool:
        """Tell whether the end is not after the start, so that no instant is in."""
        return self.start is not None and self.end is not None and self.end <= self.start

    def earliest(self, precision: Precision) -> datetime | None:
        """Return the first stored start that an event of the precision may have and be in."""
        return None if self.start is None else period_start(self.start, precision, self.zone)

    def cut_from(self, precision: Precision) -> datetime | None:
        """Return where the period starts that the window's end cuts in two; None if it cuts none."""
        if self.end is None:
            return None
        start = period_start(self.end, precision, self.zone)
        return start if start < self.end else None


@dataclass(frozen=True, slots=True)
class Window:
    """A window as asked: instants with offset, or bare dates, which mean whole days of each zone.

    length: where the window ends after its start, if it has no end.
    """

    start: datetime | date | None = None
    end: datetime | date | None = None
    length: timedelta | None = None

    def in_zone(self, zone: ZoneInfo) -> Span:
        """Return the instants that the window means in a zone; a bare date as end includes that day."""
        end = self.end
        if end is not None and not isinstance(end, datetime):
            end = _clamped(end) + timedelta(days=1)
        start = _instant(self.start, zone)
        if end is None and start is not None and self.length is not None:
            return Span(zone, start, start + self.length)
        return Span(zone, start, _instant(end, zone))


def period_start(instant: datetime, precision: Precision, zone: ZoneInfo) -> datetime:
    """Return the start, in UTC, of the day, month or year of the zone's calendar that holds the instant."""
    if precision is Precision.INSTANT:
        return instant
    day = instant.astimezone(zone).date()
    if precision >= Precision.MONTH:
        day = day.replace(day=1)
    if precision is Precision.YEAR:
        day = day.replace(month=1)
    return day_start(day, zone)


def period_end(instant: datetime, precision: Precision, zone: ZoneInfo) -> datetime:
    """Return the end, in UTC, of the period that holds the instant: the first instant that is not in it."""
    if precision is Precision.INSTANT:
        return instant + timedelta(microseconds=1)
    day = instant.astimezone(zone).date()
    if precision is Precision.DAY:
        return day_start(day + timedelta(days=1), zone)
    if precision is Precision.MONTH:
        return day_start((day.replace(day=1) + timedelta(days=32)).replace(day=1), zone)
    return day_start(day.replace(year=day.year + 1, month=1, day=1), zone)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant a day of the zone starts: after a gap at midnight, the earlier one in a fold."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _instant(moment: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return _clamped(moment).astimezone(UTC)
    return day_start(_clamped(moment), zone)


def _clamped(moment: Moment) -> Moment:
    """Return the moment, or the nearest start of a year that events can have."""
    if MIN_YEAR <= moment.year <= MAX_YEAR:
        return moment
    return moment.replace(year=MIN_YEAR if moment.year < MIN_YEAR else MAX_YEAR, month=1, day=1)
