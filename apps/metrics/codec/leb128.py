"""LEB128: whole numbers as groups of 7 bits, the lowest first, the high bit set on all bytes but the last."""

from typing import Final

import numpy as np

from apps.metrics.codec.arrays import Int64s, Uint8s, Uint64s
from apps.metrics.codec.errors import CorruptPayload

LONGEST: Final = 10
_LOW: Final = np.uint64(0x7F)
_MORE: Final = np.uint8(0x80)
_STEP: Final = np.uint64(7)


def sizes_in_bytes(numbers: Uint64s) -> Int64s:
    """Return how many bytes each number takes."""
    sizes = np.ones(len(numbers), dtype=np.int64)
    rest = numbers >> _STEP
    while rest.any():
        sizes += rest != 0
        rest >>= _STEP
    return sizes


def encode(numbers: Uint64s) -> bytes:
    """Return the numbers as LEB128, end to end."""
    return encode_sized(numbers, sizes_in_bytes(numbers))


def encode_sized(numbers: Uint64s, sizes: Int64s) -> bytes:
    """Return the numbers as LEB128, end to end; `sizes` are those of `sizes_in_bytes`."""
    ends = np.cumsum(sizes)
    if not len(numbers) or ends[-1] == len(numbers):
        return numbers.astype(np.uint8).tobytes()
    encoded = np.empty(ends[-1], dtype=np.uint8)
    places = ends - sizes
    while len(numbers):
        encoded[places] = numbers & _LOW
        longer = np.flatnonzero(numbers > _LOW)
        encoded[places[longer]] |= _MORE
        numbers, places = numbers[longer] >> _STEP, places[longer] + 1
    return encoded.tobytes()


def decode(encoded: Uint8s) -> Uint64s:
    """Return the numbers that these bytes are.

    Raises CorruptPayload if the last is cut off, or one has more than 64 bits.
    """
    return decode_with_ends(encoded)[0]


def decode_with_ends(encoded: Uint8s) -> tuple[Uint64s, Int64s]:
    """Return the numbers and the place of the last byte of each.

    Raises CorruptPayload if the last is cut off, or one has more than 64 bits.
    """
    ends = np.flatnonzero(encoded < _MORE)
    if not len(ends):
        _check(whole=not len(encoded))
        return np.empty(0, dtype=np.uint64), ends
    _check(whole=bool(ends[-1] == len(encoded) - 1))
    sizes = np.diff(ends, prepend=-1)
    starts = ends - sizes + 1
    numbers = (encoded[starts] & np.uint8(0x7F)).astype(np.uint64)
    for place in range(1, _longest(encoded, ends, sizes)):
        longer = np.flatnonzero(sizes > place)
        part = encoded[starts[longer] + place].astype(np.uint64) & _LOW
        numbers[longer] |= part << np.uint64(7 * place)
    return numbers, ends


def zigzag(numbers: Int64s) -> Uint64s:
    """Return signed numbers as unsigned ones: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)


def unzigzag(numbers: Uint64s) -> Int64s:
    """Return the signed numbers that `zigzag` made unsigned."""
    halves = (numbers >> np.uint64(1)).view(np.int64)
    return halves ^ -(numbers & np.uint64(1)).view(np.int64)


def encode_signed(numbers: Int64s) -> bytes:
    """Return signed numbers as zigzag LEB128, end to end."""
    return encode(zigzag(numbers))


def decode_signed(encoded: Uint8s) -> Int64s:
    """Return the signed numbers that these bytes of zigzag LEB128 are; raises like `decode`."""
    return unzigzag(decode(encoded))


def _check(*, whole: bool) -> None:
    if not whole:
        raise CorruptPayload("the last LEB128 number is cut off")


def _longest(encoded: Uint8s, ends: Int64s, sizes: Int64s) -> int:
    """Return the bytes of the longest number, after a look at whether it fits 64 bits."""
    longest = int(sizes.max())
    # The tenth byte holds bit 63 alone.
    if longest > LONGEST or (longest == LONGEST and encoded[ends[sizes == LONGEST]].max() > 1):
        raise CorruptPayload("a LEB128 number has more than 64 bits")
    return longest
