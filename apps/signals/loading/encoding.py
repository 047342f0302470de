"""Rows in PostgreSQL's binary COPY format, built without the driver: a line's bytes are its jsonb."""

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from apps.signals.raw_schema import RawTable

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER: Final = struct.pack(">h", -1)
NULL: Final = struct.pack(">i", -1)
JSONB_VERSION: Final = b"\x01"
INTEGER_MAX: Final = 2**31 - 1
BIGINT_MAX: Final = 2**63 - 1

_length = struct.Struct(">i").pack
_integer = struct.Struct(">ii").pack
_bigint = struct.Struct(">iq").pack
_double = struct.Struct(">id").pack
_boolean = {True: _length(1) + b"\x01", False: _length(1) + b"\x00"}
_uuid_length = _length(16)


def _text(value: str) -> bytes:
    content = value.encode()
    return _length(len(content)) + content


def _jsonb(value: bytes) -> bytes:
    return _length(len(value) + 1) + JSONB_VERSION + value


def _of_double(value: float) -> bytes:
    return _double(8, value) if math.isfinite(value) else NULL


def _of_integer(value: int) -> bytes:
    return _integer(4, value) if -INTEGER_MAX <= value <= INTEGER_MAX else NULL


def _of_bigint(value: int) -> bytes:
    return _bigint(8, value) if -BIGINT_MAX <= value <= BIGINT_MAX else NULL


ENCODERS: Final[dict[str, Callable[[Any], bytes]]] = {
    "uuid": lambda value: _uuid_length + value.bytes,
    "text": _text,
    "jsonb": _jsonb,
    "boolean": _boolean.__getitem__,
    "integer": _of_integer,
    "bigint": _of_bigint,
    "double precision": _of_double,
}


class RowEncoder:
    """Encodes rows of one table; values come in the table's order, jsonb as JSON text in bytes."""

    def __init__(self, table: RawTable) -> None:
        kinds = [kind.removesuffix(" NOT NULL") for _name, kind in table.columns]
        self._encoders = tuple(ENCODERS[kind] for kind in kinds)
        self._count = struct.pack(">h", len(kinds))

    def encode(self, values: Sequence[Any]) -> bytes:
        """Return a row; None and what no finite number of its column can hold are null."""
        parts = [self._count]
        for encode, value in zip(self._encoders, values, strict=True):
            parts.append(NULL if value is None else encode(value))
        return b"".join(parts)
