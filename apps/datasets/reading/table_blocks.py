"""A table's blocks from its first row on, or from where an earlier pass stopped."""

from typing import Final

from apps.datasets.reading.lines import Block, Blocks, ByteStream, settle_encoding, split_lines, unit_of
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.records import RecordSplitter, Tally
from apps.datasets.reading.rows import Position

_SKIP_BYTES: Final = 1 << 20
_MARK_MAX_BYTES: Final = 4
_HEAD_BYTES: Final = 1 << 16


class TableBlocks:
    """Blocks of a stream that stands at the first byte of a file."""

    def __init__(self, stream: ByteStream, dialect: Dialect, block_bytes: int) -> None:
        head = _read_fully(stream, _MARK_MAX_BYTES)
        self.encoding, self._mark_bytes = settle_encoding(dialect.encoding, head)
        self.splitter = RecordSplitter(dialect, self.encoding)
        self._stream = _Prefixed(head, stream)
        self._unit = unit_of(self.encoding)
        self._blocks = Blocks(self._stream, self._unit, block_bytes)
        self._header_line = dialect.header_line

    def first(self, start: Position | None) -> tuple[Block, Position]:
        """Return the first block of rows and where it begins."""
        position = start or Position(byte_offset=self._mark_bytes)
        _read_fully(self._stream, position.byte_offset, keep=False)
        if start is None and self._header_line:
            return self._after_header(position)
        return self._blocks.take(), position

    def following(self, rest: bytes) -> Block:
        """Return the next block; it begins with the lines that were left of the one before."""
        return self._blocks.take(rest)

    def _after_header(self, position: Position) -> tuple[Block, Position]:
        """Return the first block without its lines up to the header's last, and where it begins then."""
        block = self._blocks.take()
        # Splitting all lines of the block to take the first would take as long as reading a good part of it.
        start = self._first_lines(block)
        while True:
            lines = split_lines(start.data, self._unit)
            before = sum(map(len, lines[: self._header_line - 1]))
            tally = Tally(position)
            header = Block(start.data[before:], start.skipped, start.at_end)
            found = next(self.splitter.split(header, tally), None)
            if found or start.at_end:
                break
            if start is block:
                block = self._blocks.take(block.data)
            start = block
        consumed = before + (tally.position.byte_offset - position.byte_offset if found else 0)
        line = min(self._header_line - 1, len(lines)) + tally.position.line
        rest = Block(block.data[consumed:], block.skipped, block.at_end)
        return rest, Position(position.byte_offset + consumed, line, 0)

    def _first_lines(self, block: Block) -> Block:
        """Return some whole lines of a block, in which the header most likely ends."""
        cut = block.data.rfind(b"\n", 0, _HEAD_BYTES) + 1
        if not cut or self._unit is not None or len(block.data) <= _HEAD_BYTES:
            return block
        return Block(block.data[:cut], 0, at_end=False)


class _Prefixed:
    """A stream with bytes put back in front."""

    def __init__(self, first: bytes, stream: ByteStream) -> None:
        self._first = first
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if self._first:
            first, self._first = self._first[:size], self._first[size:]
            return first
        return self._stream.read(size)


def _read_fully(stream: ByteStream, size: int, *, keep: bool = True) -> bytes:
    """Read up to `size` bytes however short the stream's reads are; without `keep` only pass over them."""
    parts = []
    while size > 0 and (part := stream.read(min(size, _SKIP_BYTES))):
        size -= len(part)
        if keep:
            parts.append(part)
    return b"".join(parts)
