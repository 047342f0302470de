"""PostgreSQL advisory locks by name: across processes and machines, gone with their holder.

Transaction locks work through PgBouncer in transaction mode; session locks need a direct connection.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection


def lock_key(name: str) -> int:
    """Return the stable signed 64-bit key of a lock's name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _select(function: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [lock_key(name)])
        row = cursor.fetchone()
    return bool(row and row[0])


def lock_in_transaction(name: str) -> None:
    """Wait for the lock and hold it until the surrounding transaction ends."""
    _select("pg_advisory_xact_lock", name)


def try_lock_in_transaction(name: str) -> bool:
    """Take the lock until the surrounding transaction ends; return False at once if another holds it."""
    return _select("pg_try_advisory_xact_lock", name)


@contextmanager
def try_session_lock(name: str) -> Iterator[bool]:
    """Hold the lock for the block, over any number of transactions; yields False if another holds it."""
    held = _select("pg_try_advisory_lock", name)
    try:
        yield held
    finally:
        if held:
            _select("pg_advisory_unlock", name)


@contextmanager
def session_lock(name: str) -> Iterator[None]:
    """Hold a lock that nobody else takes for the block.

    It tells others that the holder's connection lives: once that is gone, they can take it.
    """
    _select("pg_try_advisory_lock", name)
    try:
        yield
    finally:
        # A connection that broke meanwhile has lost the lock with it.
        with suppress(DatabaseError):
            _select("pg_advisory_unlock", name)
