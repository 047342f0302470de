"""How many bytes the raw tables and the relations of dbt take, indexes included."""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.db import connection

from apps.signals.raw_schema import RAW_TABLES

_RAW: Final = (
    "SELECT coalesce(sum(pg_total_relation_size(child.inhrelid)), 0)::bigint FROM pg_inherits AS child"
    " JOIN pg_class AS parent ON parent.oid = child.inhparent"
    " WHERE parent.relname = ANY(%s) AND parent.relkind = 'p'"
)
_BUILT: Final = (
    "SELECT coalesce(sum(pg_total_relation_size(relation.oid)), 0)::bigint FROM pg_class AS relation"
    " JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace"
    " WHERE schema.nspname = ANY(%s) AND relation.relkind = 'r'"
)
BUILT_LAYERS: Final = ("staging", "intermediate", "marts")


def raw_bytes() -> int:
    """Return the size of the raw tables of all runs. Issues one query."""
    return _size(_RAW, [table.name for table in RAW_TABLES])


def mart_bytes() -> int:
    """Return the size of what dbt has made: marts, what leads to them, seeds. Issues one query."""
    return _size(_BUILT, [f"{settings.SIGNALS_DBT_SCHEMA}_{layer}" for layer in BUILT_LAYERS])


def _size(statement: str, names: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(names)])
        (size,) = cursor.fetchone() or (0,)
    return int(size)
