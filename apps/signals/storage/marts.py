"""The relations that dbt makes: their names, whether they are as promised, and how a run leaves them."""

import uuid
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db import connection
from psycopg.sql import SQL, Identifier

from apps.common.errors import Conflict
from apps.signals.storage.mart_schema import MARTS, Mart

COLUMNS_SQL: Final = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""
TABLES_WITH_RUNS_SQL: Final = """
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = ANY(%s) AND c.relkind = 'r' AND a.attname = 'run_id' AND NOT a.attisdropped
ORDER BY n.nspname, c.relname
"""


class MartContract(Conflict):
    """The marts do not have the columns that their contract promises."""

    code = "signals.mart_contract"


class MartEmpty(Conflict):
    """The marts hold no row of this run."""

    code = "signals.mart_empty"


def staging(name: str) -> Identifier:
    """Return the name of a staging view or seed, with its schema."""
    return Identifier(_schema("staging"), name)


def intermediate(name: str) -> Identifier:
    """Return the name of an intermediate table, with its schema."""
    return Identifier(_schema("intermediate"), name)


def mart(wanted: Mart) -> Identifier:
    """Return the name of a mart, with its schema."""
    return Identifier(_schema("marts"), wanted.name)


def contract_errors() -> Iterator[str]:
    """Yield what is missing or of another type in the marts; columns beside the promised ones do no harm."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS_SQL, [_schema("marts"), [table.name for table in MARTS]])
        found = {(table, column): kind for table, column, kind in cursor.fetchall()}
    for table in MARTS:
        for column, kind in table.columns:
            actual = found.get((table.name, column))
            if actual is None:
                yield f"{table.name}.{column} is missing"
            elif actual != kind:
                yield f"{table.name}.{column} is {actual} instead of {kind}"


def check_contract() -> None:
    """Raise MartContract unless every mart has each promised column in its type."""
    errors = list(contract_errors())
    if errors:
        raise MartContract(f"{len(errors)} columns are not as promised, the first: {'; '.join(errors[:5])}.")


def has_marts() -> bool:
    """Tell whether dbt has made the mart of signals already."""
    table = f'"{_schema("marts")}".fct_signals'
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


def delete_mart_rows(run_id: uuid.UUID) -> int:
    """Delete a run's rows of intermediate tables and marts, in the caller's transaction; returns how many."""
    deleted = 0
    with connection.cursor() as cursor:
        cursor.execute(TABLES_WITH_RUNS_SQL, [[_schema("intermediate"), _schema("marts")]])
        for schema, table in cursor.fetchall():
            statement = SQL("DELETE FROM {} WHERE run_id = %s").format(Identifier(schema, table))
            cursor.execute(statement, [run_id])
            deleted += cursor.rowcount
    return deleted


def _schema(layer: str) -> str:
    return f"{settings.SIGNALS_DBT_SCHEMA}_{layer}"
