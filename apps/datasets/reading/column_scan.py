"""One pass over a few columns of whole files, to prove what a sample can't: the formats of times."""

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.arrow_tables import read_columns
from apps.datasets.reading.clean_blocks import examine, is_single_byte
from apps.datasets.reading.formats import Format
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.limits import BLOCK_BYTES
from apps.datasets.reading.lines import Block, ByteStream
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.passes import Look, looking, never
from apps.datasets.reading.records import Tally
from apps.datasets.reading.row_sources import open_rows
from apps.datasets.reading.suggestion import Suggestion, with_formats
from apps.datasets.reading.table_blocks import TableBlocks
from apps.datasets.reading.texts import trim
from apps.datasets.reading.time_formats import FormatCensus

ValueCounts = Iterable[tuple[str, int]]


def prove_times(
    suggestion: Suggestion, files: Iterable[tuple[ByteStream, Inspection]], look: Look = never
) -> Suggestion:
    """Return the suggestion with the formats that every row of all files has been looked at for.

    Streams stand at their first byte. Without `needs_proof` nothing is read. `look` is called
    between blocks.
    """
    if not suggestion.needs_proof:
        return suggestion
    census = FormatCensus()
    for stream, found in files:
        for counts in scan_columns(stream, found.dialect, found.header, suggestion.needs_proof, look):
            census.add(counts)
            look()
    return with_formats(suggestion, census.result())


def scan_columns(
    stream: ByteStream,
    dialect: Dialect,
    header: tuple[str, ...],
    columns: tuple[str, ...],
    look: Look = never,
) -> Iterator[ValueCounts]:
    """Yield, block by block, the values of columns (joined by a space) with how often each occurs."""
    if dialect.format is not Format.CSV:
        yield _of_rows(stream, dialect, columns, look)
        return
    indexes = [header.index(name) for name in columns]
    blocks = TableBlocks(stream, dialect, BLOCK_BYTES)
    is_columnar = blocks.encoding == "utf-8" or is_single_byte(blocks.encoding)
    block, position = blocks.first(None)
    while True:
        counts = _by_columns(block, dialect, blocks.encoding, len(header), indexes) if is_columnar else None
        tally = Tally(position)
        if counts is None:
            records = blocks.splitter.split(block, tally)
            counts = Counter(
                " ".join(record.fields[index].strip() for index in indexes).strip()
                for record in records
                if len(record.fields) >= len(header)
            ).items()
        yield counts
        if block.at_end:
            return
        position = tally.position
        block = blocks.following(tally.rest)


def _of_rows(stream: ByteStream, dialect: Dialect, columns: tuple[str, ...], look: Look) -> ValueCounts:
    """Count values in rows that say themselves what they hold."""
    counts: Counter[str] = Counter()
    for row in looking(open_rows(stream, dialect.format, dialect.encoding), look):
        texts = row.parsed.texts
        counts[" ".join(texts.get(name, "").strip() for name in columns).strip()] += 1
    return counts.items()


def _by_columns(
    block: Block, dialect: Dialect, encoding: str, width: int, indexes: list[int]
) -> ValueCounts | None:
    """Count values of a clean block; rows that lack fields are left out."""
    clean = None if block.skipped else examine(block.data, dialect, encoding)
    read = clean and read_columns(clean, dialect, width, dict.fromkeys(indexes, pa.string()), [])
    if not read:
        return None
    texts = [trim(read.columns[index]) for index in indexes]
    joined = texts[0] if len(texts) == 1 else trim(pc.binary_join_element_wise(*texts, " "))
    counted = pc.value_counts(joined)
    return list(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
