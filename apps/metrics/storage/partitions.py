"""Partitions of chunks (one a UTC day) and rollups (one a month): their names, bounds, making."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg.errors
from django.db import OperationalError, connection, transaction

from apps.common.errors import Unavailable
from apps.common.locks import lock_key

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY: Final = dt.timedelta(days=1)
AHEAD_DAYS: Final = 9
CHUNKS: Final = "metrics_point_chunk"
ROLLUPS: Final = "metrics_rollup"
LOCK_TIMEOUT_MS: Final = 2_000
_LOCK: Final = "metrics:partitions"
_CHUNK_NAME: Final = re.compile(rf"{CHUNKS}_(\d{{4}})(\d\d)(\d\d)\Z")
_ROLLUP_NAME: Final = re.compile(rf"{ROLLUPS}_(\d{{4}})(\d\d)\Z")


class PartitionsBusy(Unavailable):
    """A table of points is in use by others for too long; try again."""

    code = "metrics.partitions_busy"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: the table it belongs to, its first day, the first day after it, and its bytes."""

    name: str
    table: str
    first: dt.date
    after: dt.date
    size_bytes: int


def instant_of(at_us: int) -> dt.datetime:
    """Return an instant given in microseconds since 1970."""
    return EPOCH + dt.timedelta(microseconds=at_us)


def day_of(at_us: int) -> dt.date:
    """Return the UTC day of an instant in microseconds since 1970."""
    return instant_of(at_us).date()


def start_of(day: dt.date) -> int:
    """Return a UTC day's first instant in microseconds since 1970."""
    return (day - EPOCH.date()).days * 86_400_000_000


def month_after(first: dt.date) -> dt.date:
    """Return the first day of the month after that of a day."""
    return (first.replace(day=1) + dt.timedelta(days=31)).replace(day=1)


def chunk_partition(day: dt.date) -> str:
    """Return the name of the partition that holds a day's chunks."""
    return f"{CHUNKS}_{day:%Y%m%d}"


def rollup_partition(day: dt.date) -> str:
    """Return the name of the partition that holds the rollups of a day's month."""
    return f"{ROLLUPS}_{day:%Y%m}"


def day_of_partition(name: str) -> dt.date | None:
    """Return the day of a partition of chunks, the first of the month of one of rollups; None for others."""
    found = _CHUNK_NAME.match(name)
    if found:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    found = _ROLLUP_NAME.match(name)
    return dt.date(int(found[1]), int(found[2]), 1) if found else None


def existing_partitions() -> set[str]:
    """Return the names of the partitions of both tables."""
    return set(_attached(is_detaching=False))


def has_partitions(day: dt.date) -> bool:
    """Tell whether the points of a UTC day and its rollups have their partitions."""
    return {chunk_partition(day), rollup_partition(day)} <= existing_partitions()


def partitions_of(table: str) -> list[Partition]:
    """Return the partitions of `CHUNKS` or `ROLLUPS` by day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_inherits i"
            " JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
            [table],
        )
        rows = cursor.fetchall()
    found = [_described(table, name, size_bytes) for name, size_bytes in rows]
    return sorted((each for each in found if each is not None), key=lambda each: each.first)


def ensure_partitions(days: Iterable[dt.date]) -> list[str]:
    """Make the missing partitions of these UTC days and their months; return their names.

    Runs inside the caller's transaction, if there is one. Twice at once does no harm. Readers and writers of
    other partitions go on meanwhile. Raises PartitionsBusy after 2 s of waiting for others.
    """
    wanted = {name: (table, bounds) for table, name, bounds in _partitions_of(days)}
    missing = sorted(wanted.keys() - existing_partitions())
    if not missing:
        return []
    with transaction.atomic(), impatient():
        # One at a time: two that make the same partition at once would fail on its name.
        _select("pg_advisory_xact_lock")
        missing = sorted(wanted.keys() - existing_partitions())
        for name in missing:
            _make(name, *wanted[name])
    return missing


def drop_partition(partition: Partition) -> None:
    """Detach a partition while others read and write on, then drop it; call it outside of transactions.

    Raises PartitionsBusy after 2 s of waiting for others. What was begun then is finished by the next call,
    or by whoever makes that partition again.
    """
    with impatient(), _only_one():
        _finish_detaching(partition.table)
        with connection.cursor() as cursor:
            if partition.name in existing_partitions():
                cursor.execute(
                    f"ALTER TABLE {partition.table} DETACH PARTITION {partition.name} CONCURRENTLY"
                )
            cursor.execute(f"DROP TABLE IF EXISTS {partition.name}")


def drop_leftovers() -> list[str]:
    """Finish what earlier calls of `drop_partition` have begun; return the names of the tables dropped.

    Call it outside of transactions. Raises PartitionsBusy after 2 s of waiting for others.
    """
    with impatient(), _only_one():
        for table in (CHUNKS, ROLLUPS):
            _finish_detaching(table)
        dropped = _detached()
        with connection.cursor() as cursor:
            for name in dropped:
                cursor.execute(f"DROP TABLE {name}")
    return dropped


@contextmanager
def impatient() -> Iterator[None]:
    """Wait 2 s at most for each lock inside, then raise PartitionsBusy."""
    before = _set_lock_timeout(f"{LOCK_TIMEOUT_MS}ms")
    has_failed = True
    try:
        yield
        has_failed = False
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise PartitionsBusy from error
        raise
    finally:
        # A transaction that failed takes it back by itself, and takes no statement any more.
        if not (has_failed and connection.in_atomic_block):
            _set_lock_timeout(before)


def _make(name: str, table: str, bounds: str) -> None:
    """Make one partition and attach it, which takes a weaker lock than making it in its place.

    All parts of the statements are ours, never a caller's text.
    """
    fillfactor = " WITH (fillfactor = 70)" if table == ROLLUPS else ""
    with connection.cursor() as cursor:
        if _is_detaching(table, name):
            cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {name} FINALIZE")
        # Left by a retention run that died: what it held is past.
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        cursor.execute(
            f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES"
            f" INCLUDING STORAGE){fillfactor}"
        )
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")


def _partitions_of(days: Iterable[dt.date]) -> Iterator[tuple[str, str, str]]:
    """Yield table, name and bounds."""
    for day in set(days):
        yield CHUNKS, chunk_partition(day), f"FROM ('{day.isoformat()}') TO ('{(day + DAY).isoformat()}')"
        first = day.replace(day=1)
        bounds = f"FROM ({start_of(first)}) TO ({start_of(month_after(first))})"
        yield ROLLUPS, rollup_partition(first), bounds


def _described(table: str, name: str, size_bytes: int) -> Partition | None:
    first = day_of_partition(name)
    if first is None:
        return None
    after = first + DAY if table == CHUNKS else month_after(first)
    return Partition(name, table, first, after, size_bytes)


def _attached(*, is_detaching: bool, table: str | None = None) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = ANY(%s::text[]::regclass[]) AND i.inhdetachpending = %s ORDER BY 1",
            [[table] if table else [CHUNKS, ROLLUPS], is_detaching],
        )
        return [name for (name,) in cursor.fetchall()]


def _is_detaching(table: str, name: str) -> bool:
    return name in _attached(is_detaching=True, table=table)


def _finish_detaching(table: str) -> None:
    """Finish a detachment whose statement was given up: PostgreSQL allows one at a time."""
    with connection.cursor() as cursor:
        for name in _attached(is_detaching=True, table=table):
            cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {name} FINALIZE")


def _detached() -> list[str]:
    """Return the names of tables that were partitions once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
            " AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = %s::regclass)"
            " AND (starts_with(relname, %s) OR starts_with(relname, %s)) ORDER BY 1",
            [CHUNKS, f"{CHUNKS}_", f"{ROLLUPS}_"],
        )
        return [name for (name,) in cursor.fetchall() if day_of_partition(name) is not None]


@contextmanager
def _only_one() -> Iterator[None]:
    """Keep all others from making and dropping partitions, over several transactions."""
    _select("pg_advisory_lock")
    try:
        yield
    finally:
        _select("pg_advisory_unlock")


def _select(function: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [lock_key(_LOCK)])
        return cursor.fetchone()


def _set_lock_timeout(timeout: str) -> str:
    """Set it for the session and return what it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, false)", [timeout]
        )
        before: str = (cursor.fetchone() or ("0", ""))[0]
    return before
