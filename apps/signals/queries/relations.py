"""Raw reads of what has no models: the marts of dbt and the raw tables, by bound parameters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from psycopg import sql

Record = dict[str, Any]


def read_records(statement: str, parameters: Mapping[str, Any], **names: sql.Composable) -> list[Record]:
    """Return the rows of a statement by column name, `{names}` filled in. Issues one query."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(**names), parameters)
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def room_to_group() -> Iterator[None]:
    """Let the statements inside group in memory.

    PostgreSQL takes rows for as wide as their types allow and would rather sort them on disk, which takes
    twice as long; what is really held is less than 2 MB.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        yield


def read_record(statement: str, parameters: Mapping[str, Any], **names: sql.Composable) -> Record | None:
    """Return the first row of a statement, None if it has none. Issues one query."""
    return next(iter(read_records(statement, parameters, **names)), None)
