"""LEB128, many numbers at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.codec import leb128
from apps.metrics.codec.errors import CorruptPayload

unsigned = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 300))
signed = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-100, 100))


def one_by_one(number: int) -> bytes:
    encoded = []
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def as_array(encoded: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(encoded, dtype=np.uint8)


@given(st.lists(unsigned))
def test_numbers_are_written_as_one_by_one_and_read_back(numbers: list[int]) -> None:
    encoded = leb128.encode(np.array(numbers, dtype=np.uint64))
    assert encoded == b"".join(map(one_by_one, numbers))
    assert leb128.decode(as_array(encoded)).tolist() == numbers


@given(st.lists(signed))
def test_signed_numbers_come_back(numbers: list[int]) -> None:
    encoded = leb128.encode_signed(np.array(numbers, dtype=np.int64))
    assert leb128.decode_signed(as_array(encoded)).tolist() == numbers


def test_zigzag_keeps_small_numbers_small() -> None:
    assert leb128.zigzag(np.array([0, -1, 1, -2, 2])).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("encoded", "wrong"),
    [
        (b"\x80", "cut off"),
        (b"\x01\xff\x80", "cut off"),
        (b"\x80" * 10 + b"\x01", "64 bits"),
        (b"\xff" * 9 + b"\x02", "64 bits"),
    ],
)
def test_what_is_no_number_is_named(encoded: bytes, wrong: str) -> None:
    with pytest.raises(CorruptPayload, match=wrong):
        leb128.decode(as_array(encoded))
