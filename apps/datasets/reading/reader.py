"""A file to batches of events and rejects: the fast path for clean blocks, the row path for the others."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

from apps.datasets.reading.coordinates import Area
from apps.datasets.reading.fast_path import BlockRead, FastPath
from apps.datasets.reading.limits import BLOCK_BYTES
from apps.datasets.reading.lines import Block, Blocks, ByteStream, settle_encoding, split_lines, unit_of
from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.records import RecordSplitter, Tally
from apps.datasets.reading.row_path import RowPath
from apps.datasets.reading.rows import Batch, Position
from apps.datasets.reading.rules import Rules
from apps.datasets.reading.terms import TermCensus

_SKIP_BYTES: Final = 1 << 20
_MARK_MAX_BYTES: Final = 4


def read_table(
    stream: ByteStream,
    *,
    file_no: int,
    mapping: Mapping,
    dialect: Dialect,
    header: tuple[str, ...],
    zone: str,
    now: datetime,
    area: Area | None = None,
    personal_words: Collection[str] = (),
    start: Position | None = None,
    block_bytes: int = BLOCK_BYTES,
    fast_path: bool = True,
) -> Iterator[Batch]:
    """Read a CSV or TSV file from its first byte, or from `start`, as batches in the order of the file.

    `stream` stands at the first byte of the file, also with `start`: what lies before is skipped. `header` is
    the inspection's. Whatever `block_bytes` and `fast_path` are, rows, order and evidence are the same.
    Raises ColumnsMissing, MappingInvalid, ZoneUnknown at the call, TooManyCategories while reading.
    """
    rules = Rules.of(
        file_no=file_no,
        mapping=mapping,
        dialect=dialect,
        header=header,
        zone=zone,
        now=now,
        area=area,
        personal_words=personal_words,
    )
    return _Reading(stream, rules, dialect, block_bytes, fast_path).batches(start)


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


class _Reading:
    """One pass over one file."""

    def __init__(
        self, stream: ByteStream, rules: Rules, dialect: Dialect, block_bytes: int, fast_path: bool
    ) -> None:
        head = _read_fully(stream, _MARK_MAX_BYTES)
        self._encoding, self._mark_bytes = settle_encoding(dialect.encoding, head)
        self._stream = _Prefixed(head, stream)
        self._blocks = Blocks(self._stream, unit_of(self._encoding), block_bytes)
        self._splitter = RecordSplitter(dialect, self._encoding)
        self._row_path = RowPath(rules)
        self._fast_path = FastPath(rules, dialect, self._encoding, self._row_path) if fast_path else None
        self._header_line = dialect.header_line
        self._terms = TermCensus()

    def batches(self, start: Position | None) -> Iterator[Batch]:
        position = start or Position(byte_offset=self._mark_bytes)
        bytes_before = start.byte_offset if start else 0
        _read_fully(self._stream, position.byte_offset, keep=False)
        if start is None and self._header_line:
            block, position = self._after_header(position)
        else:
            block = self._blocks.take()
        while True:
            batch, rest = self._batch(block, position, bytes_before)
            self._terms.add(batch.events)
            yield batch
            if block.at_end:
                return
            position, bytes_before = batch.position, batch.position.byte_offset
            block = self._blocks.take(rest)

    def _after_header(self, position: Position) -> tuple[Block, Position]:
        """Return the first block without its lines up to the header's last, and where it starts then."""
        block = self._blocks.take()
        while True:
            lines = split_lines(block.data, unit_of(self._encoding))
            before = sum(map(len, lines[: self._header_line - 1]))
            tally = Tally(position)
            header = Block(block.data[before:], block.skipped, block.at_end)
            found = next(self._splitter.split(header, tally), None)
            if found or block.at_end:
                break
            block = self._blocks.take(block.data)
        consumed = before + (tally.position.byte_offset - position.byte_offset if found else 0)
        line = min(self._header_line - 1, len(lines)) + tally.position.line
        rest = Block(block.data[consumed:], block.skipped, block.at_end)
        return rest, Position(position.byte_offset + consumed, line, 0)

    def _batch(self, block: Block, position: Position, bytes_before: int) -> tuple[Batch, bytes]:
        """Read one block; also return the lines at its end that belong to the next."""
        warnings: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        read = self._fast_path.read(block, position, warnings, notes) if self._fast_path else None
        if read is None:
            tally = Tally(position)
            rows = self._row_path.read(self._splitter.split(block, tally), warnings, notes)
            read = BlockRead(rows.events, rows.rejects, tally, len(rows.events) + len(rows.rejects))
        batch = Batch(
            position=read.tally.position,
            bytes_read=read.tally.position.byte_offset - bytes_before,
            rows_read=read.rows_read,
            blank_lines=read.tally.blank_lines,
            events=read.events,
            rejects=tuple(read.rejects),
            warnings=warnings,
            notes=notes,
            data=block.data,
            data_offset=position.byte_offset,
        )
        return batch, read.tally.rest


def _read_fully(stream: ByteStream, size: int, *, keep: bool = True) -> bytes:
    """Read up to `size` bytes however short the stream's reads are; without `keep` only pass over them."""
    parts = []
    while size > 0 and (part := stream.read(min(size, _SKIP_BYTES))):
        size -= len(part)
        if keep:
            parts.append(part)
    return b"".join(parts)
