"""In which form a file holds its rows, told by its bytes and never by its name."""

import codecs
import json
from enum import StrEnum
from typing import Final

from apps.datasets.reading.lines import detect_bom

PARQUET_MAGIC: Final = b"PAR1"
RECORD_SEPARATOR: Final = b"\x1e"
_STARTS: Final = (b'{"', b"[{", b"{}", b"[]")
_LINES_LOOKED_AT: Final = 10
_SEEN_BYTES: Final = 512


class Format(StrEnum):
    """Forms of tables. JSON and GEOJSON are one document, NDJSON and GEOJSON_SEQ one object a line."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    GEOJSON = "geojson"
    GEOJSON_SEQ = "geojsonseq"
    PARQUET = "parquet"

    @property
    def has_lines(self) -> bool:
        """Tell whether rows lie in physical lines that a person can find again."""
        return self in {Format.CSV, Format.NDJSON, Format.GEOJSON_SEQ}

    @property
    def is_document(self) -> bool:
        """Tell whether rows are the elements of an array."""
        return self in {Format.JSON, Format.GEOJSON}


def sniff_format(start: bytes, *, is_whole: bool) -> Format:
    """Tell the format by a file's first bytes (some thousand lines, or the whole file).

    Whether JSON is GeoJSON is told by its rows: JSON and NDJSON are all that this says of either.
    """
    if start.startswith(PARQUET_MAGIC):
        return Format.PARQUET
    text = as_ascii(start)
    if text.startswith(RECORD_SEPARATOR):
        return Format.NDJSON
    if b"".join(text[:_SEEN_BYTES].split())[:2] not in _STARTS:
        return Format.CSV
    return Format.NDJSON if text[:1] == b"{" and _are_lines(text, is_whole=is_whole) else Format.JSON


def as_ascii(start: bytes) -> bytes:
    """Return the text without its byte-order mark and leading whitespace, in bytes as ASCII has them."""
    bom = detect_bom(start)
    if bom and bom[0] != "utf-8":
        decoder = codecs.getincrementaldecoder(bom[0])(errors="replace")
        return decoder.decode(start[bom[1] :]).encode().lstrip()
    return start[bom[1] if bom else 0 :].lstrip()


def _are_lines(text: bytes, *, is_whole: bool) -> bool:
    """Tell lines that are objects each from one object over many lines, or on one."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not is_whole:
        lines = lines[:-1]
    lines = lines[:_LINES_LOOKED_AT]
    parsed = [_parsed(line) for line in lines]
    objects = [found for found in parsed if isinstance(found, dict)]
    if not objects:
        return False
    # A whole object on the first line is a row; after a broken one the others must look like rows too.
    if parsed[0] is not objects[0] and not all(line.lstrip().startswith(b"{") for line in lines):
        return False
    if len(lines) > 1:
        return True
    (only,) = objects
    return only.get("type") != "FeatureCollection" and not any(map(_holds_rows, only.values()))


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _holds_rows(value: object) -> bool:
    return isinstance(value, list) and (not value or isinstance(value[0], dict))
