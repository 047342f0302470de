"""Texts to instants: every format for single values, common spellings for arrays, with equal results."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.fixed_width import ISO_TEMPLATES, CivilColumns, read_templates
from apps.datasets.reading.patterns import MONTHS, compile_pattern
from apps.datasets.reading.rows import Bools, Int16s, Int64s, Precision, RowCode
from apps.datasets.reading.texts import WHITESPACE
from apps.datasets.reading.zones import SECOND_US, Shift, Zone

DAY_US: Final = 86_400 * SECOND_US
EARLIEST_US: Final = -5_364_662_400 * SECOND_US  # 1800-01-01T00:00Z
PIVOT_YEAR: Final = 69
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_UNIQUE_SAMPLE_ROWS: Final = 2_000

_ISO_DATE: Final = re.compile(
    r"(?P<Y>\d{4})(?:-(?P<m>\d\d)(?:-(?P<d>\d\d))?)?|(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", re.ASCII
)
_ISO_TIME: Final = re.compile(
    r"[Tt ](?P<H>\d\d)(?::?(?P<M>\d\d)(?::?(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?)?"
    r" ?(?P<z>[Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)
_BEYOND_US: Final = 10**18  # out of every range, yet within 64 bits
_EPOCH_NUMBER: Final = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d{1,15})(?:\.(?P<part>\d{1,9}))?", re.ASCII)


class Moment(NamedTuple):
    """A text read by a format: microseconds the clock showed, or of UTC if the text said its offset."""

    clock_us: int
    is_utc: bool
    precision: Precision


@lru_cache(maxsize=4_096)
def parse_moment(text: str, formats: tuple[str, ...]) -> Moment | None:
    """Read a text by the first format that fits; None if none does. Cached: times repeat."""
    text = text.strip(WHITESPACE)
    for format_ in formats:
        reader = _NAMED.get(format_)
        moment = reader(text) if reader else _parse_pattern(text, format_)
        if moment is not None:
            return moment
    return None


def _parse_iso(text: str) -> Moment | None:
    at = 10 if text[4:5] == "-" else 8
    found, time = _iso_day(text[:at]), text[at:]
    if found is None or not time:
        return found
    clock = _ISO_TIME.fullmatch(time)
    if clock is None or found.precision is not Precision.DAY:
        return None
    return _add_clock(found.clock_us, clock.groupdict(), Precision.INSTANT)


@lru_cache(maxsize=4_096)
def _iso_day(text: str) -> Moment | None:
    """Read a date, month or year. Cached: the same days come with ever other times."""
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        return None
    parts = match["Y"] or match["year"], match["m"] or match["month"], match["d"] or match["day"]
    given = {letter: part for letter, part in zip("Ymd", parts, strict=True) if part}
    return _moment(given, Precision(4 - len(given)))


def _parse_pattern(text: str, format_: str) -> Moment | None:
    pattern = compile_pattern(format_)
    match = pattern.expression.fullmatch(text)
    return None if match is None else _moment(match.groupdict(), pattern.precision)


def _moment(parts: dict[str, str], precision: Precision) -> Moment | None:
    """Put parts by directive letter together; None where the calendar or the clock has no such instant."""
    try:
        days = _ordinal(parts) - _EPOCH_ORDINAL
    except ValueError:
        return None
    return _add_clock(days * DAY_US, parts, precision)


def _add_clock(day_us: int, parts: dict[str, str], precision: Precision) -> Moment | None:
    """Add the time of day to a day's beginning; None where the clock has no such time."""
    try:
        clock_us = day_us + _clock_us(parts)
        offset_us = _offset_us(parts.get("z"))
    except ValueError:
        return None
    return Moment(clock_us - (offset_us or 0), offset_us is not None, precision)


def _clock_us(parts: dict[str, str]) -> int:
    """Return the time of day; raises ValueError for 24:00 and second 60 too."""
    hour, minute, second = int(parts.get("H") or 0), int(parts.get("M") or 0), int(parts.get("S") or 0)
    if "I" in parts:
        twelve = int(parts["I"])
        hour = twelve % 12 + (12 if parts["p"][0] in "pP" else 0) if 1 <= twelve <= 12 else -1  # noqa: PLR2004
    if not 0 <= hour <= 23 or minute > 59 or second > 59:  # noqa: PLR2004
        raise ValueError("There is no such time of day.")
    return (hour * 3600 + minute * 60 + second) * SECOND_US + _fraction_us(parts.get("f"))


def _fraction_us(digits: str | None) -> int:
    """Return a decimal fraction of a second, cut to microseconds."""
    return int(digits.ljust(6, "0")[:6]) if digits else 0


def _offset_us(text: str | None) -> int | None:
    """Return an offset from UTC (`Z`, `+01`, `+0100`, `+01:00`); raises ValueError past 18 hours."""
    if not text:
        return None
    if text in "zZ":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 18 or minutes > 59:  # noqa: PLR2004
        raise ValueError("There is no such offset.")
    return (hours * 3600 + minutes * 60) * SECOND_US * (-1 if text[0] == "-" else 1)


def _ordinal(parts: dict[str, str]) -> int:
    """Return the day's ordinal; raises ValueError for a day that is not in the calendar."""
    year = int(parts["Y"]) if "Y" in parts else _year_of_two_digits(int(parts["y"]))
    if "j" in parts:
        ordinal = date(year, 1, 1).toordinal() + int(parts["j"]) - 1
        if not int(parts["j"]) or date.fromordinal(ordinal).year != year:
            raise ValueError("There is no such day of the year.")
        return ordinal
    return date(year, _month(parts), int(parts.get("d") or 1)).toordinal()


def _month(parts: dict[str, str]) -> int:
    if name := parts.get("B") or parts.get("b"):
        return next(number for number, month in enumerate(MONTHS, 1) if month[:3] == name[:3].lower())
    return int(parts.get("m") or 1)


def _year_of_two_digits(year: int) -> int:
    return year + (1900 if year >= PIVOT_YEAR else 2000)


def _parse_epoch(text: str, unit_us: int) -> Moment | None:
    match = _EPOCH_NUMBER.fullmatch(text)
    if match is None:
        return None
    part = int((match["part"] or "0").ljust(9, "0")) * unit_us // 1_000_000_000
    count_us = min(int(match["whole"]) * unit_us + part, _BEYOND_US)
    return Moment(-count_us if match["sign"] == "-" else count_us, is_utc=True, precision=Precision.INSTANT)


def _parse_epoch_s(text: str) -> Moment | None:
    return _parse_epoch(text, SECOND_US)


def _parse_epoch_ms(text: str) -> Moment | None:
    return _parse_epoch(text, SECOND_US // 1_000)


_NAMED: Final[dict[str, Callable[[str], Moment | None]]] = {
    "iso": _parse_iso,
    "epoch_s": _parse_epoch_s,
    "epoch_ms": _parse_epoch_ms,
}


class Instant(NamedTuple):
    """An accepted instant in UTC."""

    occurred_us: int
    precision: Precision
    shift: Shift
    in_future: bool


@dataclass(frozen=True, slots=True)
class Instants:
    """An array of texts read; where `ok` is false the other columns mean nothing."""

    occurred_us: Int64s
    precision: Int16s
    ok: Bools
    in_gap: Bools
    ambiguous: Bools
    in_future: Bools

    @classmethod
    def same(cls, instant: Instant, count: int) -> "Instants":
        """Return one instant for every row."""
        return cls(
            occurred_us=np.full(count, instant.occurred_us, np.int64),
            precision=np.full(count, instant.precision, np.int16),
            ok=np.ones(count, np.bool_),
            in_gap=np.full(count, instant.shift is Shift.GAP),
            ambiguous=np.full(count, instant.shift is Shift.FOLD),
            in_future=np.full(count, instant.in_future),
        )


class TimeReader:
    """Reads the timestamps of one mapping in one zone at one moment."""

    def __init__(self, formats: tuple[str, ...], zone: Zone, now: datetime) -> None:
        """`zone` reaches at least ten years past `now`."""
        self._formats = formats
        self._zone = zone
        self._latest_us = _microseconds(_ten_years_after(now))
        self._future_us = _microseconds(now + timedelta(days=1))

    def one(self, text: str) -> Instant | RowCode:
        """Read one text, or say why not."""
        moment = parse_moment(text, self._formats)
        if moment is None:
            return RowCode.TIMESTAMP_INVALID
        occurred_us, shift = moment.clock_us, Shift.NONE
        if not moment.is_utc:
            occurred_us, shift = self._zone.one_to_utc(moment.clock_us)
        if not EARLIEST_US <= occurred_us <= self._latest_us:
            return RowCode.TIMESTAMP_OUT_OF_RANGE
        return Instant(occurred_us, moment.precision, shift, occurred_us > self._future_us)

    def many(self, texts: pa.StringArray) -> Instants:
        """Read an array; nulls are not ok. Repeated texts are read once, others by templates, then singly."""
        if _has_few_values(texts):
            encoded = texts.dictionary_encode()
            codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
            civil = self._singly(encoded.dictionary).padded().take(codes)
        else:
            civil = self._by_templates(texts)
        return self._placed(civil)

    def _by_templates(self, texts: pa.StringArray) -> CivilColumns:
        """Read by the templates of the first format; what these leave is read singly by all formats."""
        first = self._formats[0]
        templates = ISO_TEMPLATES if first == "iso" else _pattern_templates(first)
        civil = read_templates(texts, templates)
        left = np.flatnonzero(~civil.ok)
        if len(left):
            civil.put(left, self._singly(texts.take(pa.array(left, pa.int64()))))
        return civil

    def _singly(self, texts: "pa.Array[Any]") -> CivilColumns:
        civil = CivilColumns.unread(len(texts))
        for row, text in enumerate(texts.to_pylist()):
            moment = None if text is None else parse_moment(text, self._formats)
            if moment is not None:
                civil.ok[row] = True
                civil.clock_us[row] = moment.clock_us
                civil.is_utc[row] = moment.is_utc
                civil.precision[row] = moment.precision
        return civil

    def _placed(self, civil: CivilColumns) -> Instants:
        """Bring clock times to UTC and check the range."""
        occurred_us, in_gap, ambiguous = self._zone.to_utc(civil.clock_us)
        occurred_us = np.where(civil.is_utc, civil.clock_us, occurred_us)
        ok = civil.ok & (occurred_us >= EARLIEST_US) & (occurred_us <= self._latest_us)
        local = ok & ~civil.is_utc
        return Instants(
            occurred_us=occurred_us,
            precision=civil.precision,
            ok=ok,
            in_gap=in_gap & local,
            ambiguous=ambiguous & local,
            in_future=ok & (occurred_us > self._future_us),
        )


def _has_few_values(texts: pa.StringArray) -> bool:
    """Tell by the first rows whether values repeat often enough to read each distinct one once."""
    sample = texts.slice(0, _UNIQUE_SAMPLE_ROWS)
    return bool(pc.count_distinct(sample, mode="all").as_py() * 8 <= len(sample))


def _pattern_templates(format_: str) -> tuple[str, ...]:
    return () if format_ in _NAMED else compile_pattern(format_).templates


def _microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _ten_years_after(now: datetime) -> datetime:
    day = 28 if (now.month, now.day) == (2, 29) else now.day
    return now.replace(year=now.year + 10, day=day)
