"""Tables as streams of bytes: CSV, the Arrow IPC stream, GeoParquet; batch by batch, in little memory."""

import codecs
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from apps.datasets.queries import Floats, Int64s
from apps.spatial.geometry import Bounds

GEOMETRY: Final = "geometry"
GEOPARQUET_VERSION: Final = "1.1.0"
CITATION_KEY: Final = b"sextant"
# What makes a spreadsheet take text for a formula, also in its full-width forms (OWASP, CSV injection).
FORMULA_STARTS: Final = "^[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]"
# By byte: whether one of these characters begins with it.
FORMULA_FIRST_BYTES: Final = np.isin(np.arange(256), list(b"=+-@\t\r\xef"))
POINT_WKB_BYTES: Final = 21
H3_DIGITS: Final = 15

# The stubs of kernels and writers know neither mixed arguments nor sinks written in Python.
_compute: Final[Any] = pyarrow.compute
_csv: Final[Any] = pyarrow.csv
_parquet: Final[Any] = pyarrow.parquet


class TableFormat(StrEnum):
    """The formats of tables."""

    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table, its citation, and which geometries its WKB column holds, if it has one.

    guarded: text that a spreadsheet would take for a formula gets an apostrophe in front (CSV). marked: a
    byte order mark comes first (CSV). repeated: columns that Parquet tries a dictionary for; None is all.
    """

    schema: pa.Schema
    citation: Mapping[str, Any]
    geometry_types: Sequence[str] = ()
    bounds: Bounds | None = None
    guarded: bool = True
    marked: bool = False
    repeated: Sequence[str] | None = None


def write_table(form: TableFormat, layout: Layout, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield the bytes of a table: one piece, at least, for each batch."""
    sink = _Sink()
    if form is TableFormat.CSV and layout.marked:
        sink.write(codecs.BOM_UTF8)
    with _OPENERS[form](sink, layout) as writer:
        yield sink.taken()
        for batch in batches:
            is_guarded = form is TableFormat.CSV and layout.guarded
            writer.write_batch(guard_formulas(batch) if is_guarded else batch)
            yield sink.taken()
    yield sink.taken()


def guard_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with an apostrophe before text that a spreadsheet would take for a formula."""
    columns = [_guarded(column) if pa.types.is_string(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def fixed_width(kind: pa.DataType, content: bytes, width: int) -> "pa.Array[Any]":
    """Return an array of texts or bytes that all are `width` long."""
    rows = len(content) // width
    offsets = (np.arange(rows + 1) * width).astype(np.int32)
    return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(content)])


def point_wkb(longitudes: Floats, latitudes: Floats) -> "pa.Array[Any]":
    """Return points as well-known binary."""
    rows = np.empty(longitudes.size, np.dtype("u1, <u4, <f8, <f8"))
    rows["f0"], rows["f1"], rows["f2"], rows["f3"] = 1, 1, longitudes, latitudes
    return fixed_width(pa.binary(), rows.tobytes(), POINT_WKB_BYTES)


def h3_array(cells: Int64s) -> "pa.Array[Any]":
    """Return cells as their hexadecimal texts."""
    digits = np.frombuffer(cells.astype(">i8").tobytes().hex().encode(), np.uint8).reshape(-1, 16)[:, 1:]
    return fixed_width(pa.string(), digits.tobytes(), H3_DIGITS)


def polygon_wkb(geometry: Mapping[str, Any]) -> bytes:
    """Return a GeoJSON Polygon or MultiPolygon as well-known binary."""
    if geometry["type"] == "Polygon":
        return _polygon(geometry["coordinates"])
    parts = [_polygon(part) for part in geometry["coordinates"]]
    return struct.pack("<BII", 1, 6, len(parts)) + b"".join(parts)


def polygon_wkt(geometry: Mapping[str, Any]) -> str:
    """Return a GeoJSON Polygon or MultiPolygon as well-known text."""
    if geometry["type"] == "Polygon":
        return f"POLYGON {_rings_text(geometry['coordinates'])}"
    return f"MULTIPOLYGON ({', '.join(_rings_text(part) for part in geometry['coordinates'])})"


@dataclass(slots=True)
class _Sink:
    """A file that is written to its end once; what was written since the last look can be taken away."""

    closed: bool = False
    _length: int = 0
    _pieces: list[bytes] = field(default_factory=list)

    def write(self, content: Any) -> int:
        piece = bytes(content)
        self._pieces.append(piece)
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._length

    def flush(self) -> None:
        """Do nothing: there is nothing behind this file."""

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def taken(self) -> bytes:
        content = b"".join(self._pieces)
        self._pieces.clear()
        return content


def _open_csv(sink: _Sink, layout: Layout) -> AbstractContextManager[Any]:
    # Text is quoted, numbers are not; an absent value is empty without quotes.
    writer: AbstractContextManager[Any] = _csv.CSVWriter(sink, layout.schema)
    return writer


def _open_arrow(sink: _Sink, layout: Layout) -> AbstractContextManager[Any]:
    stream: Any = pa.ipc
    writer: AbstractContextManager[Any] = stream.new_stream(sink, _cited(layout))
    return writer


def _open_parquet(sink: _Sink, layout: Layout) -> AbstractContextManager[Any]:
    names = layout.schema.names
    chosen = names if layout.repeated is None else [name for name in layout.repeated if name in names]
    writer: AbstractContextManager[Any] = _parquet.ParquetWriter(
        sink, _cited(layout), compression="zstd", use_dictionary=chosen
    )
    return writer


_OPENERS: Final = {
    TableFormat.CSV: _open_csv,
    TableFormat.ARROW: _open_arrow,
    TableFormat.PARQUET: _open_parquet,
}


def _cited(layout: Layout) -> pa.Schema:
    """Return the schema with the citation, and with what GeoParquet says of the geometry."""
    metadata = {CITATION_KEY: orjson.dumps(layout.citation)}
    schema = layout.schema
    if layout.geometry_types:
        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": list(layout.geometry_types),
            "orientation": "counterclockwise",
        }
        if layout.bounds is not None:
            column["bbox"] = list(layout.bounds)
        geo = {"version": GEOPARQUET_VERSION, "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        metadata[b"geo"] = orjson.dumps(geo)
    return schema.with_metadata(metadata)


def _guarded(column: Any) -> Any:
    if not _may_start_a_formula(column):
        return column
    is_formula = _compute.match_substring_regex(column, FORMULA_STARTS)
    if not _compute.any(is_formula).as_py():
        return column
    return _compute.if_else(is_formula, _compute.binary_join_element_wise("'", column, ""), column)


def _may_start_a_formula(column: Any) -> bool:
    """Tell by the first bytes of the texts, which takes a tenth of the time of the expression."""
    _, offsets_buffer, content_buffer = column.buffers()
    if offsets_buffer is None or content_buffer is None or not content_buffer.size:
        return False
    offsets = np.frombuffer(offsets_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    content = np.frombuffer(content_buffer, np.uint8)
    starts = offsets[:-1][offsets[1:] > offsets[:-1]]
    return bool(FORMULA_FIRST_BYTES[content[starts]].any())


def _polygon(rings: Sequence[Sequence[Sequence[float]]]) -> bytes:
    parts = [struct.pack("<BII", 1, 3, len(rings))]
    for ring in rings:
        flat = [number for point in ring for number in point]
        parts.append(struct.pack(f"<I{len(flat)}d", len(ring), *flat))
    return b"".join(parts)


def _rings_text(rings: Sequence[Sequence[Sequence[float]]]) -> str:
    texts = (", ".join(f"{longitude} {latitude}" for longitude, latitude in ring) for ring in rings)
    return f"({', '.join(f'({text})' for text in texts)})"
