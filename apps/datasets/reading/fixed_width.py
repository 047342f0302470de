"""Arrays of timestamps of fixed width, read column of characters by column of characters.

A template is a string: Y y m d H M S f each stand for one digit of that part, and a backslash makes the next
character a literal. Whatever is read here, the single reader of `timestamps` reads the same; what is left
unread it may still read.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from apps.datasets.reading.rows import Bools, Int16s, Int64s, Precision

Digits = npt.NDArray[np.int64]
_PIVOT_YEAR: Final = 69
_DAYS_IN_MONTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_ZERO: Final = ord("0")
_DATE: Final = r"YYYY\-mm\-dd"
_CLOCKS: Final = tuple(
    f"{_DATE}\\{mark}HH\\:MM\\:SS{part}" for mark in "T " for part in ("", r"\.fff", r"\.ffffff")
)
ISO_TEMPLATES: Final = (
    _DATE,
    r"YYYY\-mm",
    "YYYY",
    *_CLOCKS,
    *(clock + r"\Z" for clock in _CLOCKS),
    *(clock + r"\+\0\0\:\0\0" for clock in _CLOCKS),
)


@dataclass(frozen=True, slots=True)
class CivilColumns:
    """Clock times as columns; see `timestamps.Moment`. Where `ok` is false the others are zero."""

    clock_us: Int64s
    is_utc: Bools
    precision: Int16s
    ok: Bools

    @classmethod
    def unread(cls, rows: int) -> "CivilColumns":
        """Return columns in which nothing has been read."""
        flags = np.zeros((2, rows), np.bool_)
        return cls(np.zeros(rows, np.int64), flags[0], np.zeros(rows, np.int16), flags[1])

    def put(self, rows: Int64s, civil: "CivilColumns") -> None:
        """Set these rows from other columns."""
        for own, other in zip(self.columns(), civil.columns(), strict=True):
            own[rows] = other

    def take(self, rows: npt.NDArray[Any]) -> "CivilColumns":
        """Return the rows at these indexes."""
        return CivilColumns(self.clock_us[rows], self.is_utc[rows], self.precision[rows], self.ok[rows])

    def padded(self) -> "CivilColumns":
        """Return the columns with one unread row at the end, which stands for nulls."""
        wider = CivilColumns.unread(len(self.ok) + 1)
        wider.put(np.arange(len(self.ok)), self)
        return wider

    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the four columns."""
        return self.clock_us, self.is_utc, self.precision, self.ok


def read_templates(texts: pa.StringArray, templates: tuple[str, ...]) -> CivilColumns:
    """Read each text by the first template of its length that fits."""
    civil = CivilColumns.unread(len(texts))
    parsed = [_characters(template) for template in templates]
    starts, lengths, chars = _buffers(texts)
    for length in np.flatnonzero(np.bincount(lengths, minlength=1)):
        fitting = [template for template in parsed if len(template) == length]
        rows = np.flatnonzero(lengths == length)
        for template in fitting:
            rows = _read_one(
                civil, rows, [chars[starts[rows] + column] for column in range(length)], template
            )
            if not len(rows):
                break
    return civil


def _buffers(texts: pa.StringArray) -> tuple[Int64s, Int64s, npt.NDArray[np.uint8]]:
    """Return where each text starts, its length in bytes (0 for null), and all bytes."""
    buffers: list[Any] = texts.buffers()
    _, offsets_buffer, bytes_buffer = buffers
    if offsets_buffer is None or bytes_buffer is None or not len(texts):
        nothing = np.zeros(len(texts), np.int64)
        return nothing, nothing, np.zeros(0, np.uint8)
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(
        np.int64
    )
    lengths = np.diff(offsets)
    if texts.null_count:
        lengths[np.asarray(texts.is_null())] = 0
    return offsets[:-1], lengths, np.frombuffer(bytes_buffer, np.uint8)


def _characters(template: str) -> list[tuple[str, int]]:
    """Split a template into (part letter, 0) and ("", code of a literal)."""
    chars = iter(template)
    return [("", ord(next(chars))) if char == "\\" else (char, 0) for char in chars]


def _read_one(
    civil: CivilColumns, rows: Int64s, columns: list[npt.NDArray[np.uint8]], template: list[tuple[str, int]]
) -> Int64s:
    """Read the rows that fit a template; return those left."""
    fits = np.ones(len(rows), np.bool_)
    parts: dict[str, Digits] = {}
    for (letter, literal), column in zip(template, columns, strict=True):
        if not letter:
            fits &= column == literal
            continue
        digit = column - np.uint8(_ZERO)  # wraps round below "0", so one comparison checks both ends
        fits &= digit <= 9  # noqa: PLR2004
        parts[letter] = parts[letter] * 10 + digit if letter in parts else digit.astype(np.int64)
    literals = "".join(chr(literal) for letter, literal in template if not letter)
    clock_us, valid = _clock_us(parts, sum(letter == "f" for letter, _ in template))
    fits &= valid
    fitting = rows[fits]
    civil.clock_us[fitting] = clock_us[fits]
    civil.is_utc[fitting] = literals.endswith(("Z", "+00:00"))
    civil.precision[fitting] = _precision(parts)
    civil.ok[fitting] = True
    return rows[~fits]


def _precision(parts: dict[str, Digits]) -> Precision:
    if "H" in parts:
        return Precision.INSTANT
    if "d" in parts:
        return Precision.DAY
    return Precision.MONTH if "m" in parts else Precision.YEAR


def _clock_us(parts: dict[str, Digits], fraction_digits: int) -> tuple[Int64s, Bools]:
    """Put parts together, and say which make a day of the calendar and a time of the clock."""
    year = parts["Y"] if "Y" in parts else parts["y"] + np.where(parts["y"] >= _PIVOT_YEAR, 1900, 2000)
    nothing, one = np.zeros_like(year), np.ones_like(year)
    month, day = parts.get("m", one), parts.get("d", one)
    hour, minute, second = (parts.get(letter, nothing) for letter in "HMS")
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    valid = (year >= 1) & (month >= 1) & (month <= 12)  # noqa: PLR2004
    last = _DAYS_IN_MONTH[np.where(valid, month, 0)] + (leap & (month == 2))  # noqa: PLR2004
    valid &= (day >= 1) & (day <= last) & (hour <= 23) & (minute <= 59) & (second <= 59)  # noqa: PLR2004
    fraction_us = parts.get("f", nothing) * 10 ** (6 - fraction_digits)
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    return seconds * 1_000_000 + fraction_us, valid


def _days(year: Digits, month: Digits, day: Digits) -> Int64s:
    """Return days since 1970-01-01 (days_from_civil of H. Hinnant, "Low-level date algorithms")."""
    shifted = year - (month <= 2)  # noqa: PLR2004
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: Int64s = (
        era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    )
    return days
