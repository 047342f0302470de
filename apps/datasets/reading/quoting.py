"""Whether quotes stand only around whole fields on one line, a bit for each byte, 64 bytes at a time.

Arrays of bits because most bytes are no quotes, and files that quote every text have a dozen on a line: their
positions as numbers would be as long as the block itself.
"""

import sys
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.datasets.reading.mapping import Dialect

Bytes = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.uint64]  # byte i of the block is bit i % 64 of word i // 64

_WORD_BYTES: Final = 8
_WORD: Final = np.dtype("<u8")
_LF: Final = ord("\n")
_CR: Final = ord("\r")
# So much and its flags stay in the processor's caches. A multiple of 64, so that slices meet between words.
SLICE_BYTES: Final = 1 << 18
_ONE: Final = np.uint64(1)
_LAST: Final = np.uint64(63)
_SHIFTS: Final = tuple(np.uint64(1 << power) for power in range(6))


def is_well_quoted(chars: Bytes, dialect: Dialect) -> bool:
    """Tell whether quotes stand in pairs, opening and closing at borders of fields, on one line.

    Quotes 0, 2, 4 ... open a field or are the second of a doubled one; 1, 3, 5 ... close or are its first.
    """
    quotes = _mark(chars, ord(dialect.quote))
    inside = _running_parity(quotes)
    if inside[-1] >> _LAST:
        return False
    line_ends = _mark(chars, _LF)
    if (inside & line_ends).any():
        return False
    borders = line_ends | _mark(chars, ord(dialect.delimiter), _CR)
    # The end of the block is one, too: the bits behind it are padding.
    borders[len(chars) // 64] |= _ONE << np.uint64(len(chars) % 64)
    opening, closing = quotes & inside, quotes & ~inside
    before, after = _one_later(borders | closing), _one_earlier(borders | opening)
    before[0] |= _ONE
    return not ((opening & ~before) | (closing & ~after)).any()


def _mark(chars: Bytes, *codes: int) -> Bits:
    """Return where these characters stand as bits, with at least one word's worth of zeros behind them."""
    packed = np.zeros((len(chars) // 64 + 2) * _WORD_BYTES, np.uint8)
    for start in range(0, len(chars), SLICE_BYTES):
        part = chars[start : start + SLICE_BYTES]
        flags = part == codes[0]
        for code in codes[1:]:
            flags |= part == code
        bits = np.packbits(flags, bitorder="little")
        packed[start // 8 : start // 8 + len(bits)] = bits
    words = packed.view(_WORD)
    return words if sys.byteorder == "little" else words.astype(np.uint64)


def _running_parity(bits: Bits) -> Bits:
    """Return for each bit whether the number of set bits up to it, itself included, is odd."""
    parity = bits.copy()
    for shift in _SHIFTS:
        parity ^= parity << shift
    carried = np.bitwise_xor.accumulate(parity >> _LAST)
    parity[1:] ^= np.uint64(0) - carried[:-1]
    return parity


def _one_later(bits: Bits) -> Bits:
    """Return the bits moved one place towards the end."""
    moved = bits << _ONE
    moved[1:] |= bits[:-1] >> _LAST
    return moved


def _one_earlier(bits: Bits) -> Bits:
    """Return the bits moved one place towards the start."""
    moved = bits >> _ONE
    moved[:-1] |= bits[1:] << _LAST
    return moved
