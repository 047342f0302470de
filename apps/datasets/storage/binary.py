"""PostgreSQL's binary COPY format built from, and read into, numpy arrays: no Python per row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
# PostgreSQL counts microseconds from 2000-01-01.
EPOCH_US: Final = 946_684_800_000_000


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

    All rows are laid out at full width at once; the bytes under NULLs are then cut out by a mask.
    """
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for index, column in enumerate(columns):
        layout += [(f"size{index}", ">i4"), (f"value{index}", column.code)]
    table = np.zeros(rows, np.dtype(layout))
    table["fields"] = len(columns)
    keep: npt.NDArray[np.bool_] | None = None
    for index, column in enumerate(columns):
        table[f"size{index}"] = column.width
        table[f"value{index}"] = column.values
        if column.nulls is None or not column.nulls.any():
            continue
        table[f"size{index}"][column.nulls] = -1
        keep = np.ones((rows, table.dtype.itemsize), np.bool_) if keep is None else keep
        fields: Any = table.dtype.fields
        start = fields[f"value{index}"][1]
        keep[column.nulls, start : start + column.width] = False
    if keep is None:
        return table.tobytes()
    return table.view(np.uint8).reshape(rows, -1)[keep].tobytes()


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
