"""Answers of the database as numpy arrays: each column comes as one array in PostgreSQL's binary form.

The columns asked for are never null, so every element of an array is its length and its fixed-width value.
For 300,000 rows that takes an eighth of the client's time of a row-wise COPY.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import sql

# Type of the elements -> SQL type that the column is cast to.
SQL_TYPES: Final = {">i8": "bigint", ">f8": "double precision"}
# Dimensions, flags, type, length and lower bound stand before the elements (array_send).
HEADER_BYTES: Final = 20


def read_columns(
    expressions: Mapping[str, tuple[str, sql.Composable]], source: sql.Composable
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of `SELECT <expressions> <source>` by name, in the machine's own types.

    expressions: name -> (type, SQL expression, never null). One query.
    """
    casts = {kind: sql.SQL(name) for kind, name in SQL_TYPES.items()}
    names = [sql.Identifier(name) for name in expressions]
    selected = sql.SQL(", ").join(
        sql.SQL("({})::{} AS {}").format(expression, casts[kind], name)
        for name, (kind, expression) in zip(names, expressions.values(), strict=True)
    )
    arrays = sql.SQL(", ").join(sql.SQL("array_send(array_agg({}))").format(name) for name in names)
    statement = sql.SQL("SELECT {} FROM (SELECT {} {}) AS found").format(arrays, selected, source)
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return {
        name: _decode(content, kind)
        for content, (name, (kind, _)) in zip(row, expressions.items(), strict=True)
    }


def _decode(content: bytes | None, kind: str) -> npt.NDArray[Any]:
    """Return the elements of a binary array; no rows make NULL of it."""
    native = np.dtype(kind).newbyteorder("=")
    if content is None:
        return np.empty(0, native)
    elements = np.frombuffer(content, np.dtype([("length", ">i4"), ("value", kind)]), offset=HEADER_BYTES)
    return elements["value"].astype(native)
