"""PostgreSQL's binary COPY format built from, and read into, numpy arrays: no Python per row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = -1
# PostgreSQL counts microseconds from 2000-01-01.
EPOCH_US: Final = 946_684_800_000_000
# Before the elements of an array: fields and size of the COPY's row, then what array_send writes (dimensions,
# flags, type, length, lower bound).
_ARRAY_STARTS_AT: Final = 2 + 4 + 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a COPY: fixed-width numbers, and where they are NULL."""

    values: npt.NDArray[Any] | int
    width: int
    is_float: bool = False
    nulls: npt.NDArray[np.bool_] | None = None

    @property
    def code(self) -> str:
        """Return the big-endian numpy type of the column."""
        return f">{'f' if self.is_float else 'i'}{self.width}"


def encode(columns: Sequence[Column], rows: int) -> bytes:
    """Return the rows of a binary COPY, without header and trailer.

    All rows are laid out at full width at once; the bytes under NULLs are then cut out by a mask. A column of
    nothing but NULLs has no such bytes, so that files without ids or labels need no mask.
    """
    absent = [column.nulls is not None and bool(column.nulls.all()) for column in columns]
    table = _laid_out(columns, absent, rows)
    keep: npt.NDArray[np.bool_] | None = None
    for index, column in enumerate(columns):
        if absent[index]:
            continue
        if isinstance(column.values, np.ndarray):
            table[f"value{index}"] = column.values
        if column.nulls is None or not column.nulls.any():
            continue
        table[f"size{index}"][column.nulls] = NULL
        keep = np.ones((rows, table.dtype.itemsize), np.bool_) if keep is None else keep
        fields: Any = table.dtype.fields
        start = fields[f"value{index}"][1]
        keep[column.nulls, start : start + column.width] = False
    if keep is None:
        return table.tobytes()
    return table.view(np.uint8).reshape(rows, -1)[keep].tobytes()


def _laid_out(columns: Sequence[Column], absent: Sequence[bool], rows: int) -> npt.NDArray[Any]:
    """Return rows with the number of fields, their sizes and the values that are the same in all rows."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for index, column in enumerate(columns):
        layout.append((f"size{index}", ">i4"))
        if not absent[index]:
            layout.append((f"value{index}", column.code))
    one = np.zeros(1, np.dtype(layout))
    one["fields"] = len(columns)
    for index, column in enumerate(columns):
        one[f"size{index}"] = NULL if absent[index] else column.width
        if isinstance(column.values, int) and not absent[index]:
            one[f"value{index}"] = column.values
    return np.repeat(one, rows)


def row_type(codes: Sequence[str]) -> np.dtype[Any]:
    """Return the layout of one row of non-null fixed-width columns, the columns named `c0`, `c1`, ..."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for index, code in enumerate(codes):
        layout += [(f"size{index}", ">i4"), (f"c{index}", code)]
    return np.dtype(layout)


def decode(content: bytes, codes: Sequence[str]) -> npt.NDArray[Any]:
    """Read a whole binary COPY of non-null fixed-width columns."""
    dtype = row_type(codes)
    body = len(content) - len(HEADER) - len(TRAILER)
    return np.frombuffer(content, dtype, count=body // dtype.itemsize, offset=len(HEADER))


def decode_arrays(messages: Iterable[bytes], code: str) -> Iterator[npt.NDArray[Any]]:
    """Read a binary COPY whose rows are one array of non-null numbers each; yield them one by one.

    Rows of single numbers would cost the client a message, and some microseconds, each. A row whose array is
    NULL or empty yields nothing.
    """
    element = np.dtype([("size", ">i4"), ("value", code)])
    native = np.dtype(code).newbyteorder("=")
    for message in messages:
        start = len(HEADER) if message.startswith(HEADER) else 0
        if len(message) - start > _ARRAY_STARTS_AT:
            yield np.frombuffer(message, element, offset=start + _ARRAY_STARTS_AT)["value"].astype(native)
