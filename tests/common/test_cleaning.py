"""After a test that commits its clone is the template's equal again: cleaned, or else made anew."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.furniture.cleaning import Changed, Cleaning
from tests.furniture.database import TestDatabase

# Without temporary tables: they go a moment after the session that made them.
RELATIONS = """
SELECT n.nspname, c.relname, c.relkind = 'S' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
COLUMNS = (
    "SELECT attrelid::regclass::text, attname, atttypid FROM pg_attribute WHERE attnum > 0 ORDER BY 1, 2"
)
ESTIMATES = "SELECT relname, reltuples FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
WRITTEN = """
INSERT INTO auth_group (name) SELECT 'group ' || n FROM generate_series(1, 20) n;
INSERT INTO accounts_audit_head (id, created_at, updated_at, sequence, hash, pruned_sequence, pruned_hash)
VALUES (gen_random_uuid(), now(), now(), 1, 'x', 0, '');
UPDATE django_content_type SET model = model || ' of old' WHERE id < 9;
DELETE FROM django_migrations WHERE id % 2 = 0;
INSERT INTO django_migrations (app, name, applied) VALUES ('none', '0001_none', now());
TRUNCATE django_session;
SELECT nextval('datasets_dataset_no_seq');
SELECT setval('auth_group_id_seq', 4711, false);
CREATE TABLE left_behind (number serial, name text UNIQUE);
CREATE VIEW left_view AS SELECT * FROM left_behind;
CREATE TABLE left_partition PARTITION OF metrics_point_chunk FOR VALUES FROM ('1999-01-01') TO ('1999-01-02');
CREATE SCHEMA left_schema CREATE TABLE left_table (name text);
CREATE FUNCTION left_schema.one() RETURNS int LANGUAGE sql RETURN 1;
CREATE TEMPORARY TABLE passing (name text);
ANALYZE auth_group, django_content_type, left_behind;
"""


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[TestDatabase]:
    """Give a clone that no other test works on."""
    with django_db_blocker.unblock():
        one = TestDatabase("cleaned")
        one.create()
        yield one
        one.remove()


@pytest.fixture
def visitor(database: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to the clone that commits each statement."""
    with database.server.connect(database.name) as connection:
        yield connection


@pytest.fixture
def cleaning(database: TestDatabase) -> Cleaning:
    """Give the cleaning itself, which never makes a new clone."""
    assert database._cleaning is not None
    return database._cleaning


def everything(database: TestDatabase) -> dict[str, Any]:
    """Return what queries and the planner see of a clone."""
    found: dict[str, Any] = {}
    with database.server.connect(database.name) as connection:
        for schema, name, is_sequence in connection.execute(RELATIONS).fetchall():
            row = "ROW(last_value, is_called)" if is_sequence else "t"
            read = sql.SQL("SELECT {}::text FROM {} t").format(sql.SQL(row), sql.Identifier(schema, name))
            found[f"{schema}.{name}"] = sorted(connection.execute(read).fetchall())
        found["columns"] = connection.execute(COLUMNS).fetchall()
        found["estimates"] = connection.execute(ESTIMATES).fetchall()
        found["statistics"] = sorted(connection.execute("SELECT s::text FROM pg_statistic s").fetchall())
    return found


def identity(database: TestDatabase) -> int:
    """Return a number that no other database of the server has had."""
    with database.server.connect(database.name) as connection:
        [[oid]] = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchall()
    return int(oid)


def test_what_was_written_and_made_is_undone_without_a_new_clone(database: TestDatabase) -> None:
    before, numbers = everything(database), [identity(database)]
    for _ in range(3):
        with database.server.connect(database.name) as visitor:
            visitor.execute(WRITTEN)
        assert everything(database) != before
        database.renew()
        assert everything(database) == before
        numbers.append(identity(database))
    # Autovacuum may be at work in the middle of a cleaning, and leads to a new clone: not every time.
    assert any(former == later for former, later in pairwise(numbers))


def test_who_is_still_connected_is_ended_with_what_he_holds(
    database: TestDatabase, cleaning: Cleaning, visitor: psycopg.Connection[Any]
) -> None:
    visitor.execute("BEGIN")
    visitor.execute("INSERT INTO auth_group (name) VALUES ('late')")
    visitor.execute("SELECT pg_advisory_lock(4711)")

    cleaning.clean()

    with pytest.raises(psycopg.OperationalError):
        visitor.execute("COMMIT")
    with database.server.connect(database.name) as other:
        assert other.execute("SELECT pg_try_advisory_lock(4711)").fetchone() == (True,)
        assert other.execute("SELECT count(*) FROM auth_group").fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("CREATE INDEX made ON auth_group (name)", "DROP INDEX made"),
        ("CREATE FUNCTION made() RETURNS int LANGUAGE sql RETURN 1", "DROP FUNCTION made"),
        ("CREATE TYPE made AS (number int)", "DROP TYPE made"),
        ("ALTER TABLE auth_group DISABLE TRIGGER ALL", "ALTER TABLE auth_group ENABLE TRIGGER ALL"),
        ("ALTER TABLE auth_group RENAME TO made", "ALTER TABLE made RENAME TO auth_group"),
        ("ALTER SEQUENCE auth_group_id_seq INCREMENT 2", "ALTER SEQUENCE auth_group_id_seq INCREMENT 1"),
        ("COMMENT ON TABLE auth_group IS 'made'", "COMMENT ON TABLE auth_group IS NULL"),
        ("SELECT lo_create(4711)", "SELECT lo_unlink(4711)"),
        ("ALTER DATABASE {} SET work_mem = '1MB'", "ALTER DATABASE {} RESET work_mem"),
        ("COMMENT ON DATABASE {} IS 'made'", "COMMENT ON DATABASE {} IS NULL"),
        (
            "INSERT INTO auth_group (name) SELECT repeat('x', 100) || n FROM generate_series(1, 15000) n",
            "TRUNCATE auth_group CASCADE",
        ),
    ],
)
def test_what_cleaning_does_not_undo_is_found(
    database: TestDatabase, cleaning: Cleaning, visitor: psycopg.Connection[Any], change: str, back: str
) -> None:
    name = sql.Identifier(database.name)
    visitor.execute(sql.SQL(change).format(name))

    with pytest.raises(Changed):
        cleaning.clean()

    with database.server.connect(database.name) as other:
        other.execute(sql.SQL(back).format(name))
    cleaning.clean()


def test_what_cleaning_does_not_undo_leads_to_a_new_clone(
    database: TestDatabase, visitor: psycopg.Connection[Any]
) -> None:
    before, number = everything(database), identity(database)
    visitor.execute("ALTER TABLE auth_group ADD COLUMN made text")
    visitor.execute("DROP TABLE django_session")

    database.renew()

    assert identity(database) != number
    assert everything(database) == before
