"""A file to batches of events and rejects.

CSV goes by the fast path where blocks are clean, all else by the row path.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from apps.datasets.reading.coordinates import Area
from apps.datasets.reading.fast_path import BlockRead, FastPath
from apps.datasets.reading.formats import Format
from apps.datasets.reading.limits import BLOCK_BYTES
from apps.datasets.reading.lines import Block, ByteStream
from apps.datasets.reading.mapping import Dialect, Mapping
from apps.datasets.reading.records import Tally
from apps.datasets.reading.row_path import RowPath
from apps.datasets.reading.row_reading import RowReading
from apps.datasets.reading.rows import Batch, Position
from apps.datasets.reading.rules import Rules
from apps.datasets.reading.table_blocks import TableBlocks
from apps.datasets.reading.terms import TermCensus


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
    """Read a file from its first byte, or from `start`, as batches in the order of the file.

    `stream` stands at the first byte of the file, also with `start`: what lies before is skipped. `header` is
    the inspection's. Whatever `block_bytes` and `fast_path` are, rows, order and evidence are the same.
    Raises ColumnsMissing, MappingInvalid, ZoneUnknown at the call, TooManyCategories while reading; where the
    form is not CSV also Damaged, TooLarge and CrsUnsupported.
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
    if dialect.format is not Format.CSV:
        return RowReading(stream, rules, dialect, block_bytes).batches(start)
    return _Reading(stream, rules, dialect, block_bytes, fast_path).batches(start)


class _Reading:
    """One pass over one file."""

    def __init__(
        self, stream: ByteStream, rules: Rules, dialect: Dialect, block_bytes: int, fast_path: bool
    ) -> None:
        self._blocks = TableBlocks(stream, dialect, block_bytes)
        self._row_path = RowPath(rules)
        encoding = self._blocks.encoding
        self._fast_path = FastPath(rules, dialect, encoding, self._row_path) if fast_path else None
        self._terms = TermCensus()

    def batches(self, start: Position | None) -> Iterator[Batch]:
        block, position = self._blocks.first(start)
        bytes_before = start.byte_offset if start else 0
        while True:
            batch, rest = self._batch(block, position, bytes_before)
            self._terms.add(batch.events)
            yield batch
            if block.at_end:
                return
            position, bytes_before = batch.position, batch.position.byte_offset
            block = self._blocks.following(rest)

    def _batch(self, block: Block, position: Position, bytes_before: int) -> tuple[Batch, bytes]:
        """Read one block; also return the lines at its end that belong to the next."""
        warnings: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        read = self._fast_path.read(block, position, warnings, notes) if self._fast_path else None
        if read is None:
            tally = Tally(position)
            rows = self._row_path.read(self._blocks.splitter.split(block, tally), warnings, notes)
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
