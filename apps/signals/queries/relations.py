"""Raw reads of what has no models: the marts of dbt and the raw tables, by bound parameters."""

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.db import connection
from psycopg import sql

Record = dict[str, Any]

MARTS_SUFFIX: Final = "_marts"


def mart(name: str) -> sql.Identifier:
    """Return the name of a mart, with its schema."""
    return sql.Identifier(settings.SIGNALS_DBT_SCHEMA + MARTS_SUFFIX, name)


def read_records(statement: str, parameters: Mapping[str, Any], **names: sql.Composable) -> list[Record]:
    """Return the rows of a statement by column name, `{names}` filled in. Issues one query."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(**names), parameters)  # type: ignore[arg-type]
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def has_mart(name: str) -> bool:
    """Tell whether dbt has made a mart. Issues one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass(%s) IS NOT NULL", [f"{settings.SIGNALS_DBT_SCHEMA}{MARTS_SUFFIX}.{name}"]
        )
        (found,) = cursor.fetchone() or (False,)
    return bool(found)
