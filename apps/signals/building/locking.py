"""One build at a time for a schema prefix, across processes and machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.errors import LockNotAvailable

from apps.common.jobs import Transient
from apps.common.locks import lock_key
from apps.signals.building.direct import application_name, connect

WAIT_MS: Final = 5_000
ORPHANS_SQL: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND usename = current_user
"""


class BuildLock:
    """A session advisory lock on a connection of its own; gone with its holder."""

    def __init__(self, session: psycopg.Connection[Any], schema: str) -> None:
        self.session = session
        self.schema = schema

    def check(self) -> None:
        """Raise Transient if the session is gone: another build may hold the lock since."""
        try:
            self.session.execute("SELECT 1")
        except psycopg.Error as error:
            raise Transient("The connection that held the lock of the build broke.") from error

    def end_orphans(self) -> None:
        """End sessions of dbt whose build is over: whoever holds the lock has no other dbt beside it."""
        self.session.execute(ORPHANS_SQL, [application_name(self.schema)])


@contextmanager
def build_lock(schema: str) -> Iterator[BuildLock | None]:
    """Hold the lock of a prefix for the block; yields None if another has it for longer than WAIT_MS."""
    with connect(schema) as session:
        yield BuildLock(session, schema) if _take(session, schema) else None


def _take(session: psycopg.Connection[Any], schema: str) -> bool:
    session.execute(f"SET lock_timeout = {WAIT_MS:d}")
    try:
        session.execute("SELECT pg_advisory_lock(%s)", [lock_key(f"signals.build:{schema}")])
    except LockNotAvailable:
        return False
    session.execute("SET lock_timeout = 0")
    return True
