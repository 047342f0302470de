"""Which blocks the fast path may take: those where every parser must see the same records."""

import codecs
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.datasets.reading.limits import FIELD_MAX_BYTES
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.quoting import SLICE_BYTES, is_well_quoted
from apps.datasets.reading.rows import Int64s

_LF: Final = ord("\n")
_CR: Final = ord("\r")
_ASCII: Final = "".join(map(chr, range(128)))
_ALL_BYTES: Final = bytes(range(256))


@dataclass(frozen=True, slots=True)
class CleanBlock:
    """A block as UTF-8, and where its records lie in its own bytes: start, end, line from 0."""

    utf8: bytes
    starts: Int64s
    ends: Int64s
    lines: Int64s
    line_count: int

    @property
    def blank_lines(self) -> int:
        """Return how many lines hold no record."""
        return self.line_count - len(self.lines)


def is_single_byte(encoding: str) -> bool:
    """Tell whether each byte is one character and ASCII is ASCII, so that transcoding moves no line end."""
    try:
        decoder = codecs.lookup(encoding)
        return _ASCII.encode(encoding) == _ASCII.encode("ascii") and decoder.decode(_ALL_BYTES, "replace")[
            1
        ] == len(_ALL_BYTES) == len(decoder.decode(_ALL_BYTES, "replace")[0])
    except (LookupError, UnicodeError):
        return False


def examine(block: bytes, dialect: Dialect, encoding: str) -> CleanBlock | None:
    """Return a block's records if it is clean, else None.

    Clean: decodes, has no NUL, no lone CR, no line longer than a field may be, and quotes only around whole
    fields on one line; so there are as many records as lines that are not blank.
    """
    if b"\0" in block:
        return None
    utf8 = _as_utf8(block, encoding)
    if utf8 is None:
        return None
    chars = np.frombuffer(block, np.uint8)
    has_returns = b"\r" in block
    if has_returns and block.count(b"\r") != block.count(b"\r\n"):
        return None
    if dialect.quote.encode() in block and not is_well_quoted(chars, dialect):
        return None
    ends = _after_feeds(chars)
    if not len(ends) or ends[-1] != len(block):
        ends = np.append(ends, len(block))
    starts = np.concatenate([[0], ends[:-1]])
    if (ends - starts).max(initial=0) > FIELD_MAX_BYTES:
        return None
    lines = np.flatnonzero(~_blank(chars, starts, ends))
    return CleanBlock(utf8, starts[lines], ends[lines], lines, len(ends))


def _after_feeds(chars: npt.NDArray[np.uint8]) -> Int64s:
    """Return the offsets after each line feed, slice by slice: all flags would be as long as the block."""
    starts = range(0, len(chars), SLICE_BYTES)
    places = [np.flatnonzero(chars[start : start + SLICE_BYTES] == _LF) + (start + 1) for start in starts]
    return np.concatenate(places) if places else np.empty(0, np.int64)


def _as_utf8(block: bytes, encoding: str) -> bytes | None:
    if block.isascii():
        return block
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        return None
    return block if encoding == "utf-8" else text.encode()


def _blank(chars: npt.NDArray[np.uint8], starts: Int64s, ends: Int64s) -> npt.NDArray[np.bool_]:
    """Tell which lines hold nothing but their end."""
    lengths = ends - starts
    first = chars[starts]
    blank: npt.NDArray[np.bool_] = ((lengths == 1) & (first == _LF)) | ((lengths == 2) & (first == _CR))  # noqa: PLR2004
    return blank
