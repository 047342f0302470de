"""Single records put together to a file again, without what stood around them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from apps.datasets.reading.formats import Format
from apps.datasets.reading.mapping import Dialect

_LINE_FEED: Final = b"\n"


def join_records(raws: Sequence[bytes], dialect: Dialect) -> tuple[bytes, Dialect]:
    """Return a file of these records, as rows of the dialect that is returned with it: one without a header.

    Records of documents are elements of an array; what stands for rows of Parquet are lines of JSON.
    """
    if dialect.format.is_document:
        return b"[" + b",".join(raws) + b"]", replace(dialect, encoding="utf-8")
    if dialect.format is not Format.CSV:
        lines = replace(dialect, format=Format.NDJSON, encoding="utf-8")
        return _lines(raws, (b"\n", b"\r"), _LINE_FEED), lines
    ends = tuple(end.encode(dialect.encoding) for end in "\r\n")
    return _lines(raws, ends, ends[1]), replace(dialect, header_line=0)


def _lines(raws: Sequence[bytes], ends: tuple[bytes, ...], end: bytes) -> bytes:
    return b"".join(raw if raw.endswith(ends) else raw + end for raw in raws)
