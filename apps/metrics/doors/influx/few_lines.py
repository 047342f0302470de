"""Line protocol of a few plain lines, split up: below a few hundred a table costs more than it saves.

Whatever is not plain is left to `exact_lines`, which gives the same for what is.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from apps.metrics.doors.influx.exact_lines import number_of
from apps.metrics.doors.influx.plain_lines import Lines, check_points, is_plain
from apps.metrics.doors.influx.series import series_keys
from apps.metrics.errors import InvalidName, InvalidTags, InvalidValue
from apps.metrics.points.assembly import KeyTable
from apps.metrics.points.batch import Instants, Values
from apps.metrics.points.values import value_faults

# Head, fields and time.
PARTS_MAX: Final = 3

# The letters of plain numbers, of which Python reads what the protocol means; it would take `1_0` and `nan`.
_NUMBERS: Final = re.compile(r"[0-9.eE+-]*+")
_DIGITS: Final = re.compile(r"[0-9]*+")


def read_few(body: bytes, max_points: int) -> Lines | None:
    """Return a body's lines, None if it is not plain; raises BatchSize for more points than allowed."""
    if not is_plain(body):
        return None
    try:
        lines = body.decode().removesuffix("\n").split("\n")
        # One part too many tells as much as millions, which would take twenty times the body's memory.
        rows = [line.split(" ", PARTS_MAX) for line in lines]
        heads, texts, *stamp_columns = zip(*rows, strict=True)
        return _lines_of(heads, texts, stamp_columns, max_points)
    except (ValueError, OverflowError, InvalidName, InvalidTags, InvalidValue):
        return None


def _lines_of(
    heads: Sequence[str], texts: Sequence[str], stamp_columns: Sequence[Sequence[str]], max_points: int
) -> Lines | None:
    """Return the lines of columns of text; raises ValueError and others for what takes an exact look."""
    if len(stamp_columns) > 1 or any(head[:1] in {"", "#"} for head in heads):
        return None
    counts = [text.count(",") + 1 for text in texts]
    check_points(sum(counts), max_points)
    pairs = [pair.partition("=") for text in texts for pair in text.split(",")]
    names, _equals, numbers = zip(*pairs, strict=True)
    values = _values_of(numbers)
    if "" in names or value_faults(values).any():
        return None
    lines = np.repeat(np.arange(len(heads), dtype=np.int32), counts)
    table, key_index = KeyTable.of_untyped(series_keys([heads[line] for line in lines.tolist()], names))
    return Lines(table, key_index, values, lines, _stamps_of(stamp_columns[0]) if stamp_columns else None)


def _values_of(texts: Sequence[str]) -> Values:
    """Return the values of fields; raises InvalidValue, ValueError."""
    read = float if _NUMBERS.fullmatch("".join(texts)) else number_of
    return np.fromiter(map(read, texts), np.float64, len(texts))


def _stamps_of(texts: Sequence[str]) -> Instants:
    """Return times as sent; raises ValueError, OverflowError."""
    if not _DIGITS.fullmatch("".join(texts)):
        raise ValueError("a time has other characters than digits")
    return np.fromiter(map(int, texts), np.int64, len(texts))
