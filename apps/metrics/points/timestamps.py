"""Times of points: metrics.md section 1.

Numbers are Unix seconds, texts RFC 3339 with an offset; both become whole microseconds, rounded half to even
from what was written and not from a float near it.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from apps.common.errors import Invalid
from apps.metrics.errors import TimestampOutOfRange
from apps.metrics.points.batch import DAY_US, SECOND_US, Instants
from apps.metrics.points.refusals import Refusals

SKEW_US: Final = 7 * DAY_US
# Further away than any window, and small enough that its microseconds fit 64 bits.
FAR_S: Final = 2**42
# Less than half a microsecond by far.
NEAR_S: Final = 1e-9
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
# Long texts are not remembered: few of them would fill the memory.
REMEMBERED_CHARS: Final = 64
# From so many texts on, reading them as a column is faster.
MANY_TEXTS: Final = 32
UNITS_PER_S: Final = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}

# What a JSON body holds as a timestamp.
Stamp = int | float | str | None
ExactText = Callable[[int], str]
Places = npt.NDArray[np.intp]

_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])"
    r"(?:\.([0-9]+))?([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)

# Of these pyarrow reads what is said, or fails; more digits it does not round.
_COMMON_TEXTS: Final = (
    r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,6})?(Z|[+-][0-2][0-9]:[0-5][0-9])$"
)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """When a request was received, and how far from that its points may lie; microseconds."""

    received_at_us: int
    past_us: int = SKEW_US
    future_us: int = SKEW_US

    @property
    def first_us(self) -> int:
        """Return the earliest instant that is accepted."""
        return self.received_at_us - self.past_us

    @property
    def last_us(self) -> int:
        """Return the latest instant that is accepted."""
        return self.received_at_us + self.future_us

    def faults(self, times: Instants) -> npt.NDArray[np.bool_]:
        """Mark the times outside."""
        return (times < self.first_us) | (times > self.last_us)

    def explain(self, number: float | Decimal | None = None, unit: str = "seconds") -> str:
        """Say the bounds; and of a number that was read in a unit, the one in which it would fit."""
        bounds = f"The time must be within {_text_of(self.first_us)} and {_text_of(self.last_us)}."
        fitting = None if number is None else self._unit_that_fits(number)
        return f"{bounds} As {fitting} it would fit; it was read as {unit}." if fitting else bounds

    def _unit_that_fits(self, number: float | Decimal) -> str | None:
        for unit, per_second in UNITS_PER_S.items():
            if self.first_us * per_second <= number * SECOND_US <= self.last_us * per_second:
                return unit
        return None


class TextRefused(Invalid):
    """The text is no time."""


def read_stamps(
    stamps: Sequence[Stamp], window: TimeWindow, refusals: Refusals, exact_text: ExactText
) -> Instants:
    """Return the times of a request's items in microseconds; None is the time of receipt.

    Adds a refusal for each that is no time or lies outside of the window. `exact_text` gives the digits of an
    item's number as they were sent, which is asked for only where a float leaves the rounding open.
    """
    times = _StampReader(stamps, window, refusals, exact_text).read()
    for item in np.flatnonzero(window.faults(times)).tolist():
        stamp = stamps[item]
        number = None if isinstance(stamp, str) else stamp
        refusals.add(item, "timestamp", TimestampOutOfRange.code, window.explain(number))
    return times


class _StampReader:
    """Reads the stamps of one request, all of one kind together."""

    def __init__(
        self, stamps: Sequence[Stamp], window: TimeWindow, refusals: Refusals, exact_text: ExactText
    ) -> None:
        self._stamps = stamps
        self._window = window
        self._refusals = refusals
        self._exact_text = exact_text

    def read(self) -> Instants:
        times = np.full(len(self._stamps), self._window.received_at_us, dtype=np.int64)
        kinds = set(map(type, self._stamps))
        for kind in kinds - {type(None)}:
            places = self._places_of(kind, is_only=len(kinds) == 1)
            if kind is int:
                times[places] = instants_of_integers(self._found(places))
            elif kind is float:
                times[places] = self._of_floats(places)
            else:
                times[places] = self._of_texts(places)
        return times

    def _places_of(self, kind: type, *, is_only: bool) -> Places:
        count = len(self._stamps)
        if is_only:
            return np.arange(count)
        return np.flatnonzero(np.fromiter((type(stamp) is kind for stamp in self._stamps), np.bool_, count))

    def _found(self, places: Places) -> Sequence[Any]:
        stamps = self._stamps
        return stamps if len(places) == len(stamps) else [stamps[place] for place in places.tolist()]

    def _of_floats(self, places: Places) -> Instants:
        seconds = np.clip(np.fromiter(self._found(places), np.float64, len(places)), -FAR_S, FAR_S)
        whole = np.floor(seconds)
        rest_us = (seconds - whole) * SECOND_US
        times = whole.astype(np.int64) * SECOND_US + np.rint(rest_us).astype(np.int64)
        # A float is off by up to half its spacing: where a tie lies that near, the digits decide.
        open_us = np.spacing(np.abs(seconds)) * (SECOND_US / 2) + 1e-6
        is_open = np.abs(rest_us - np.floor(rest_us) - 0.5) <= open_us
        for number in np.flatnonzero(is_open & (np.abs(seconds) < FAR_S)).tolist():
            times[number] = instant_of_number(self._exact_text(int(places[number])))
        return times

    def _of_texts(self, places: Places) -> Instants:
        known = _instants_of_texts(self._found(places)) if len(places) >= MANY_TEXTS else None
        if known is not None:
            return known
        times = np.full(len(places), self._window.received_at_us, dtype=np.int64)
        for number, text in enumerate(self._found(places)):
            try:
                times[number] = (
                    _remembered_instant(text) if len(text) <= REMEMBERED_CHARS else instant_of_text(text)
                )
            except TextRefused as error:
                self._refusals.add(int(places[number]), "timestamp", "invalid", error.detail)
        return times


def instant_of_number(text: str) -> int:
    """Return the microseconds of a decimal number of seconds, exactly rounded; saturates far outside."""
    near = float(text)
    # Decimal refuses exponents of many digits.
    if abs(near) >= FAR_S or abs(near) < NEAR_S:
        return int(np.sign(near)) * FAR_S * SECOND_US if abs(near) > 1 else 0
    number = Decimal(text)
    exact = Context(prec=len(text) + 8)
    return int(number.scaleb(6, exact).to_integral_value(ROUND_HALF_EVEN))


def instant_of_text(text: str) -> int:
    """Return the microseconds of an RFC 3339 text; raises TextRefused with the reason."""
    found = _RFC3339.fullmatch(text)
    if not found:
        raise TextRefused(_why_refused(text))
    try:
        whole = dt.datetime.fromisoformat(f"{found[1]}T{found[2]}{found[4].upper()}")
    except ValueError as error:
        raise TextRefused("There is no such day.") from error
    return (whole - EPOCH) // MICROSECOND + _microseconds_of(found[3] or "0")


def _instants_of_texts(texts: Sequence[str]) -> Instants | None:
    """Return the microseconds of texts in the commonest forms, None if one is of another."""
    column = pa.array(texts, pa.string())
    if not pc.all(pc.match_substring_regex(column, _COMMON_TEXTS)).as_py():
        return None
    try:
        found = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _cheap_instant(text: str) -> int:
    return _remembered_instant(text) if len(text) <= REMEMBERED_CHARS else instant_of_text(text)


@lru_cache(4_096)
def _remembered_instant(text: str) -> int:
    return instant_of_text(text)


def instants_of_integers(seconds: Sequence[int]) -> Instants:
    """Return the microseconds of whole seconds; what is far outside becomes the nearest that fits."""
    try:
        found = np.fromiter(seconds, np.int64, len(seconds))
    except OverflowError:
        found = np.fromiter((min(max(number, -FAR_S), FAR_S) for number in seconds), np.int64, len(seconds))
    return np.clip(found, -FAR_S, FAR_S) * SECOND_US


def _microseconds_of(fraction: str) -> int:
    if len(fraction) <= len("000000"):
        return int(fraction.ljust(6, "0"))
    return instant_of_number(f"0.{fraction}")


def _why_refused(text: str) -> str:
    if re.fullmatch(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?", text):
        return "A number of seconds is sent as a number, not as a text."
    if re.fullmatch(r".*:60(?:\.[0-9]*)?(?:[Zz]|[+-][0-9:]+)?", text):
        return "Leap seconds are not counted; 23:59:60 is the next day's 00:00:00."
    return "A time is a number of Unix seconds or RFC 3339 with an offset, such as 2024-05-31T10:00:00Z."


def _text_of(at_us: int) -> str:
    """Return an instant as RFC 3339; where the calendar ends, as seconds."""
    try:
        return (EPOCH + dt.timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{at_us / SECOND_US:g} s"
