"""Answers of the database as numpy arrays, by binary COPY.

The columns asked for are fixed in width and never null, so that every row has the same length and the bytes
between COPY's header and trailer are one array.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import sql

from apps.datasets.storage.binary import decode

# Type on the wire -> SQL type that the column is cast to.
SQL_TYPES: Final = {">i2": "smallint", ">i4": "integer", ">i8": "bigint", ">f8": "double precision"}


def read_columns(
    expressions: Mapping[str, tuple[str, sql.Composable]], source: sql.Composable
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of `SELECT <expressions> <source>` by name, in the machine's own types.

    expressions: name -> (type on the wire, SQL expression, never null). One query.
    """
    casts = {kind: sql.SQL(name) for kind, name in SQL_TYPES.items()}
    selected = sql.SQL(", ").join(
        sql.SQL("({})::{}").format(expression, casts[kind]) for kind, expression in expressions.values()
    )
    statement = sql.SQL("COPY (SELECT {} {}) TO STDOUT (FORMAT binary)").format(selected, source)
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        body = b"".join(copy)
    kinds = [kind for kind, _ in expressions.values()]
    rows = decode(body, kinds)
    return {
        name: rows[f"c{index}"].astype(np.dtype(kind).newbyteorder("="))
        for index, (name, kind) in enumerate(zip(expressions, kinds, strict=True))
    }
