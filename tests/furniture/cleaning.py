"""Putting a clone back to the state of its template, without making it anew.

Nothing is taken on trust: every row of the catalogue, every row of every table, every sequence and what is
said of the database itself is looked at. PostgreSQL tells what is new: a row carries the number of the
transaction that wrote it, so rows that are as many as before, none of them newer than the last cleaning, are
the same rows. Where that says "changed", rows of the catalogue are compared by hash, and rows of tables are
put back.

Undone are: rows written, changed or deleted; tables, partitions, views, sequences and schemas made; what
sequences have given out; statistics of the planner. Whoever is connected is ended, and with him go temporary
tables and locks. All else that is found is Changed: an altered or dropped table, an index, a function, a
comment, a large object, a setting. Roles and other databases are not looked at: they did not go with a clone
either. What stays different is physical: dead rows, numbers of files, hints such as that a table once had a
partition; and what autovacuum, which comes when it likes, finds out in between.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

# Who has just closed is gone in a few milliseconds; others are ended, and have this long for it.
LEAVING_S: Final = 0.1
ENDING_S: Final = 5.0
# Deleted rows stay in their pages, and every page costs the next look: a larger table is worth a new clone.
PAGES_MAX: Final = 128
PAGE_BYTES: Final = 8192
SEED_ROWS_MAX: Final = 5_000
# The columns and catalogues are those of this version; on others every clone is a new one.
SERVER_VERSION: Final = 18
# What differs between two clones, or says only where and how large something is, or once was.
VOLATILE: Final = {
    "pg_class": {
        *("relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen", "relfrozenxid"),
        *("relminmxid", "relhasindex", "relhasrules", "relhastriggers", "relhassubclass"),
    },
    "pg_shdepend": {"dbid"},
}
PARTS: Final[dict[str, LiteralString]] = {
    # PostgreSQL keeps the schema of a session's temporary tables when they are gone.
    "pg_namespace": "nspname !~ '^pg_(toast_)?temp_'",
    "pg_shdepend": "dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
}
DROPPED_AS: Final[dict[str, LiteralString]] = {
    "r": "TABLE",
    "p": "TABLE",
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "S": "SEQUENCE",
}

Connection = psycopg.Connection[Any]
Digest = tuple[int, Decimal | None]
Stats = tuple[int, float, int, int]

# No trigger fires, not even one that keeps a table's rows from being deleted.
SESSION: Final = """
SELECT set_config('session_replication_role', 'replica', true),
       set_config('lock_timeout', '5s', true), set_config('statement_timeout', '0', true)
"""
OTHERS: Final = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
"""
RELATIONS: Final = """
SELECT c.oid, c.relkind::text, n.nspname, c.relname, c.relpages, c.reltuples, c.relallvisible, c.relallfrozen,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) ELSE 0 END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.oid
"""
MADE_SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND oid <> ALL(%s::oid[])"
CATALOGUES: Final = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND c.relname <> 'pg_statistic'
      AND (NOT c.relisshared OR c.relname = 'pg_shdepend')
GROUP BY c.relname ORDER BY c.relname
"""
COLUMNS: Final = """
SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
# Statistics of the catalogue itself come and go with autovacuum; those numbers are PostgreSQL's own.
OF_OURS: Final = "starelid >= 16384"
# What is said of the database itself, in catalogues that all databases share.
SAID_OF_DATABASE: Final = sql.SQL("""
SELECT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid)
       OR EXISTS (SELECT FROM pg_shdescription WHERE classoid = 'pg_database'::regclass AND objoid = d.oid)
       OR EXISTS (SELECT FROM pg_shseclabel WHERE classoid = 'pg_database'::regclass AND objoid = d.oid)
       OR EXISTS (SELECT FROM pg_subscription WHERE subdbid = d.oid)
       OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = d.datname)
       OR age(d.xmin) < age({}::xid)
FROM pg_database d WHERE d.datname = current_database()
""")
RESTORE_STATS: Final = """
UPDATE pg_class c
SET relpages = s.pages, reltuples = s.tuples, relallvisible = s.visible, relallfrozen = s.frozen
FROM unnest(%s::oid[], %s::int[], %s::real[], %s::int[], %s::int[]) AS s (oid, pages, tuples, visible, frozen)
WHERE c.oid = s.oid
"""


class Relation(NamedTuple):
    """A row of RELATIONS: a table, index, sequence or view of ours."""

    oid: int
    kind: str
    schema: str
    name: str
    pages: int
    tuples: float
    visible: int
    frozen: int
    size_bytes: int

    @property
    def stats(self) -> Stats:
        """Return what the planner reads of its size."""
        return self.pages, self.tuples, self.visible, self.frozen

    @property
    def identifier(self) -> sql.Identifier:
        """Return its name, with the schema."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Seed:
    """The rows that a table has in the template; `copied` is None where they are too many to keep."""

    digest: Digest
    columns: list[str]
    copied: bytes | None


@dataclass(frozen=True, slots=True)
class State:
    """What a fresh clone holds. All clones of a template are equal down to the oids."""

    relations: dict[int, Relation]
    schemas: list[int]
    seeds: dict[int, Seed]
    sequences: dict[int, tuple[int, bool]]
    # Columns compared, and the digest over all rows.
    catalogues: dict[str, tuple[list[str], Digest]]
    statistics: int


class Changed(Exception):
    """The clone differs in a way that cleaning does not undo."""


class Cleaning:
    """The cleaning of one clone over a connection to it that nobody else uses."""

    def __init__(self, connection: Connection, state: State) -> None:
        self.connection = connection
        self.state = state
        # Rows of later transactions are new.
        self._since = self._transaction()

    def clean(self) -> None:
        """Put the clone back to the template's state.

        Raises Changed or psycopg.Error where that is not possible: a new clone is needed then.
        """
        be_alone(self.connection)
        with self.connection.transaction():
            self.connection.execute(SESSION)
            found = self._without_made()
            self._check_sizes(found)
            self._restore_rows([each for each in found.values() if each.size_bytes])
            self._restore_sequences()
            self._restore_statistics(found)
            self._check_catalogue()
            self._check_database()
            since = self._transaction()
        self._since = since

    def _transaction(self) -> str:
        [number] = self._one("SELECT pg_current_xact_id()::xid::text")
        return str(number)

    def _one(self, query: LiteralString | sql.Composed) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self.connection.execute(query).fetchone()
        assert row is not None
        return row

    def _is_new(self) -> sql.Composed:
        return sql.SQL("age(xmin) < age({}::xid)").format(sql.Literal(self._since))

    def _without_made(self) -> dict[int, Relation]:
        """Drop schemas and relations that the template has not; return those that are there then."""
        schemas = [name for (name,) in self.connection.execute(MADE_SCHEMAS, [self.state.schemas]).fetchall()]
        for name in schemas:
            self.connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        found = read_relations(self.connection)
        made = [each for each in found.values() if self._is_made(each)]
        for each in made:
            drop = sql.SQL("DROP {} IF EXISTS {} CASCADE")
            self.connection.execute(drop.format(sql.SQL(DROPPED_AS[each.kind]), each.identifier))
        return read_relations(self.connection) if made else found

    def _is_made(self, found: Relation) -> bool:
        return found.oid not in self.state.relations and found.kind in DROPPED_AS

    def _check_sizes(self, found: dict[int, Relation]) -> None:
        for each in found.values():
            before = self.state.relations.get(each.oid)
            grown_bytes = each.size_bytes - (before.size_bytes if before else 0)
            if grown_bytes > PAGES_MAX * PAGE_BYTES:
                raise Changed(f"{each.name} has grown by {grown_bytes} bytes")

    def _restore_rows(self, tables: list[Relation]) -> None:
        """Delete what was written, and bring back what was there; a table without a page has no row."""
        missing = self.state.seeds.keys() - {table.oid for table in tables}
        dirty = [self.state.relations[oid] for oid in missing]
        looks = [self._look(table) for table in tables if table.oid in self.state.relations]
        if looks:
            found = self.connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall()
            dirty += [self.state.relations[oid] for oid, is_dirty in found if is_dirty]
        for table in dirty:
            if table.kind != "r":
                raise Changed(f"{table.name} is not a table, and its rows differ")
            self.connection.execute(sql.SQL("DELETE FROM ONLY {}").format(table.identifier))
            if table.oid in self.state.seeds:
                self._sow(table, self.state.seeds[table.oid])

    def _look(self, table: Relation) -> sql.Composed:
        """Ask whether a table differs from the template's."""
        seed = self.state.seeds.get(table.oid)
        if seed is None:
            ask = sql.SQL("SELECT {}::oid, EXISTS (SELECT FROM ONLY {})")
            return ask.format(sql.Literal(table.oid), table.identifier)
        ask = sql.SQL("SELECT {}::oid, count(*) <> {} OR count(*) FILTER (WHERE {}) > 0 FROM ONLY {}")
        rows = sql.Literal(seed.digest[0])
        return ask.format(sql.Literal(table.oid), rows, self._is_new(), table.identifier)

    def _sow(self, table: Relation, seed: Seed) -> None:
        if seed.copied is None:
            raise Changed(f"{table.name} has too many rows to bring back")
        columns = sql.SQL(", ").join(map(sql.Identifier, seed.columns))
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(table.identifier, columns)
        with self.connection.cursor().copy(copy) as stream:
            stream.write(seed.copied)
        if read_digest(self.connection, table.identifier, seed.columns) != seed.digest:
            raise Changed(f"{table.name} is not what it was")

    def _restore_sequences(self) -> None:
        for oid, (value, is_called) in read_sequences(self.connection, self.state.relations).items():
            before = self.state.sequences[oid]
            if (value, is_called) != before:
                self.connection.execute("SELECT setval(%s::oid::regclass, %s, %s)", [oid, *before])

    def _restore_statistics(self, found: dict[int, Relation]) -> None:
        """Let the planner know as little of the tables as in a fresh clone."""
        forget = sql.SQL("DELETE FROM pg_statistic WHERE {} AND {}")
        self.connection.execute(forget.format(sql.SQL(OF_OURS), self._is_new()))
        if count_statistics(self.connection) != self.state.statistics:
            raise Changed("statistics of the template are gone")
        before = [self.state.relations[oid] for oid in found if oid in self.state.relations]
        stale = [each for each in before if each.stats != found[each.oid].stats]
        if stale:
            columns = zip(*((each.oid, *each.stats) for each in stale), strict=True)
            self.connection.execute(RESTORE_STATS, [list(column) for column in columns])

    def _check_catalogue(self) -> None:
        """Raise Changed unless all rows of all catalogues are the template's."""
        looks = [
            sql.SQL("SELECT {}, count(*), count(*) FILTER (WHERE {}) FROM {}").format(
                sql.Literal(name), self._is_new(), part_of(name)
            )
            for name in self.state.catalogues
        ]
        for name, rows, new in self.connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall():
            columns, digest = self.state.catalogues[name]
            if rows == digest[0] and not new:
                continue
            if read_digest(self.connection, part_of(name), columns) != digest:
                raise Changed(f"{name} differs")

    def _check_database(self) -> None:
        [differs] = self._one(SAID_OF_DATABASE.format(sql.Literal(self._since)))
        if differs:
            raise Changed("the database itself has been altered")
        if self.connection.execute(OTHERS).fetchone():
            raise Changed("somebody has connected meanwhile")


def is_possible(connection: Connection) -> bool:
    """Tell whether the server and our role on it allow cleaning."""
    version = connection.info.server_version // 10_000
    return version == SERVER_VERSION and connection.info.parameter_status("is_superuser") == "on"


def be_alone(connection: Connection) -> None:
    """Wait for others in the database to leave, and end those that stay. Raises Changed if one does not."""
    began_s = time.monotonic()
    while others := [pid for (pid,) in connection.execute(OTHERS).fetchall()]:
        waited_s = time.monotonic() - began_s
        if waited_s > LEAVING_S + ENDING_S:
            raise Changed("somebody stays connected")
        if waited_s > LEAVING_S:
            connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [others])
        time.sleep(0.002)


def read_state(connection: Connection) -> State:
    """Read all there is to compare from a fresh clone."""
    relations = read_relations(connection)
    catalogues = connection.execute(CATALOGUES).fetchall()
    compared = {
        name: [each for each in columns if each not in VOLATILE.get(name, ())] for name, columns in catalogues
    }
    return State(
        relations=relations,
        schemas=[oid for (oid,) in connection.execute("SELECT oid FROM pg_namespace").fetchall()],
        seeds=dict(read_seeds(connection, relations)),
        sequences=read_sequences(connection, relations),
        catalogues={
            name: (columns, read_digest(connection, part_of(name), columns))
            for name, columns in compared.items()
        },
        statistics=count_statistics(connection),
    )


def read_relations(connection: Connection) -> dict[int, Relation]:
    """Read all tables, indexes, sequences and views of ours, by oid."""
    rows = connection.execute(RELATIONS).fetchall()
    return {row[0]: Relation(*row) for row in rows}


def read_seeds(connection: Connection, relations: dict[int, Relation]) -> Iterator[tuple[int, Seed]]:
    """Read the rows of all tables that have some, by the table's oid."""
    for table in relations.values():
        if table.size_bytes == 0:
            continue
        [[columns]] = connection.execute(COLUMNS, [table.oid]).fetchall()
        digest = read_digest(connection, table.identifier, columns)
        if digest[0]:
            copied = copy_rows(connection, table, columns) if digest[0] <= SEED_ROWS_MAX else None
            yield table.oid, Seed(digest, columns, copied)


def copy_rows(connection: Connection, table: Relation, columns: list[str]) -> bytes:
    """Return all rows of a table as PostgreSQL's binary copy."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(table.identifier, names)
    with connection.cursor().copy(copy) as stream:
        return b"".join(bytes(block) for block in stream)


def read_sequences(connection: Connection, relations: dict[int, Relation]) -> dict[int, tuple[int, bool]]:
    """Read what all sequences have given out, by oid."""
    looks = [
        sql.SQL("SELECT {}::oid, last_value, is_called FROM {}").format(
            sql.Literal(each.oid), each.identifier
        )
        for each in relations.values()
        if each.kind == "S"
    ]
    rows = connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall() if looks else []
    return {oid: (value, is_called) for oid, value, is_called in rows}


def read_digest(connection: Connection, source: sql.Composable, columns: list[str]) -> Digest:
    """Return the number of rows and the sum of their 64-bit hashes."""
    row = sql.SQL(", ").join(map(sql.Identifier, columns))
    ask = sql.SQL("SELECT count(*), sum(hashtextextended(ROW({})::text, 0)::numeric) FROM {}")
    [digest] = connection.execute(ask.format(row, source)).fetchall()
    return digest[0], digest[1]


def forget_statistics(connection: Connection) -> None:
    """Delete what autovacuum has learnt of the template's tables: clones of any hour begin alike."""
    connection.execute(sql.SQL("DELETE FROM pg_statistic WHERE {}").format(sql.SQL(OF_OURS)))


def count_statistics(connection: Connection) -> int:
    """Return how many columns of our tables the planner has statistics of."""
    ask = sql.SQL("SELECT count(*) FROM pg_statistic WHERE {}")
    [[count]] = connection.execute(ask.format(sql.SQL(OF_OURS))).fetchall()
    return int(count)


def part_of(catalogue: str) -> sql.Composed:
    """Return what of a catalogue belongs to the database and stays, as a FROM clause takes it."""
    name = sql.Identifier("pg_catalog", catalogue)
    if catalogue not in PARTS:
        return sql.Composed([name])
    return sql.SQL("{} WHERE {}").format(name, sql.SQL(PARTS[catalogue]))
