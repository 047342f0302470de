"""Bytes to physical lines: blocks of a stream cut at line ends (LF, CRLF, CR), in any width of code unit."""

import codecs
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from apps.datasets.reading.limits import RECORD_MAX_BYTES
from apps.datasets.reading.rows import Int64s

_READ_BYTES: Final = 1 << 20
_LF: Final = 10
_CR: Final = 13
_BOMS: Final = (
    ("utf-8", codecs.BOM_UTF8),
    ("utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-32-be", codecs.BOM_UTF32_BE),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
)
_UNITS: Final = {"utf-16-le": "<u2", "utf-16-be": ">u2", "utf-32-le": "<u4", "utf-32-be": ">u4"}


class ByteStream(Protocol):
    """What reading asks of a file: bytes in order."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, empty at the end."""
        ...


def detect_bom(start: bytes) -> tuple[str, int] | None:
    """Return the encoding a byte-order mark says and its length."""
    for encoding, mark in _BOMS:
        if start.startswith(mark):
            return encoding, len(mark)
    return None


def settle_encoding(encoding: str, start: bytes) -> tuple[str, int]:
    """Return the encoding with its byte order, and how many bytes of its byte-order mark to skip."""
    found = detect_bom(start)
    if found and (found[0] == encoding or found[0].rsplit("-", 1)[0] == encoding):
        return found
    return (f"{encoding}-le" if encoding in {"utf-16", "utf-32"} else encoding), 0


def unit_of(encoding: str) -> str | None:
    """Return the numpy type of an encoding's wide code units, None for single bytes."""
    return _UNITS.get(encoding)


def split_lines(block: bytes, unit: str | None) -> list[bytes]:
    """Split into physical lines, their ends kept."""
    if unit is None:
        return block.splitlines(keepends=True)
    ends = [*_line_ends(block, unit).tolist(), len(block)]
    starts = [0, *ends[:-1]]
    return [block[start:end] for start, end in zip(starts, ends, strict=True) if start < end]


def _line_ends(block: bytes, unit: str) -> Int64s:
    """Return the offsets after each line end in wide code units."""
    width = np.dtype(unit).itemsize
    units = np.frombuffer(block, unit, len(block) // width)
    returns = np.flatnonzero(units == _CR)
    feeds = np.flatnonzero(units == _LF)
    lone = returns[~np.isin(returns + 1, feeds)]
    ends: Int64s = (np.sort(np.concatenate([feeds, lone])) + 1) * width
    return ends


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; `skipped` bytes of the last one, which no record may be as long as, were dropped."""

    data: bytes
    skipped: int
    at_end: bool


class Blocks:
    """Cuts a stream into blocks at line ends; memory stays flat also for a line without end."""

    def __init__(self, stream: ByteStream, unit: str | None, block_bytes: int) -> None:
        self._stream = stream
        self._unit = unit
        self._block_bytes = block_bytes
        self._carry = b""
        self._ended = False

    def take(self, rest: bytes = b"") -> Block:
        """Return the next block: `rest` (lines handed back as the start of an unfinished record) and more.

        At the end of the stream a block may be empty.
        """
        wanted = max(self._block_bytes, 2 * len(rest))
        self._carry = rest + self._carry
        while True:
            self._fill(wanted)
            if self._ended:
                data, self._carry = self._carry, b""
                return Block(data, 0, at_end=True)
            cut = self._last_line_end(len(rest))
            if cut > len(rest):
                data, self._carry = self._carry[:cut], self._carry[cut:]
                return Block(data, 0, at_end=False)
            if len(self._carry) > len(rest) + RECORD_MAX_BYTES:
                return self._cut_endless_line(len(rest))
            wanted = len(self._carry) * 2

    def _fill(self, wanted: int) -> None:
        parts, size = [self._carry], len(self._carry)
        while size < wanted and not self._ended:
            part = self._stream.read(min(_READ_BYTES, wanted - size))
            self._ended = not part
            parts.append(part)
            size += len(part)
        self._carry = b"".join(parts)

    def _last_line_end(self, start: int) -> int:
        """Return the offset after the last line end, or 0. A CR at the very end may be half of a CRLF."""
        if self._unit is not None:
            width = np.dtype(self._unit).itemsize
            ends = _line_ends(self._carry, self._unit)
            sure = ends[ends <= len(self._carry) - width]
            return int(sure[-1]) if len(sure) else 0
        feed = self._carry.rfind(b"\n", start)
        return feed + 1 if feed >= 0 else self._carry.rfind(b"\r", start, len(self._carry) - 1) + 1

    def _cut_endless_line(self, start: int) -> Block:
        """Keep as much of the line as shows that it is too long, drop the rest of it up to its end."""
        keep = start + RECORD_MAX_BYTES + 4
        data, tail = self._carry[:keep], self._carry[keep:]
        skipped = 0
        while True:
            end = self._first_line_end(tail)
            if end:
                self._carry = tail[end:]
                return Block(data, skipped + end, at_end=False)
            if self._ended:
                self._carry = b""
                return Block(data, skipped + len(tail), at_end=True)
            dropped = max(len(tail) - 8, 0) // 4 * 4  # whole units; a line end may be cut in the middle
            skipped, tail = skipped + dropped, tail[dropped:]
            part = self._stream.read(_READ_BYTES)
            self._ended = not part
            tail += part

    def _first_line_end(self, tail: bytes) -> int:
        """Return the offset after the first line end, or 0 where there is none or its CRLF may be cut."""
        if self._unit is not None:
            ends = _line_ends(tail, self._unit)
            end = int(ends[0]) if len(ends) else 0
        else:
            found = [at for at in (tail.find(b"\n"), tail.find(b"\r")) if at >= 0]
            end = min(found) + 1 if found else 0
            if end and tail[end - 1 : end + 1] == b"\r\n":
                end += 1
        return 0 if end == len(tail) and not self._ended else end
