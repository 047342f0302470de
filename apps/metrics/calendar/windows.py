"""Windows of time as they are asked for, and the instants that they mean in a zone."""

import datetime as dt
import functools
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 3_600 * SECOND_US
DAY_US: Final = 86_400 * SECOND_US
EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - also stands for local times
UNITS_US: Final = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
# Windows lie inside these years, so that no arithmetic on dates overflows.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199

_UNIX: Final = re.compile(r"-?\d{1,11}(\.\d{1,9})?")
_AGO: Final = re.compile(r"-(\d{1,9})([smhdw])")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Ago:
    """An instant so many microseconds before now."""

    us: int


# An instant in microseconds since 1970, a day of the zone, or a time before now.
Moment = int | dt.date | Ago
NOW: Final = Ago(0)


@dataclass(frozen=True, slots=True)
class Window:
    """The instants from `start` up to, but not including, `end`."""

    start: int
    end: int


def parse_moment(text: str) -> Moment:
    """Return what a text names: RFC 3339, a date, Unix seconds, `-6h`; raises ValueError, with the reason."""
    # A `+` that arrived as a blank is mended: many clients forget to encode it.
    text = text.strip().replace(" ", "+") if text[10:11] != " " else text.strip()
    if found := _AGO.fullmatch(text):
        return Ago(int(found[1]) * UNITS_US[found[2]])
    if _UNIX.fullmatch(text):
        return _within(int((Decimal(text) * SECOND_US).to_integral_value()))
    if _DATE.fullmatch(text):
        day = dt.date.fromisoformat(text)
        _within(us_of(dt.datetime.combine(day, dt.time())))
        return day
    if _RFC3339.fullmatch(text):
        return _within(instant_us(dt.datetime.fromisoformat(text.upper())))
    raise ValueError("it is no RFC 3339 time with an offset, no date, no Unix seconds and nothing like -6h")


@functools.lru_cache(maxsize=256)
def parse_zone(name: str) -> ZoneInfo:
    """Return a zone by its name in the IANA database; raises ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error


def resolve_window(start: Moment, end: Moment, zone: ZoneInfo, now_us: int) -> Window:
    """Return the instants of a window; a date as its end includes that day. The window may be empty."""
    if isinstance(end, dt.date):
        end = end + dt.timedelta(days=1)
    return Window(_resolve(start, zone, now_us), _resolve(end, zone, now_us))


def day_start(day: dt.date, zone: ZoneInfo) -> int:
    """Return the instant at which a day of the zone starts, as PostgreSQL's date_trunc has it.

    Without a midnight that is when the clock was put forward; of two midnights it is the later one. Both come
    from the smaller of the offsets that the local time can have.
    """
    local = dt.datetime.combine(day, dt.time(), tzinfo=zone)
    offset = min(_offset(local), _offset(local.replace(fold=1)))
    return us_of(local.replace(tzinfo=None) - offset)


def local_date(at_us: int, zone: ZoneInfo) -> dt.date:
    """Return the date that the zone's clocks show at an instant."""
    return aware(at_us).astimezone(zone).date()


def offset_us(at_us: int, zone: ZoneInfo) -> int:
    """Return how far the zone's clocks are ahead of UTC at an instant."""
    return _offset(aware(at_us).astimezone(zone)) // dt.timedelta(microseconds=1)


def aware(at_us: int) -> dt.datetime:
    """Return an instant as a datetime in UTC."""
    return EPOCH.replace(tzinfo=dt.UTC) + dt.timedelta(microseconds=at_us)


def instant_us(instant: dt.datetime) -> int:
    """Return an aware datetime in microseconds since 1970; raises ValueError outside of Python's years."""
    try:
        return us_of(instant.astimezone(dt.UTC).replace(tzinfo=None))
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999") from error


def us_of(local: dt.datetime) -> int:
    """Return a naive datetime in microseconds since 1970."""
    return (local - EPOCH) // dt.timedelta(microseconds=1)


MIN_US: Final = us_of(dt.datetime(FIRST_YEAR, 1, 2))  # noqa: DTZ001
MAX_US: Final = us_of(dt.datetime(LAST_YEAR, 12, 30))  # noqa: DTZ001


def _resolve(moment: Moment, zone: ZoneInfo, now_us: int) -> int:
    if isinstance(moment, Ago):
        return max(now_us - moment.us, MIN_US)
    return moment if isinstance(moment, int) else day_start(moment, zone)


def _within(at_us: int) -> int:
    if not MIN_US <= at_us <= MAX_US:
        raise ValueError(f"it lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return at_us


def _offset(local: dt.datetime) -> dt.timedelta:
    return local.utcoffset() or dt.timedelta()
