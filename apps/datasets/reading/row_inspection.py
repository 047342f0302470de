"""What a file of JSON or Parquet is before it is read: its columns, rows from all of it, its encoding."""

from collections.abc import Iterable
from typing import BinaryIO, Final, cast

from apps.datasets.reading.encodings import EncodingFound
from apps.datasets.reading.errors import EmptyFile, NotATable, TooManyColumns
from apps.datasets.reading.formats import Format
from apps.datasets.reading.inspections import Inspection, decimal_of
from apps.datasets.reading.limits import COLUMNS_MAX, PREVIEW_ROWS, SAMPLE_ROWS_PER_PART
from apps.datasets.reading.lines import ByteStream, detect_bom
from apps.datasets.reading.mapping import Dialect, DialectChoice
from apps.datasets.reading.passes import Look, looking, never
from apps.datasets.reading.row_sources import SourceRow, open_rows

_HEAD_BYTES: Final = 2 << 20
_SAMPLE_ROWS: Final = 3 * SAMPLE_ROWS_PER_PART
_SAMPLE_BYTES: Final = 64 << 20
_FEATURES: Final = {Format.JSON: Format.GEOJSON, Format.NDJSON: Format.GEOJSON_SEQ}

Texts = dict[str, str]


class Started:
    """A stream whose first bytes were looked at."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.head = _read_fully(stream, _HEAD_BYTES)
        self._rest = self.head

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, those looked at first."""
        if not self._rest:
            return self._stream.read(size)
        end = len(self._rest) if size < 0 else size
        part, self._rest = self._rest[:end], self._rest[end:]
        return part

    def rewound(self) -> ByteStream:
        """Return the stream at its first byte where it can go back there, else this one."""
        can_seek = getattr(self._stream, "seekable", None)
        if can_seek is None or not can_seek():
            return self
        cast("BinaryIO", self._stream).seek(0)
        return self._stream


def inspect_rows(
    stream: Started, form: Format, size: int, choice: DialectChoice, look: Look = never
) -> Inspection:
    """Read all rows of a file and say what they are; `look` is called between them.

    Raises EmptyFile, NotATable, TooManyColumns, Damaged, TooLarge and CrsUnsupported.
    """
    encoding = _encoding(stream.head, form, choice)
    source = open_rows(stream.rewound() if form is Format.PARQUET else stream, form, encoding.name)
    survey = _Survey(source.columns)
    survey.take(looking(source, look))
    header = tuple(survey.columns)
    sample = survey.sample.rows(header)
    dialect = Dialect(
        encoding=encoding.name,
        header_line=0,
        decimal=choice.decimal or decimal_of(sample),
        format=_FEATURES.get(form, form) if survey.has_features else form,
    )
    return Inspection(
        size=size,
        dialect=dialect,
        encoding=encoding,
        header=header,
        sample=sample,
        preview=_aligned(survey.first, header),
        facts={"format": dialect.format.value, "rows": survey.count},
    )


class _Survey:
    """What all rows of a file have together."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = dict.fromkeys(columns)
        self.first: list[Texts] = []
        self.sample = EvenSample()
        self.has_features = False
        self.count = 0

    def take(self, rows: Iterable[SourceRow]) -> None:
        """Go over the rows; raises EmptyFile, NotATable and TooManyColumns."""
        for row in rows:
            self.count += 1
            if row.parsed.broken is None:
                self._add(row)
        if self.columns:
            return
        if self.count:
            raise NotATable("None of the rows is a JSON object with members.")
        raise EmptyFile

    def _add(self, row: SourceRow) -> None:
        texts = row.parsed.texts
        if not texts.keys() <= self.columns.keys():
            self.columns |= dict.fromkeys(texts)
            if len(self.columns) > COLUMNS_MAX:
                raise TooManyColumns(f"More than {COLUMNS_MAX:,} columns.")
        self.has_features |= row.parsed.is_feature
        if len(self.first) < PREVIEW_ROWS:
            self.first.append(texts)
        self.sample.add(texts, row.byte_length)


class EvenSample:
    """Rows at even distances over a file of unknown length, bounded in number and bytes."""

    def __init__(self, most_rows: int = _SAMPLE_ROWS, most_bytes: int = _SAMPLE_BYTES) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._kept: list[tuple[Texts, int]] = []
        self._bytes = 0
        self._stride = 1
        self._seen = 0

    def add(self, texts: Texts, byte_length: int) -> None:
        """Take a row, or let it pass."""
        if self._seen % self._stride == 0:
            self._kept.append((texts, byte_length))
            self._bytes += byte_length
        self._seen += 1
        while len(self._kept) > 1 and (len(self._kept) > self._most_rows or self._bytes > self._most_bytes):
            self._kept = self._kept[::2]
            self._bytes = sum(length for _, length in self._kept)
            self._stride *= 2

    def rows(self, header: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Return the rows under a header, in the order of the file."""
        return _aligned([texts for texts, _ in self._kept], header)


def _aligned(rows: list[Texts], header: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row.get(name, "") for name in header) for row in rows)


def _encoding(head: bytes, form: Format, choice: DialectChoice) -> EncodingFound:
    """Return the encoding: JSON is UTF-8 by its standard, unless a mark or a person says otherwise."""
    if form is Format.PARQUET:
        return EncodingFound("utf-8", True, {"reason": "parquet"})
    if bom := detect_bom(head):
        return EncodingFound(bom[0], True, {"reason": "byte_order_mark"})
    if choice.encoding:
        return EncodingFound(choice.encoding, True, {"reason": "chosen"})
    return EncodingFound("utf-8", True, {"reason": "json"})


def _read_fully(stream: ByteStream, size: int) -> bytes:
    parts, missing = [], size
    while missing > 0 and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
