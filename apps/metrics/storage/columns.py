"""Statements with whole columns as parameters, bound by the server and sent in binary.

Thousands of rows are one statement: `INSERT ... SELECT ... FROM unnest(%b::bigint[], %b::bytea[])`. Django's
own cursor would write such a statement out as text, hexadecimal payloads included.
"""

import struct
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BYTEA: Final = 17
_INT8: Final = 20
_TEXT: Final = 25
_FLOAT8: Final = 701
_HEADER: Final = struct.Struct(">iiI")
_DIMENSION: Final = struct.Struct(">ii")
_LENGTH: Final = struct.Struct(">i")


@dataclass(frozen=True, slots=True)
class BigInts:
    """A parameter `bigint[]`."""

    numbers: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Doubles:
    """A parameter `double precision[]`; every bit arrives."""

    numbers: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Payloads:
    """A parameter `bytea[]`."""

    items: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Texts:
    """A parameter `text[]`."""

    items: Sequence[str]


class _ArrayDumper(Dumper):
    """PostgreSQL's binary form of an array: a header, then length and bytes of each element."""

    format = Format.BINARY
    element = 0

    def dump(self, obj: Any) -> bytes:
        body, count = self.body(obj)
        # Dimensions, flag of NULLs, type of the elements; then their number and the index of the first.
        header = _HEADER.pack(1 if count else 0, 0, self.element)
        return header + _DIMENSION.pack(count, 1) + body if count else header

    @abstractmethod
    def body(self, obj: Any) -> tuple[bytes, int]:
        """Return the bytes of all elements, and how many they are."""


class _BigIntsDumper(_ArrayDumper):
    oid = 1016
    element = _INT8

    def body(self, obj: BigInts) -> tuple[bytes, int]:
        return _fixed(obj.numbers, ">i8"), len(obj.numbers)


class _DoublesDumper(_ArrayDumper):
    oid = 1022
    element = _FLOAT8

    def body(self, obj: Doubles) -> tuple[bytes, int]:
        return _fixed(obj.numbers, ">f8"), len(obj.numbers)


class _PayloadsDumper(_ArrayDumper):
    oid = 1001
    element = _BYTEA

    def body(self, obj: Payloads) -> tuple[bytes, int]:
        return _variable(obj.items), len(obj.items)


class _TextsDumper(_ArrayDumper):
    oid = 1009
    element = _TEXT

    def body(self, obj: Texts) -> tuple[bytes, int]:
        return _variable([item.encode() for item in obj.items]), len(obj.items)


def _fixed(numbers: npt.NDArray[Any], dtype: str) -> bytes:
    elements = np.empty(len(numbers), dtype=[("length", ">i4"), ("value", dtype)])
    elements["length"] = 8
    elements["value"] = numbers
    return elements.tobytes()


def _variable(items: Sequence[bytes]) -> bytes:
    pack = _LENGTH.pack
    return b"".join([part for item in items for part in (pack(len(item)), item)])


_DUMPERS: Final = (
    (BigInts, _BigIntsDumper),
    (Doubles, _DoublesDumper),
    (Payloads, _PayloadsDumper),
    (Texts, _TextsDumper),
)


def run(statement: str, parameters: Sequence[Any] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run a statement on Django's connection, in its transaction if there is one; results come in binary.

    Raises Django's database errors. `statement` is a text of ours, never a caller's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor: psycopg.Cursor[tuple[Any, ...]] = psycopg.Cursor(connection.connection)
        for kind, dumper in _DUMPERS:
            cursor.adapters.register_dumper(kind, dumper)
        return cursor.execute(statement.encode(), parameters, binary=True)


def read_all(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with run(statement, parameters) as cursor, connection.wrap_database_errors:
        return cursor.fetchall()


def change(statement: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it touched."""
    with run(statement, parameters) as cursor:
        return cursor.rowcount
