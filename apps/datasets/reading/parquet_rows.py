"""Parquet and GeoParquet: rows as texts by column, geometry as hex of WKB or as well-known text."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from apps.datasets.reading.arrow import compute as pc
from apps.datasets.reading.columns import name_columns
from apps.datasets.reading.errors import CrsUnsupported, Damaged, TooLarge
from apps.datasets.reading.lines import ByteStream
from apps.datasets.reading.reference_systems import is_geoparquet_crs_read

_BATCH_ROWS: Final = 4_096
_COPY_BYTES: Final = 1 << 20
_ROW_GROUP_MAX_BYTES: Final = 1 << 30
_TOTAL_MAX_BYTES: Final = 8 << 30
_ROWS_MAX: Final = 500_000_000
_POINTS: Final = [["x", "y"], ["x", "y", "z"], ["x", "y", "m"], ["x", "y", "z", "m"]]

Column = Sequence[str]


class ParquetRows:
    """The rows of one file. Raises Damaged, TooLarge, CrsUnsupported, the first two also while iterating."""

    def __init__(self, stream: ByteStream) -> None:
        source = _seekable(stream)
        self._copy = None if source is stream else source
        try:
            self._open(source)
        except BaseException:
            self._close()
            raise

    def _open(self, source: BinaryIO) -> None:
        with _told():
            self._file = pq.ParquetFile(source, pre_buffer=False)
            _check_sizes(self._file.metadata)
            _check_crs(self._file.schema_arrow.metadata or {})
            empty = _flat(self._file.schema_arrow.empty_table())
        self.columns = name_columns(empty.column_names)

    def _close(self) -> None:
        if self._copy is not None:
            self._copy.close()

    def __iter__(self) -> Iterator[tuple[dict[str, str], bytes, bool]]:
        """Yield the texts of each row, JSON that stands for it, and whether some bytes were no text."""
        try:
            with _told():
                for batch in self._file.iter_batches(_BATCH_ROWS, use_threads=False):
                    yield from self._rows(_flat(pa.Table.from_batches([batch])))
        finally:
            self._close()

    def _rows(self, table: pa.Table) -> Iterator[tuple[dict[str, str], bytes, bool]]:
        bad_rows: set[int] = set()
        columns = [_texts(column.combine_chunks(), bad_rows) for column in table.itercolumns()]
        rows = zip(*columns, strict=True) if columns else iter(())
        for number, values in enumerate(rows):
            texts = dict(zip(self.columns, values, strict=True))
            filled = {name: text for name, text in texts.items() if text}
            yield texts, orjson.dumps(filled), number in bad_rows


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the library says of a broken file into Damaged; errors of the system pass."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Damaged("The Parquet file cannot be read to its end.") from error


def _seekable(stream: ByteStream) -> BinaryIO:
    """Return the stream if it can go back, else a copy on disk that can: members of archives cannot."""
    can_seek = getattr(stream, "seekable", None)
    if can_seek is not None and can_seek():
        return cast("BinaryIO", stream)
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the rows are read
    while part := stream.read(_COPY_BYTES):
        copy.write(part)
    copy.seek(0)
    return cast("BinaryIO", copy)


def _check_sizes(metadata: pq.FileMetaData) -> None:
    groups = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    if max(groups, default=0) > _ROW_GROUP_MAX_BYTES or sum(groups) > _TOTAL_MAX_BYTES:
        raise TooLarge("The row groups of the Parquet file unpack to more than can be read.")
    if metadata.num_rows > _ROWS_MAX:
        raise TooLarge(f"{metadata.num_rows:,} rows; at most {_ROWS_MAX:,} can be read.")


def _check_crs(metadata: dict[bytes, bytes]) -> None:
    """Raise CrsUnsupported where the metadata of GeoParquet names another reference system."""
    try:
        geo = json.loads(metadata.get(b"geo", b"{}"))
    except (ValueError, RecursionError) as error:
        raise Damaged("The geo metadata of the Parquet file are no JSON.") from error
    columns = geo.get("columns") if isinstance(geo, dict) else None
    primary = columns.get(geo.get("primary_column")) if isinstance(columns, dict) else None
    if isinstance(primary, dict) and not is_geoparquet_crs_read(primary):
        raise CrsUnsupported


def _flat(table: pa.Table) -> pa.Table:
    """Return structs as columns `a.b`, native points as well-known text."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = _with_points_as_text(table)
        table = table.flatten()
    return _with_points_as_text(table)


def _with_points_as_text(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if (points := _points(field, table.column(index))) is not None:
            table = table.set_column(index, pa.field(field.name, pa.string()), points)
    return table


def _points(field: "pa.Field[Any]", column: Any) -> Any:
    """Return a column of native points (struct of x and y, or pairs) as text, None for any other."""
    kind = field.type
    if pa.types.is_struct(kind) and [kind.field(i).name for i in range(kind.num_fields)] in _POINTS:
        x, y = pc.struct_field(column, "x"), pc.struct_field(column, "y")
    elif pa.types.is_fixed_size_list(kind) and kind.list_size == 2 and pa.types.is_floating(kind.value_type):  # noqa: PLR2004
        x, y = pc.list_element(column, 0), pc.list_element(column, 1)
    else:
        return None
    longitude, latitude = (pc.cast(part, pa.string()) for part in (x, y))
    return pc.binary_join_element_wise("POINT(", longitude, " ", latitude, ")", "")


def _texts(column: Any, bad_rows: set[int]) -> Column:
    """Return a column as texts, empty for null; rows whose bytes are no UTF-8 are noted."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_nested(kind):
        return [
            "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
            for value in column.to_pylist()
        ]
    if _is_bytes(kind):
        return ["" if value is None else value.hex() for value in column.to_pylist()]
    texts = pc.cast(_plain(column), pa.large_string(), safe=False)
    try:
        return [text or "" for text in texts.to_pylist()]
    except UnicodeDecodeError:
        return _damaged_texts(texts, bad_rows)


def _damaged_texts(texts: Any, bad_rows: set[int]) -> Column:
    decoded = []
    for number, value in enumerate(texts.cast(pa.large_binary()).to_pylist()):
        text = (value or b"").decode(errors="replace")
        if text.encode() != (value or b""):
            bad_rows.add(number)
        decoded.append(text)
    return decoded


def _plain(column: Any) -> Any:
    """Return times with at most six digits of a second, dates as days: what texts of times may have."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_date64(kind):
        return pc.cast(column, pa.date32())
    return pc.cast(column, pa.int64()) if pa.types.is_duration(kind) else column


def _is_bytes(kind: pa.DataType) -> bool:
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )
