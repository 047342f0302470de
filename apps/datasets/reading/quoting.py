"""Whether quotes stand only around whole fields on one line, a bit for each byte, 64 bytes at a time.

Arrays of bits because most bytes are no quotes, and files that quote every text have a dozen on a line: their
positions as numbers would be as long as the block itself.
"""

import sys
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.rows import Bools

Bytes = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.uint64]  # byte i of the block is bit i % 64 of word i // 64

_WORD_BYTES: Final = 8
_WORD: Final = np.dtype("<u8")
_CR: Final = ord("\r")
_ONE: Final = np.uint64(1)
_LAST: Final = np.uint64(63)
_SHIFTS: Final = tuple(np.uint64(1 << power) for power in range(6))


def is_well_quoted(chars: Bytes, feeds: Bools, dialect: Dialect) -> bool:
    """Tell whether quotes stand in pairs, opening and closing at borders of fields, on one line.

    Quotes 0, 2, 4 ... open a field or are the second of a doubled one; 1, 3, 5 ... close or are its first.
    `feeds` marks the line feeds among `chars`.
    """
    quotes = _pack(chars == ord(dialect.quote))
    inside = _running_parity(quotes)
    if inside[-1] >> _LAST:
        return False
    line_ends = _pack(feeds)
    if (inside & line_ends).any():
        return False
    borders = line_ends | _pack((chars == ord(dialect.delimiter)) | (chars == _CR))
    # The end of the block is one, too: the bits behind it are padding.
    borders[len(chars) // 64] |= _ONE << np.uint64(len(chars) % 64)
    opening, closing = quotes & inside, quotes & ~inside
    before, after = _one_later(borders | closing), _one_earlier(borders | opening)
    before[0] |= _ONE
    return not ((opening & ~before) | (closing & ~after)).any()


def _pack(flags: Bools) -> Bits:
    """Return flags as bits, with at least one word's worth of zeros behind them."""
    packed = np.zeros((len(flags) // 64 + 2) * _WORD_BYTES, np.uint8)
    packed[: -(-len(flags) // 8)] = np.packbits(flags, bitorder="little")
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
