"""Relations that a killed dbt left behind, and the columns of those that it made."""

from collections.abc import Iterator
from typing import Final

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

LAYERS: Final = ("staging", "intermediate", "marts")
LEFTOVERS_SQL: Final = """
SELECT n.nspname, c.relname, c.relkind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v')
  AND (c.relname LIKE '%%\\_\\_dbt\\_tmp' OR c.relname LIKE '%%\\_\\_dbt\\_backup')
ORDER BY c.relname
"""
COLUMNS_SQL: Final = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, a.attnum
"""


def schemas_of(prefix: str) -> list[str]:
    """Return the names of the schemas that builds of a prefix write to."""
    return [f"{prefix}_{layer}" for layer in LAYERS]


@transaction.atomic
def drop_leftovers(prefix: str) -> list[str]:
    """Drop what dbt makes under passing names and did not come to rename or drop; returns the names."""
    with connection.cursor() as cursor:
        cursor.execute(LEFTOVERS_SQL, [schemas_of(prefix)])
        found = cursor.fetchall()
        for schema, name, kind in found:
            drop = "DROP VIEW IF EXISTS {} CASCADE" if kind == "v" else "DROP TABLE IF EXISTS {} CASCADE"
            cursor.execute(SQL(drop).format(Identifier(schema, name)))
    return [name for _, name, _ in found]


def columns_of_relations(prefix: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return {(schema, relation): [(column, type), ...]} of everything that builds of a prefix made."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, relation, column, kind in _column_rows(prefix):
        found.setdefault((schema, relation), []).append((column, kind))
    return found


def _column_rows(prefix: str) -> Iterator[tuple[str, str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS_SQL, [schemas_of(prefix)])
        yield from cursor.fetchall()
