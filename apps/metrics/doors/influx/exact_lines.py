"""Line protocol line by line: quotes, escapes, and what is wrong with each faulty line."""

import re
from array import array
from typing import Final

import numpy as np

from apps.metrics.doors.influx.plain_lines import Lines, check_points
from apps.metrics.doors.influx.series import series_key
from apps.metrics.errors import InvalidName, InvalidTags, InvalidValue
from apps.metrics.points.assembly import KeyTable
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.values import VALUE_MAX, number_of_text

TRUE: Final = frozenset({"t", "T", "true", "True", "TRUE"})
FALSE: Final = frozenset({"f", "F", "false", "False", "FALSE"})
INTEGER_RANGES: Final = {"i": (-(2**63), 2**63 - 1), "u": (0, 2**64 - 1)}
STAMP_MAX: Final = 2**63 - 1
LINE_FAULT: Final = "The line is not of the form `measurement,tag=value field=1,other=2 1700000000000000000`."

# All repetitions are possessive: a faulty line costs no more than its length.
_HEAD: Final = r"(?:[^ \n\\]|\\[^\n]|\\(?=\n|\Z))++"
_KEY: Final = r"(?:[^ ,=\n\\]|\\[^\n])++"
_VALUE: Final = r'"(?:[^"\\]|\\[\s\S])*+"|[^ ,"\r\n]++'
_FIELD: Final = rf"({_KEY})=({_VALUE})"
_FIELDS: Final = rf"{_KEY}=(?:{_VALUE})(?:,{_KEY}=(?:{_VALUE}))*+"
_LINE_PATTERN: Final = re.compile(rf" *+({_HEAD}) ++({_FIELDS})(?: ++(-?[0-9]++))?+ *+\r?(?:\n|\Z)")
_FIELD_PATTERN: Final = re.compile(_FIELD)
_SKIPPED_PATTERN: Final = re.compile(r"[ \t]*+(?:#[^\n]*+)?\r?(?:\n|\Z)")
_INTEGER: Final = re.compile(r"(-?[0-9]{1,20})([iu])")


class ExactReader:
    """Reads a body line by line; faulty lines go to `refusals`, each by the number of its line from 0."""

    def __init__(self, body: bytes, max_points: int) -> None:
        # What is not UTF-8 becomes half a surrogate pair, which no name may have.
        self._text = body.decode(errors="surrogateescape")
        self.refusals = Refusals(self._text.count("\n") + 1)
        self._max_points = max_points
        self.line_count = 0
        self.untimed_count = 0
        self._line = 0
        self._table = KeyTable()
        self._key_index = array("i")
        self._values = array("d")
        self._lines = array("i")
        self._stamps = np.zeros(len(self.refusals.marks), dtype=np.int64)
        self._has_stamp = np.zeros(len(self.refusals.marks), dtype=np.bool_)

    def read(self) -> Lines:
        """Return the points of all lines; those of refused lines are among them, with any time.

        Raises BatchSize at the first point or line too many.
        """
        place = 0
        while place < len(self._text):
            skipped = _SKIPPED_PATTERN.match(self._text, place)
            if skipped:
                place = skipped.end()
                self._line += 1
                continue
            self.line_count += 1
            check_points(self.line_count, self._max_points)
            place = self._read_line(place)
        return Lines(
            self._table,
            np.array(self._key_index, dtype=np.int32),
            np.array(self._values, dtype=np.float64),
            np.array(self._lines, dtype=np.int32),
            self._stamps,
        )

    @property
    def has_stamp(self) -> "np.typing.NDArray[np.bool_]":
        """Return which lines give a time."""
        return self._has_stamp

    def _read_line(self, place: int) -> int:
        """Read the line that starts at a place of the body; return the place after it."""
        found = _LINE_PATTERN.match(self._text, place)
        if not found:
            self._refuse("line", "invalid", LINE_FAULT)
            self._line += 1
            return self._text.find("\n", place) + 1 or len(self._text)
        head, fields, stamp = found.groups()
        self._read_fields(head, fields)
        if stamp is None:
            self.untimed_count += 1
        else:
            self._has_stamp[self._line] = True
            self._stamps[self._line] = min(max(int(stamp[:25]), -STAMP_MAX), STAMP_MAX)
        self._line += 1 + fields.count("\n")
        return found.end()

    def _read_fields(self, head: str, fields: str) -> None:
        for found in _FIELD_PATTERN.finditer(fields):
            field, text = found.groups()
            if text.startswith('"'):
                continue
            try:
                value = number_of(text)
                key = self._table.add(series_key(head, field), None)
            except InvalidValue as error:
                self._refuse("value", error.code, error.detail)
            except InvalidName as error:
                self._refuse("metric", error.code, error.detail)
            except InvalidTags as error:
                self._refuse("tags", error.code, error.detail)
            else:
                check_points(len(self._values) + 1, self._max_points)
                self._key_index.append(key)
                self._values.append(value)
                self._lines.append(self._line)

    def _refuse(self, field: str, code: str, detail: str) -> None:
        """Refuse the line, once."""
        if not self.refusals.marks[self._line]:
            self.refusals.add(self._line, field, code, detail)


def number_of(text: str) -> float:
    """Return a field's value: a number, `1i`, `1u` or a boolean, which is 1 or 0; raises InvalidValue."""
    value = number_of_text(text)
    if value is not None:
        if abs(value) <= VALUE_MAX:
            return value
        raise InvalidValue("A value is at most 1e290.")
    integer = _INTEGER.fullmatch(text)
    if integer:
        return _integer_of(int(integer[1]), integer[2])
    if text in TRUE or text in FALSE:
        return float(text in TRUE)
    raise InvalidValue("A value is a finite number, a boolean or a quoted text.")


def _integer_of(number: int, suffix: str) -> float:
    lowest, highest = INTEGER_RANGES[suffix]
    if not lowest <= number <= highest:
        raise InvalidValue("An integer has at most 64 bits, an unsigned one no sign.")
    return float(number)
