"""Evidence as a download: CSV, lines of JSON, or the rejected records as they stood in their files."""

import base64
import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from apps.common.errors import FieldError, Invalid
from apps.datasets.models import Import, ImportFile, Reject
from apps.datasets.reading.mapping import Dialect

COLUMNS: Final = (
    "seq", "kind", "file_no", "record", "line", "line_end", "byte_offset", "column", "code", "also",
    "detail", "raw", "raw_truncated", "kept_line",
)  # fmt: skip
CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "raw": "application/octet-stream",
}
# Records of wide encodings are told apart by their byte order, which a mark in front says again.
_BYTE_ORDERS: Final = {
    "utf-16": "utf-16-le", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be",
    "utf-32": "utf-32-le", "utf-32-le": "utf-32-le", "utf-32-be": "utf-32-be",
}  # fmt: skip
BATCH_ROWS: Final = 2_000


def write_download(format_: str, row: Import, rejects: Any) -> Iterator[bytes]:
    """Return the chunks of a download; `rejects` is a queryset in the order wanted."""
    rows = rejects.iterator(chunk_size=BATCH_ROWS)
    if format_ == "ndjson":
        return _lines_of_json(rows)
    if format_ == "csv":
        return _csv(rows)
    return _raw(row, rejects, rows)


def _values(reject: Reject) -> dict[str, Any]:
    found = {name: getattr(reject, name) for name in COLUMNS if name not in {"column", "raw"}}
    found |= {"column": reject.column_name, "raw": base64.b64encode(bytes(reject.raw)).decode()}
    return {name: found[name] for name in COLUMNS}


def _lines_of_json(rejects: Iterable[Reject]) -> Iterator[bytes]:
    for reject in rejects:
        yield orjson.dumps(_values(reject), option=orjson.OPT_APPEND_NEWLINE)


def _csv(rejects: Iterable[Reject]) -> Iterator[bytes]:
    yield _csv_line(COLUMNS)
    for reject in rejects:
        values = _values(reject) | {"also": " ".join(reject.also)}
        # Text from a foreign file must not act as a formula where the download is opened.
        yield _csv_line([_defused(value) for value in values.values()])


def _csv_line(values: Iterable[Any], delimiter: str = ",", end: str = "\r\n") -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerow(values)
    return buffer.getvalue().encode()


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _raw(row: Import, selected: Any, rejects: Iterable[Reject]) -> Iterator[bytes]:
    """Yield a header and the records' own bytes: a file that can be mended and loaded again."""
    numbers = list(selected.order_by("file_no").values_list("file_no", flat=True).distinct())
    files = list(row.files.filter(file_no__in=numbers).order_by("file_no"))
    if len({(tuple(file.header), str(file.dialect)) for file in files}) > 1:
        wrong = FieldError("These files have different headers; choose one.", parameter="file_no")
        raise Invalid(errors=[wrong])
    return _records(files[0] if files else None, rejects)


def _records(file: ImportFile | None, rejects: Iterable[Reject]) -> Iterator[bytes]:
    if file is None:
        return
    dialect = Dialect.from_json(file.dialect)
    if dialect.format.is_document:
        yield from _elements(rejects)
        return
    encoding = _BYTE_ORDERS.get(dialect.encoding, dialect.encoding)
    if encoding in _BYTE_ORDERS.values():
        yield "\N{BYTE ORDER MARK}".encode(encoding)
    if dialect.header_line:
        yield _csv_line(file.header, dialect.delimiter, "\n").decode().encode(encoding)
    ends = tuple(end.encode(encoding) for end in "\r\n")  # also of what stands for rows of Parquet
    for reject in rejects:
        raw = bytes(reject.raw)
        yield raw if raw.endswith(ends) else raw + ends[1]


def _elements(rejects: Iterable[Reject]) -> Iterator[bytes]:
    """Yield an array of the elements as they were; one that was cut short would end the array early."""
    separator = b"["
    for reject in rejects:
        if not reject.raw_truncated:
            yield separator + bytes(reject.raw)
            separator = b",\n"
    yield b"]" if separator != b"[" else b"[]"
