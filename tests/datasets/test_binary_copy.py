"""Rows of a binary COPY laid out by numpy are those that a loop over values would write."""

import struct

import numpy as np
import pytest

from apps.datasets.storage.binary import HEADER, TRAILER, Column, decode_arrays, encode

ROWS = 5
NULLS = {
    "none": [False] * ROWS,
    "some": [True, False, False, True, False],
    "all": [True] * ROWS,
}


@pytest.mark.parametrize("first", NULLS)
@pytest.mark.parametrize("second", NULLS)
def test_nulls_have_a_size_and_no_bytes(first: str, second: str) -> None:
    whole, real = np.arange(ROWS), np.linspace(-1, 1, ROWS)
    columns = [
        Column(whole, 8, nulls=np.array(NULLS[first])),
        Column(-7, 4),
        Column(real, 8, is_float=True, nulls=np.array(NULLS[second])),
        Column(whole, 2),
    ]

    expected = b""
    for row in range(ROWS):
        number = b"\xff" * 4 if NULLS[first][row] else struct.pack(">iq", 8, row)
        value = b"\xff" * 4 if NULLS[second][row] else struct.pack(">id", 8, real[row])
        expected += (
            struct.pack(">h", 4) + number + struct.pack(">ii", 4, -7) + value + struct.pack(">ih", 2, row)
        )
    assert encode(columns, ROWS) == expected


def test_arrays_come_in_parts_with_header_and_trailer() -> None:
    def message(numbers: list[int]) -> bytes:
        array = struct.pack(">iiiii", 1, 0, 20, len(numbers), 1)
        array += b"".join(struct.pack(">iq", 8, number) for number in numbers)
        return struct.pack(">hi", 1, len(array)) + array

    null = struct.pack(">hi", 1, -1)
    content = [HEADER + message([3, 1 << 60]), null, message([-2]), TRAILER]

    assert [part.tolist() for part in decode_arrays(content, ">i8")] == [[3, 1 << 60], [-2]]
    assert list(decode_arrays([HEADER + TRAILER], ">i8")) == []
