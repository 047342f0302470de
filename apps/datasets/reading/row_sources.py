"""Files whose rows say themselves what they hold: JSON in its forms and Parquet, row by row as texts."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from apps.datasets.reading.errors import CrsUnsupported
from apps.datasets.reading.formats import Format
from apps.datasets.reading.json_frames import Document, Frame, Lines
from apps.datasets.reading.json_rows import RowParsed, parse_row
from apps.datasets.reading.limits import RECORD_MAX_BYTES
from apps.datasets.reading.lines import ByteStream
from apps.datasets.reading.parquet_rows import ParquetRows
from apps.datasets.reading.reference_systems import is_geojson_crs_read
from apps.datasets.reading.rows import RowCode

_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row: its texts by column, its bytes, and where it lies (see `Record`)."""

    parsed: RowParsed
    raw: bytes
    byte_offset: int
    byte_length: int
    line: int | None


class RowSource(Protocol):
    """What a file is to those who read its rows."""

    @property
    def blank_lines(self) -> int:
        """Return how many lines without a row were passed."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that are known before any row is read."""
        ...

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield the rows in the order of the file."""
        ...


def open_rows(stream: ByteStream, form: Format, encoding: str = "utf-8") -> RowSource:
    """Return the rows of a file that stands at its first byte."""
    if form is Format.PARQUET:
        return _ParquetSource(ParquetRows(stream))
    text = stream if encoding == "utf-8" else _Transcoded(stream, encoding)
    return JsonRows(Document(text) if form.is_document else Lines(text))


@dataclass(frozen=True, slots=True)
class JsonRows:
    """The rows of a JSON document or of lines of JSON."""

    frames: Document | Lines
    columns: tuple[str, ...] = ()

    @property
    def blank_lines(self) -> int:
        """Return how many lines without a row were passed."""
        return self.frames.blank_lines

    def __iter__(self) -> Iterator[SourceRow]:
        for frame in self.frames:
            yield SourceRow(_parse(frame), frame.raw, frame.byte_offset, frame.byte_length, frame.line)
        if isinstance(self.frames, Document) and not is_geojson_crs_read(self.frames.members.get(b"crs")):
            raise CrsUnsupported


def _parse(frame: Frame) -> RowParsed:
    if frame.byte_length > RECORD_MAX_BYTES:
        return RowParsed({}, broken=RowCode.FIELD_TOO_LONG)
    return parse_row(frame.raw.strip(b"\x1e"))


@dataclass(frozen=True, slots=True)
class _ParquetSource:
    """The rows of a Parquet file, which are no bytes there: a line of JSON stands for each as evidence."""

    rows: ParquetRows
    blank_lines: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the schema."""
        return self.rows.columns

    def __iter__(self) -> Iterator[SourceRow]:
        for number, (texts, raw, bad_encoding) in enumerate(self.rows, 1):
            yield SourceRow(RowParsed(texts, bad_encoding=bad_encoding), raw, -number, len(raw), None)


@dataclass(slots=True)
class _Transcoded:
    """A stream of text in another encoding, as UTF-8."""

    stream: ByteStream
    encoding: str
    _decoder: codecs.IncrementalDecoder = field(init=False)

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")

    def read(self, size: int = -1, /) -> bytes:
        """Return about `size` bytes, empty at the end."""
        while part := self.stream.read(size if size > 0 else _READ_BYTES):
            if text := self._decoder.decode(part):
                return text.encode(errors="replace")
        return self._decoder.decode(b"", final=True).encode(errors="replace")
