"""Partitions of chunks (one a UTC day) and rollups (one a month): their names, bounds, making."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Final

from django.db import connection

from apps.common.locks import lock_in_transaction

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY: Final = dt.timedelta(days=1)
AHEAD_DAYS: Final = 9
CHUNKS: Final = "metrics_point_chunk"
ROLLUPS: Final = "metrics_rollup"
_CHUNK_NAME: Final = re.compile(rf"{CHUNKS}_(\d{{4}})(\d\d)(\d\d)\Z")
_ROLLUP_NAME: Final = re.compile(rf"{ROLLUPS}_(\d{{4}})(\d\d)\Z")


def day_of(at_us: int) -> dt.date:
    """Return the UTC day of an instant in microseconds since 1970."""
    return (EPOCH + dt.timedelta(microseconds=at_us)).date()


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
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent IN (%s::regclass, %s::regclass) AND NOT i.inhdetachpending",
            [CHUNKS, ROLLUPS],
        )
        return {name for (name,) in cursor.fetchall()}


def ensure_partitions(days: Iterable[dt.date]) -> list[str]:
    """Make the missing partitions of these UTC days and their months; return their names.

    Runs inside the caller's transaction, if there is one. Twice at once does no harm.
    """
    wanted = dict(_partitions_of(days))
    missing = sorted(wanted.keys() - existing_partitions())
    if not missing:
        return []
    # One at a time: two that make the same partition at once would fail on its name.
    lock_in_transaction("metrics:partitions")
    with connection.cursor() as cursor:
        for name in missing:
            cursor.execute(wanted[name])
    return missing


def _partitions_of(days: Iterable[dt.date]) -> Iterator[tuple[str, str]]:
    """Yield names and statements; all parts of them are ours, never a caller's text."""
    for day in set(days):
        yield (
            chunk_partition(day),
            (
                f"CREATE TABLE IF NOT EXISTS {chunk_partition(day)} PARTITION OF {CHUNKS}"
                f" FOR VALUES FROM ('{day.isoformat()}') TO ('{(day + DAY).isoformat()}')"
            ),
        )
        first = day.replace(day=1)
        yield (
            rollup_partition(first),
            (
                f"CREATE TABLE IF NOT EXISTS {rollup_partition(first)} PARTITION OF {ROLLUPS}"
                f" FOR VALUES FROM ({start_of(first)}) TO ({start_of(month_after(first))})"
                " WITH (fillfactor = 70)"
            ),
        )
