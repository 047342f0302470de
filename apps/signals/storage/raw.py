"""The raw tables of one run: made stand-alone, finished after their COPY, attached, dropped.

Everything but `attach` may be killed anywhere and done again.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from psycopg import sql

from apps.common.errors import Unavailable
from apps.signals.raw_schema import BY_NAME, KEY, RAW_TABLES, RawTable, partition_name

LOCK_TIMEOUT: Final = "5s"
ENTITIES: Final = "raw_entity_results"


class RawTablesBusy(Unavailable):
    """Somebody reads the run's raw tables just now; try again."""

    code = "signals.raw_tables_busy"


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Entities that a file held more than once: how many lines too many, and the first of them."""

    file_id: uuid.UUID
    count: int
    first_line: int


def make_tables(run_pk: uuid.UUID) -> None:
    """Make empty stand-alone tables for a run, in place of what is left of others; raises RawTablesBusy."""
    drop_run(run_pk)
    compression = sql.SQL(" COMPRESSION lz4" if _has_lz4() else "")
    with transaction.atomic(), connection.cursor() as cursor:
        for table in RAW_TABLES:
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
                + (compression if name == "payload" else sql.SQL(""))
                for name, kind in table.columns
            ]
            cursor.execute(
                sql.SQL("CREATE TABLE {} ({})").format(_own(table, run_pk), sql.SQL(", ").join(columns))
            )


def finish(table: RawTable, run_pk: uuid.UUID) -> None:
    """Give a filled table what its parent has: key, index, foreign key; and the check that spares a scan."""
    own, key = _own(table, run_pk), sql.SQL(", ").join(map(sql.Identifier, KEY))
    index = sql.SQL(", ").join(map(sql.Identifier, table.index))
    with transaction.atomic():
        check = sql.Literal(run_pk)
        _execute("ALTER TABLE {} ADD PRIMARY KEY ({}), ADD CHECK (run_id = {})", own, key, check)
        if table.index_is_unique:
            _execute("ALTER TABLE {} ADD UNIQUE ({})", own, index)
        elif table.index:
            _execute("CREATE INDEX ON {} ({})", own, index)
    # Added, then checked apart: so nobody waits who writes to runs meanwhile.
    constraint = sql.Identifier(f"{table.name}_run")
    _execute(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY (run_id) REFERENCES signals_run (id) NOT VALID",
        own,
        constraint,
    )
    _execute("ALTER TABLE {} VALIDATE CONSTRAINT {}", own, constraint)


def analyze(table: RawTable, run_pk: uuid.UUID) -> None:
    """Let the planner know what a filled table holds."""
    _execute("ANALYZE {}", _own(table, run_pk))


def count_rows(table: RawTable, run_pk: uuid.UUID) -> int:
    """Return how many rows a run's table holds."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(_own(table, run_pk)))
        return int(cursor.fetchone()[0])


def find_duplicates(run_pk: uuid.UUID) -> list[Duplicates]:
    """Return by file which entities a node has more than once; the rows of all lines stay."""
    statement = sql.SQL(
        "WITH twice AS (SELECT node_id, entity_hash, min(line_no) AS first FROM {own}"
        " GROUP BY node_id, entity_hash HAVING count(*) > 1)"
        " SELECT file_id, count(*), min(line_no) FROM {own} JOIN twice USING (node_id, entity_hash)"
        " WHERE line_no > first GROUP BY file_id ORDER BY file_id"
    ).format(own=_own(BY_NAME[ENTITIES], run_pk))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [Duplicates(*row) for row in cursor.fetchall()]


def attach(run_pk: uuid.UUID, tables: Iterable[RawTable]) -> None:
    """Make the run's tables partitions, in the caller's transaction; the others of the run are dropped."""
    kept = list(tables)
    for table in RAW_TABLES:
        own = _own(table, run_pk)
        if table in kept:
            _execute(
                "ALTER TABLE {} ATTACH PARTITION {} FOR VALUES IN ({})",
                sql.Identifier(table.name),
                own,
                sql.Literal(run_pk),
            )
        else:
            _execute("DROP TABLE {}", own)


def drop_run(run_pk: uuid.UUID) -> None:
    """Drop all raw tables of a run, attached or not; repeatable.

    Raises RawTablesBusy if somebody reads them for longer than 5 s; what is gone by then stays gone.
    """
    for table in RAW_TABLES:
        if _exists(partition_name(table.name, run_pk)):
            with _impatient():
                _execute("DROP TABLE IF EXISTS {}", _own(table, run_pk))


def raw_bytes() -> int:
    """Return how much room all raw tables take, indexes and long values included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(pg_total_relation_size(i.inhrelid)), 0) FROM pg_inherits i"
            " JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = ANY(%s) AND p.relkind = 'p'",
            [list(BY_NAME)],
        )
        return int(cursor.fetchone()[0])


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no reader wait behind us for long: give up after five seconds."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            yield
    except OperationalError as error:
        if "lock timeout" not in str(error):
            raise
        raise RawTablesBusy from error


def _own(table: RawTable, run_pk: uuid.UUID) -> sql.Identifier:
    return sql.Identifier(partition_name(table.name, run_pk))


def _execute(statement: str, *parts: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*parts))


def _exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def _has_lz4() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
        )
        row: Any = cursor.fetchone()
        return bool(row and row[0])
