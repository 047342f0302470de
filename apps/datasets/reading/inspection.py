"""What a file is before it is read: encoding, dialect, header, rows from its start, middle and end."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import log2
from typing import Final

from apps.datasets.reading.columns import name_columns
from apps.datasets.reading.encodings import EncodingFound, EncodingTrial
from apps.datasets.reading.errors import EmptyFile, NotATable, TooManyColumns
from apps.datasets.reading.formats import Format, sniff_format
from apps.datasets.reading.inspections import Inspection, decimal_of
from apps.datasets.reading.limits import (
    COLUMNS_MAX,
    HEADER_LINES_MAX,
    PREVIEW_ROWS,
    SAMPLE_ROWS_PER_PART,
)
from apps.datasets.reading.lines import Block, ByteStream, detect_bom
from apps.datasets.reading.mapping import DELIMITERS, Dialect, DialectChoice
from apps.datasets.reading.passes import Look, never
from apps.datasets.reading.records import Record, RecordSplitter, Tally
from apps.datasets.reading.row_inspection import Started, inspect_rows
from apps.datasets.reading.rows import Position
from apps.datasets.reading.signatures import foreign_kind, guess_wide, is_binary
from apps.datasets.reading.values import looks_typed

_WINDOW_BYTES: Final = 2 << 20
_READ_BYTES: Final = 1 << 20
_DELIMITER_ROWS: Final = 200
_SKIPPED_LINE_FACTOR: Final = 0.7
_TYPED_SHARE: Final = 0.6

Fields = list[str]


def inspect_table(
    stream: ByteStream, size: int, choice: DialectChoice | None = None, look: Look = never
) -> Inspection:
    """Read a file once, keeping parts of it, and say what it is; `choice` overrules what would be found.

    `look` is called between pieces.

    Raises NotATable, EmptyFile (not a byte of text; a header alone is told by `has_rows`), TooManyColumns.
    """
    choice = choice or DialectChoice()
    start = Started(stream)
    form = sniff_format(start.head, is_whole=len(start.head) == size)
    if form is not Format.CSV:
        return inspect_rows(start, form, size, choice, look)
    return _inspect_text(start, size, choice, look)


def _inspect_text(stream: ByteStream, size: int, choice: DialectChoice, look: Look) -> Inspection:
    """Inspect a table of delimited text."""
    windows, found = _survey(stream, size, look)
    if choice.encoding:
        found = EncodingFound(choice.encoding, True, {"reason": "chosen"})
    start = windows[0][1]
    if not start.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise EmptyFile
    sheet = _Sheet(windows, found.name, size)
    dialect, header, first_row = sheet.understand(choice)
    sample = sheet.sample(dialect, len(header), first_row)
    return Inspection(
        size=size,
        dialect=replace(dialect, decimal=choice.decimal or decimal_of(sample)),
        encoding=found,
        header=header,
        sample=sample,
        preview=sheet.preview(dialect, first_row),
        facts={"line_ends": _line_ends(start), "byte_order_mark": detect_bom(start) is not None},
    )


Windows = list[tuple[int, bytes]]


def _survey(stream: ByteStream, size: int, look: Look) -> tuple[Windows, EncodingFound]:
    """Pass over the file once; return its start, middle and end with their offsets, and its encoding."""
    trial = EncodingTrial()
    start, middle, end = bytearray(), bytearray(), bytearray()
    middle_at = max((size - _WINDOW_BYTES) // 2 // 4 * 4, _WINDOW_BYTES)
    offset = 0
    while part := stream.read(_READ_BYTES):
        if not offset:
            _refuse_foreign(part)
        trial.feed(part)
        start += part[: max(_WINDOW_BYTES - len(start), 0)]
        if offset + len(part) > middle_at:
            middle += part[max(middle_at - offset, 0) :][: max(_WINDOW_BYTES - len(middle), 0)]
        end += part
        del end[: max(len(end) - _WINDOW_BYTES, 0) // 4 * 4]
        offset += len(part)
        look()
    trial.feed(b"", final=True)
    windows = [(0, bytes(start))]
    if offset > _WINDOW_BYTES:
        windows += [(middle_at, bytes(middle)), (offset - len(end), bytes(end))]
    return windows, trial.result(bytes(start))


def _refuse_foreign(start: bytes) -> None:
    kind = foreign_kind(start)
    if kind is None and detect_bom(start) is None and is_binary(start) and not guess_wide(start[:4_096]):
        kind = "a binary file"
    if kind:
        raise NotATable(f"The file is {kind}.", extra={"kind": kind})


class _Sheet:
    """The kept parts of a file, to be split in this way or that."""

    def __init__(self, windows: Windows, encoding: str, size: int) -> None:
        self._windows = windows
        self._encoding = encoding
        self._size = size
        bom = detect_bom(windows[0][1])
        self._mark_bytes = bom[1] if bom and bom[0].startswith(encoding) else 0

    def understand(self, choice: DialectChoice) -> tuple[Dialect, tuple[str, ...], int]:
        """Return dialect, column names and the record of the first window with which the rows start."""
        candidates = [choice.delimiter] if choice.delimiter else list(DELIMITERS)
        scored = [self._try(delimiter) for delimiter in candidates]
        best = max(scored, key=lambda trial: trial.score)
        records = best.records
        header_at = best.header_at
        if choice.header_line is not None:
            wanted = choice.header_line
            header_at = next(
                (i for i, record in enumerate(records) if wanted and record.line >= wanted), None
            )
        dialect = Dialect(
            self._encoding, best.delimiter, '"', records[header_at].line if header_at is not None else 0
        )
        if header_at is None:
            width = max(best.width, 1)
            header = tuple(f"column_{number}" for number in range(1, width + 1))
        else:
            header = name_columns(_without_trailing(records[header_at].fields, best.width))
        if len(header) > COLUMNS_MAX:
            raise TooManyColumns(f"{len(header):,} columns; at most {COLUMNS_MAX:,} can be read.")
        return dialect, header, 0 if header_at is None else header_at + 1

    def _try(self, delimiter: str) -> "_Trial":
        records = list(self._records(0, delimiter, _DELIMITER_ROWS))
        return _Trial.of(delimiter, records)

    def _records(self, window: int, delimiter: str, most: int | None = None) -> Iterable[Record]:
        """Split a window; other windows than the first start after a line end, cut ends are left out."""
        offset, data = self._windows[window]
        skipped = self._mark_bytes if window == 0 else _after_line_end(data, self._encoding)
        at_end = offset + len(data) >= self._size
        splitter = RecordSplitter(Dialect(self._encoding, delimiter), self._encoding)
        tally = Tally(Position(offset + skipped))
        for count, record in enumerate(splitter.split(Block(data[skipped:], 0, at_end), tally)):
            if most is not None and count >= most:
                return
            if at_end or record.byte_offset + record.byte_length < offset + len(data):
                yield record

    def sample(self, dialect: Dialect, width: int, first_row: int) -> tuple[tuple[str, ...], ...]:
        """Return rows from start, middle and end that are as wide as the header."""
        count = len(self._windows)
        # Only where a window is the last is its end looked at; splitting the others whole takes seconds.
        most = [first_row + SAMPLE_ROWS_PER_PART] * (count - 1) + [None]
        parts = [list(self._records(window, dialect.delimiter, most[window])) for window in range(count)]
        parts[0] = parts[0][first_row:]
        if len(parts) == 1:
            (only,) = parts
            middle = max((len(only) - SAMPLE_ROWS_PER_PART) // 2, 0)
            parts = [only, only[middle:], only[max(len(only) - SAMPLE_ROWS_PER_PART, 0) :]]
        parts = [part[:SAMPLE_ROWS_PER_PART] for part in parts[:-1]] + [parts[-1][-SAMPLE_ROWS_PER_PART:]]
        rows = {record.byte_offset: record.fields for part in parts for record in part if not record.broken}
        return tuple(tuple(rows[at][:width]) for at in sorted(rows) if _is_as_wide(rows[at], width))

    def preview(self, dialect: Dialect, first_row: int) -> tuple[tuple[str, ...], ...]:
        """Return the first rows as they stand."""
        records = list(self._records(0, dialect.delimiter, first_row + PREVIEW_ROWS))
        return tuple(tuple(record.fields) for record in records[first_row:])


@dataclass(frozen=True, slots=True)
class _Trial:
    """How a delimiter does: usual number of fields, where the header is, and how regular all is."""

    delimiter: str
    records: list[Record]
    width: int
    header_at: int | None
    score: float

    @classmethod
    def of(cls, delimiter: str, records: list[Record]) -> "_Trial":
        rows = [record.fields for record in records]
        widths = Counter(len(row) for row in rows if row)
        width = max(widths, key=lambda number: (widths[number] * log2(number + 1), number), default=0)
        filled = [row for row in rows if len(row) == width]
        if width > 1 and len(filled) > 1 and not any(row[-1].strip() for row in filled):
            width -= 1  # a delimiter at the end of every row makes no column
        first = next((i for i, row in enumerate(rows) if _may_be_header(row, width)), None)
        header_at = first
        if first is not None and (records[first].line > HEADER_LINES_MAX or _is_data(rows, first, width)):
            header_at = None
        regular = widths[width] / max(sum(widths.values()) - (first or 0), 1)
        score = min(regular, 1.0) * log2(width or 1) * _SKIPPED_LINE_FACTOR ** (first or 0)
        return cls(delimiter, records, width, header_at, score)


def _may_be_header(row: Fields, width: int) -> bool:
    """Tell whether a row is as wide as most and no title with empty cells beside it."""
    cells = _without_trailing(row, width)
    return len(cells) == width > 0 and sum(bool(cell.strip()) for cell in cells) * 2 >= width


def _is_data(rows: list[Fields], first: int, width: int) -> bool:
    """Tell whether the first wide row is like those below: a number or time where these have such."""
    below = [row for row in rows[first + 1 :] if len(row) >= width]
    if not below:
        return sum(looks_typed(cell) for cell in rows[first]) >= 2  # noqa: PLR2004
    typed = [
        column
        for column in range(width)
        if sum(looks_typed(row[column]) for row in below) >= _TYPED_SHARE * len(below)
    ]
    return any(looks_typed(rows[first][column]) for column in typed)


def _without_trailing(row: Fields, width: int) -> Fields:
    """Cut empty cells beyond a width."""
    return row[:width] if not any(cell.strip() for cell in row[width:]) else row


def _is_as_wide(row: Fields, width: int) -> bool:
    return len(_without_trailing(row, width)) == width and any(cell.strip() for cell in row)


def _after_line_end(data: bytes, encoding: str) -> int:
    """Return the offset after the first line end, in whole code units."""
    mark = "\n".encode(encoding)
    at = data.find(mark)
    while at >= 0 and at % len(mark):
        at = data.find(mark, at + 1)
    return at + len(mark) if at >= 0 else len(data)


def _line_ends(start: bytes) -> dict[str, int]:
    """Count the kinds of line ends in the first part."""
    pairs = start.count(b"\r\n")
    return {"lf": start.count(b"\n") - pairs, "crlf": pairs, "cr": start.count(b"\r") - pairs}
