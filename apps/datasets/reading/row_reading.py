"""Rows that say themselves what they hold to batches of events and rejects, by the row path."""

from collections import Counter
from collections.abc import Iterator

from apps.datasets.reading.lines import ByteStream
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.records import Record
from apps.datasets.reading.row_path import RowPath
from apps.datasets.reading.row_sources import RowSource, SourceRow, open_rows
from apps.datasets.reading.rows import Batch, Position
from apps.datasets.reading.rules import Rules
from apps.datasets.reading.terms import TermCensus


class RowReading:
    """One pass over one file."""

    def __init__(self, stream: ByteStream, rules: Rules, dialect: Dialect, block_bytes: int) -> None:
        self._source = open_rows(stream, dialect.format, dialect.encoding)
        self._row_path = RowPath(rules)
        self._header = rules.plan.names
        self._block_bytes = block_bytes
        self._terms = TermCensus()

    def batches(self, start: Position | None) -> Iterator[Batch]:
        """Yield the batches; each ends after the row with which it holds as many bytes as a block."""
        blocks = _Blocks(self._source, self._header, self._block_bytes, start)
        at_least_one = True
        while at_least_one or not blocks.ended:
            at_least_one = False
            warnings: Counter[str] = Counter()
            notes: Counter[str] = Counter()
            read = self._row_path.read(blocks.take(), warnings, notes)
            self._terms.add(read.events)
            yield Batch(
                position=blocks.position,
                bytes_read=blocks.bytes_read,
                rows_read=len(read.events) + len(read.rejects),
                blank_lines=blocks.blank_lines,
                events=read.events,
                rejects=tuple(read.rejects),
                warnings=warnings,
                notes=notes,
                raws=blocks.raws,
            )


class _Blocks:
    """Cuts rows into blocks. The facts are those of the block that was taken last, when it is used up."""

    def __init__(
        self, source: RowSource, header: tuple[str, ...], block_bytes: int, start: Position | None
    ) -> None:
        self._source = source
        self._rows = enumerate(source, 1)
        self._header = header
        self._block_bytes = block_bytes
        self._skipped = start.record if start else 0
        self._blank_before = 0
        self.position = start or Position()
        self.ended = False
        self.bytes_read = 0
        self.blank_lines = 0
        self.raws: dict[int, bytes] = {}

    def take(self) -> Iterator[Record]:
        """Yield the records of the next block."""
        self.raws = {}
        self.bytes_read = 0
        for ordinal, row in self._rows:
            if ordinal <= self._skipped:
                self._blank_before = self._source.blank_lines
                continue
            self._move(ordinal, row)
            yield _record(ordinal, row, self._header)
            if self.bytes_read >= self._block_bytes:
                break
        else:
            self.ended = True
        self.blank_lines = self._source.blank_lines - self._blank_before
        self._blank_before = self._source.blank_lines

    def _move(self, ordinal: int, row: SourceRow) -> None:
        self.raws[row.byte_offset] = row.raw
        self.bytes_read += row.byte_length
        # Rows that are no bytes of the file are counted instead; either way positions grow.
        end = row.byte_offset + row.byte_length if row.byte_offset >= 0 else ordinal
        self.position = Position(end, row.line or ordinal, ordinal)


def _record(ordinal: int, row: SourceRow, header: tuple[str, ...]) -> Record:
    """Put a row under the header; what a row lacks is empty."""
    parsed = row.parsed
    fields = [] if parsed.broken else [parsed.texts.get(name, "") for name in header]
    return Record(
        fields=fields,
        broken=parsed.broken,
        bad_encoding=parsed.bad_encoding,
        has_nul="\0" in "".join(fields),
        line=row.line or ordinal,
        line_end=row.line or 0,
        ordinal=ordinal,
        byte_offset=row.byte_offset,
        raw=row.raw,
        byte_length=row.byte_length,
        detail=parsed.detail,
    )
