"""Changes of tables under load: each waits 5 s for its lock and is tried 10 times."""

import time
from collections.abc import Callable
from typing import Final

from django.db import OperationalError, connection, transaction
from psycopg import errors

LOCK_TIMEOUT = "5s"
TRIES: Final = 10
PAUSE_S: Final = 0.2


def with_lock_timeout(change: Callable[[], None]) -> None:
    """Run `change` in a transaction of its own that gives up on a lock after 5 s, up to 10 times.

    A waiting ACCESS EXCLUSIVE lock queues every reader behind it; so it must never wait long.
    """

    def attempt() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            change()

    _retry(attempt)


def outside_transaction(statement: str) -> None:
    """Run one statement that PostgreSQL refuses inside a transaction (VACUUM, DETACH CONCURRENTLY)."""

    def attempt() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            try:
                cursor.execute(statement)
            finally:
                cursor.execute("RESET lock_timeout")

    _retry(attempt)


def _retry(attempt: Callable[[], None]) -> None:
    for tried in range(1, TRIES + 1):
        try:
            return attempt()
        except OperationalError as error:
            if tried == TRIES or not isinstance(error.__cause__, errors.LockNotAvailable):
                raise
            time.sleep(PAUSE_S * tried)
    return None
