"""One file into the stand-alone tables of its run, over one connection, in one transaction."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from apps.signals.loading.encoding import HEADER, TRAILER, RowEncoder
from apps.signals.loading.files import FileRows
from apps.signals.loading.plan import FileTask, Loaded, Target
from apps.signals.loading.reading import FileReader
from apps.signals.raw_schema import BY_NAME, partition_name

FLUSH_BYTES: Final = 4 * 1024 * 1024


class Copier:
    """Gathers encoded rows by table and copies them, some megabytes at once."""

    def __init__(self, connection: psycopg.Connection[Any], target: Target) -> None:
        self._connection = connection
        self._target = target
        self._encoders = {name: RowEncoder(table).encode for name, table in BY_NAME.items()}
        self._waiting: dict[str, list[bytes]] = {name: [] for name in BY_NAME}
        self._bytes: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()

    def add(self, table: str, row: Any) -> None:
        """Take a row."""
        encoded = self._encoders[table](row)
        self._waiting[table].append(encoded)
        self.rows[table] += 1
        self._bytes[table] += len(encoded)
        if self._bytes[table] >= FLUSH_BYTES:
            self._copy(table)

    def finish(self) -> None:
        """Copy what waits."""
        for table, rows in self._waiting.items():
            if rows:
                self._copy(table)

    def _copy(self, table: str) -> None:
        statement = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(partition_name(table, self._target.run_pk))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(b"".join((HEADER, *self._waiting[table], TRAILER)))
        self._waiting[table] = []
        self._bytes[table] = 0


def load_file(
    connection: psycopg.Connection[Any], target: Target, task: FileTask, tell: Callable[[int], None]
) -> Loaded:
    """Load one file; `tell` is called with the bytes of each block.

    A file in which the database refuses a line that passed the quick looks is read again, every line of it
    the slow way. Raises OSError, PathEscape, psycopg.Error.
    """
    try:
        return _load(connection, target, task, tell, careful=False)
    except psycopg.DataError:
        return _load(connection, target, task, lambda _count: None, careful=True)


def _load(
    connection: psycopg.Connection[Any],
    target: Target,
    task: FileTask,
    tell: Callable[[int], None],
    *,
    careful: bool,
) -> Loaded:
    reader = FileReader(Path(task.folder or target.folder), task.path, tell)
    found = FileRows(task, target, reader, careful=careful)
    copier = Copier(connection, target)
    with connection.transaction():
        for table, row in found:
            copier.add(table, row)
        copier.finish()
    return Loaded(
        task=task,
        size_bytes=reader.size_bytes,
        sha256=reader.sha256,
        lines=reader.lines,
        rows=dict(copier.rows),
        rejected=found.remarks.rejected,
        remarks=found.remarks.all(),
        edge_types=dict(found.edge_types),
    )
