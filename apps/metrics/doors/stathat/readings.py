"""The parameters of the reading calls: which metrics, and which stretch of time in which steps."""

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from apps.common.errors import Malformed

IDS_MAX: Final = 5
LIST_PAGE: Final = 10_000
DEFAULT_TIMEFRAME: Final = "1d1h"
STEPS_MAX: Final = 11_000
MONTHS_PER_YEAR: Final = 12
OFFSET_MAX: Final = 10**9

_TIMEFRAME: Final = re.compile(r"([1-9][0-9]{0,5})([mhdwMy])([1-9][0-9]{0,5})([mhdwMy])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_MONTHS: Final = {"M": 1, "y": MONTHS_PER_YEAR}
# Only to compare spans: months differ in length.
_MONTH_S: Final = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: elapsed seconds, or calendar months."""

    seconds: int = 0
    months: int = 0

    @property
    def about_s(self) -> int:
        """Return the length in seconds, months taken as 30 days."""
        return self.seconds + self.months * _MONTH_S

    def before(self, moment: dt.datetime) -> dt.datetime:
        """Return the moment so long before another."""
        return _months_later(moment, -self.months) - dt.timedelta(seconds=self.seconds)

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Return the moment so long after another."""
        return _months_later(moment, self.months) + dt.timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A stretch of time in steps: `1w3h` is a week by three hours."""

    text: str
    span: Span
    step: Span


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A parsed `/data` call."""

    ids: tuple[str, ...]
    timeframe: Timeframe
    start: dt.datetime | None = None

    def window(self, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
        """Return the half-open window: from `start`, else the one that ends now; raises Malformed."""
        try:
            if self.start is not None:
                return self.start, self.timeframe.span.after(self.start)
            return self.timeframe.span.before(now), now
        except (OverflowError, ValueError) as error:
            raise Malformed("The timeframe reaches beyond the calendar.") from error


def parse_data(ids_path: str, query: Mapping[str, str]) -> DataRequest:
    """Return what `/x/<key>/data/<ids>` asks for; ids stand between slashes. Raises Malformed."""
    ids = tuple(part for part in ids_path.split("/") if part)
    if not 1 <= len(ids) <= IDS_MAX:
        raise Malformed(f"1 to {IDS_MAX} ids stand in the address, with slashes between them.")
    timeframe = parse_timeframe(query.get("t") or DEFAULT_TIMEFRAME)
    return DataRequest(ids, timeframe, _start_of(query.get("start", "")))


def parse_timeframe(text: str) -> Timeframe:
    """Return a timeframe such as `1w3h`, units m h d w M (months) y; raises Malformed."""
    found = _TIMEFRAME.fullmatch(text)
    if not found:
        raise Malformed("`t` is a span and a step such as 1w3h, in m, h, d, w, M or y.")
    timeframe = Timeframe(text, _span(found[1], found[2]), _span(found[3], found[4]))
    if not timeframe.step.about_s <= timeframe.span.about_s <= STEPS_MAX * timeframe.step.about_s:
        raise Malformed(f"`t` has 1 to {STEPS_MAX} steps.")
    return timeframe


def parse_offset(query: Mapping[str, str]) -> int:
    """Return from which metric on `statlist` lists its page; raises Malformed."""
    text = query.get("offset") or "0"
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Malformed("`offset` is a number of metrics.")
    return int(text)


def parse_stat_name(query: Mapping[str, str]) -> str:
    """Return the name that `/x/<key>/stat` looks for; raises Malformed."""
    name = query.get("name", "").strip()
    if not name:
        raise Malformed("`name` is missing: the metric's name.")
    return name


def _start_of(text: str) -> dt.datetime | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise Malformed("`start` is a number of Unix seconds.")
    return dt.datetime.fromtimestamp(int(text), dt.UTC)


def _span(count: str, unit: str) -> Span:
    if unit in _MONTHS:
        return Span(months=int(count) * _MONTHS[unit])
    return Span(seconds=int(count) * _SECONDS[unit])


def _months_later(moment: dt.datetime, months: int) -> dt.datetime:
    """Return the same day of another month, its last one if it is shorter."""
    if not months:
        return moment
    years, month = divmod(moment.year * MONTHS_PER_YEAR + moment.month - 1 + months, MONTHS_PER_YEAR)
    if not dt.MINYEAR <= years <= dt.MAXYEAR:
        raise OverflowError
    day = min(moment.day, calendar.monthrange(years, month + 1)[1])
    return moment.replace(year=years, month=month + 1, day=day)
