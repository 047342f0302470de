"""The template database, and the clone that this process works on.

The template carries the hash of all migrations in its name: it is made once, under an advisory lock, and left
for the next run. A test that commits is followed not by a flush but by the template's state: what differs is
undone (see `cleaning.py`), and where it cannot be undone there is a new clone, which takes half a second.
Nothing a test wrote can poison the next one, and the rows that migrations made are always there.
"""

import hashlib
import inspect
import logging
import os
import secrets
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.migrations.loader import MigrationLoader
from django.test import TransactionTestCase
from psycopg import sql

from tests.furniture.cleaning import Changed, Cleaning, State, forget_statistics, is_possible, read_state

logger = logging.getLogger(__name__)

PREFIX = "sextant_test_"
# Any number serves, as long as all runs take the same one.
ADVISORY_LOCK = 7_304_221_918
LEAVING_S = 0.5
# Cleaned clones collect dead rows: now and then a new one is cheaper.
CLEANED_MAX = 100

_states: dict[str, State] = {}
_opened: "weakref.WeakSet[BaseDatabaseWrapper]" = weakref.WeakSet()


def _remember_connection(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    _opened.add(connection)


connection_created.connect(_remember_connection)


def worker_number() -> int:
    """Return the number of this pytest-xdist worker; 0 without xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def migrations_hash() -> str:
    """Return 16 hexadecimal digits over the source of every migration of every installed app."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    digest = hashlib.sha256()
    for key, migration in sorted(loader.disk_migrations.items()):
        digest.update(repr(key).encode())
        digest.update(inspect.getsource(sys.modules[type(migration).__module__]).encode())
    return digest.hexdigest()[:16]


class Server:
    """The test server, reached over its maintenance database."""

    def __init__(self) -> None:
        self.parameters = {
            **connection.get_connection_params(),
            "dbname": "postgres",
            "autocommit": True,
            "cursor_factory": psycopg.Cursor,
        }
        # Django's own types and time zone are of no use here.
        self.parameters.pop("context", None)

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """Open a connection to a database."""
        return psycopg.connect(**{**self.parameters, "dbname": name})

    def keep_still(self, server: psycopg.Connection[Any]) -> None:
        """Turn autovacuum off where the server is the suite's own: plans change when it has come."""
        if server.info.parameter_status("is_superuser") != "on":
            return
        [[folder, is_on]] = server.execute(
            "SELECT current_setting('data_directory'), current_setting('autovacuum')::boolean"
        ).fetchall()
        if not Path(folder).is_relative_to(settings.VAR_DIR.resolve()):
            return
        if is_on:
            server.execute("ALTER SYSTEM SET autovacuum = off")
            server.execute("SELECT pg_reload_conf()")
        # Every clone that goes leaves a row here.
        server.execute("VACUUM pg_database, pg_shdepend")

    @contextmanager
    def locked(self, *, is_shared: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """Hold the lock under which databases of tests are made and dropped.

        Shared, others may clone and drop their own meanwhile, but nobody makes or drops a template.
        """
        name = "pg_advisory_lock_shared" if is_shared else "pg_advisory_lock"
        with self.connect("postgres") as server:
            server.execute(sql.SQL("SELECT {}(%s)").format(sql.Identifier(name)), [ADVISORY_LOCK])
            yield server

    def has(self, server: psycopg.Connection[Any], name: str) -> bool:
        """Tell whether there is a database of that name."""
        return bool(server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone())

    def is_in_use(self, server: psycopg.Connection[Any], name: str) -> bool:
        """Tell whether anybody is connected to a database."""
        return bool(server.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [name]).fetchone())

    def drop(self, server: psycopg.Connection[Any], name: str) -> None:
        """Drop a database, whoever is connected to it."""
        # For whom it sees there PostgreSQL waits a tenth of a second; who has just closed leaves much sooner.
        deadline_s = time.monotonic() + LEAVING_S
        while self.is_in_use(server, name) and time.monotonic() < deadline_s:
            time.sleep(0.002)
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def drop_left_over(self, server: psycopg.Connection[Any], *, keep: str) -> None:
        """Drop older templates, and clones of runs that died: nobody is connected to those."""
        rows = server.execute(
            "SELECT datname FROM pg_database d WHERE starts_with(datname, %s) AND datname <> %s"
            " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)",
            [PREFIX, keep],
        ).fetchall()
        for (name,) in rows:
            self.drop(server, name)


class TestDatabase:
    """The clone of this process. One connection is kept open, as the sign that it is in use."""

    # Not a class of tests, whatever its name.
    __test__ = False

    def __init__(self, purpose: str) -> None:
        self.server = Server()
        self.template = f"{PREFIX}template_{migrations_hash()}"
        self.name = f"{PREFIX}{purpose}{worker_number()}_{secrets.token_hex(4)}"
        self._sign_of_life: psycopg.Connection[Any] | None = None
        self._cleaning: Cleaning | None = None
        self._cleaned = 0

    def create(self) -> None:
        """Make the clone, and before it the template if no earlier run has left one."""
        with self.server.locked() as server:
            self.server.keep_still(server)
            self.server.drop_left_over(server, keep=self.template)
            if not self.server.has(server, self.template):
                self._build_template(server)
            self._clone(server)
        self._prepare_cleaning()

    def renew(self) -> None:
        """Put the clone back to the template's state, or a fresh one in its place."""
        close_connections()
        if self._is_cleaned():
            return
        with self.server.locked(is_shared=True) as server:
            self.drop(server)
            self._clone(server)
        self._prepare_cleaning()

    def remove(self) -> None:
        """Drop the clone at the end of the run."""
        close_connections()
        with self.server.locked(is_shared=True) as server:
            self.drop(server)

    def drop(self, server: psycopg.Connection[Any]) -> None:
        """Drop the clone under the lock that `server` holds."""
        if self._sign_of_life is not None:
            self._sign_of_life.close()
        self.server.drop(server, self.name)

    def _is_cleaned(self) -> bool:
        if self._cleaning is None or self._cleaned == CLEANED_MAX:
            return False
        try:
            self._cleaning.clean()
        except (Changed, psycopg.Error) as reason:
            logger.debug("A new clone: %s", reason)
            return False
        self._cleaned += 1
        return True

    def _prepare_cleaning(self) -> None:
        """Remember what the fresh clone holds."""
        self._cleaning, self._cleaned = None, 0
        connection = self._sign_of_life
        if connection is not None and is_possible(connection):
            forget_statistics(connection)
            if self.template not in _states:
                _states[self.template] = read_state(connection)
            self._cleaning = Cleaning(connection, _states[self.template])

    def _clone(self, server: psycopg.Connection[Any]) -> None:
        # Copied as files, a template of a thousand small ones is there in a third of the time.
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(self.name), sql.Identifier(self.template)
            )
        )
        self._sign_of_life = self.server.connect(self.name)

    def _build_template(self, server: psycopg.Connection[Any]) -> None:
        # Renamed only when complete, so that a killed run leaves no half template.
        building = f"{PREFIX}building"
        self.server.drop(server, building)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(building)))
        with connected_to(building):
            call_command("migrate", verbosity=0, interactive=False)
        server.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(building), sql.Identifier(self.template)
            )
        )


def close_connections() -> None:
    """Close the connections of all threads: they open again, to the database that is there then."""
    for wrapper in list(_opened):
        wrapper.inc_thread_sharing()
        try:
            wrapper.close()
        finally:
            wrapper.dec_thread_sharing()


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Point Django's default connection to another database for a while."""
    close_connections()
    settings_dict = connections[DEFAULT_DB_ALIAS].settings_dict
    before = settings_dict["NAME"]
    settings_dict["NAME"] = name
    try:
        yield
    finally:
        close_connections()
        settings_dict["NAME"] = before


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Work on a clone of the template (instead of pytest-django's own test database)."""
    with django_db_blocker.unblock():
        database = TestDatabase("clone")
        database.create()
        with connected_to(database.name), _renewed_after_commits(database):
            yield
        database.remove()


@contextmanager
def _renewed_after_commits(database: TestDatabase) -> Iterator[None]:
    """Let a test that commits end with a new clone in place of Django's flush."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: database.renew())
        yield
