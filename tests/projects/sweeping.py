"""Looks everywhere for what must be nowhere: secrets, contents, prompts.

    assert sweep(["ghp_..."], records=caplog.records) == []

All text, JSON and binary columns of all tables, Valkey, the storage, the mirrors, and log records are
searched, for each needle as it is and as JSON, addresses and Basic authentication would write it.
"""

import base64
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import redis
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from psycopg import sql

TEXT_TYPES: Final = frozenset(
    {"text", "character varying", "character", "json", "jsonb", "ARRAY", "xml", "inet"}
)
COLUMNS: Final = """
SELECT c.table_schema, c.table_name, c.column_name, c.data_type
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') AND t.table_type = 'BASE TABLE'
ORDER BY 1, 2, 3
"""
# Shorter pieces of base64 would be found by chance.
BASE64_CHARS_MIN: Final = 12


@dataclass(frozen=True, slots=True)
class Column:
    """One column that can hold text."""

    schema: str
    table: str
    name: str
    is_binary: bool


def sweep(
    needles: Sequence[str],
    *,
    records: Iterable[logging.LogRecord] = (),
    folders: Iterable[Path] = (),
    ignore: frozenset[str] = frozenset(),
) -> list[str]:
    """Return the places with any of the needles: `table.column`, `valkey:key`, `file:name`, `log:logger`.

    `folders` are searched besides the storage and the mirrors; `ignore` names places that may hold one.
    """
    wanted = [form for needle in needles for form in forms_of(needle)]
    places = [
        *_in_tables(wanted),
        *_in_valkey(wanted),
        *_in_files(wanted, folders),
        *_in_logs(wanted, records),
    ]
    return sorted({place for place in places if place not in ignore})


def forms_of(needle: str) -> set[bytes]:
    """Return how a text looks as it is, in JSON, in an address, and in the middle of base64."""
    raw = needle.encode()
    as_json = {json.dumps(needle, ensure_ascii=escapes)[1:-1].encode() for escapes in (True, False)}
    return {raw, quote(needle, safe="").encode(), *as_json, *_base64_forms(raw)}


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Yield the part that does not depend on neighbours, for each place in a group of three bytes."""
    for before in range(3):
        padded = b"\0" * before + raw
        whole = base64.b64encode(padded[: len(padded) // 3 * 3])
        found = whole[4 if before else 0 :]
        if len(found) >= BASE64_CHARS_MIN:
            yield found


def _in_tables(wanted: Sequence[bytes]) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        columns = [
            Column(schema, table, name, kind == "bytea")
            for schema, table, name, kind in cursor.fetchall()
            if kind in TEXT_TYPES or kind == "bytea"
        ]
        for place in sorted({(column.schema, column.table) for column in columns}):
            own = [column for column in columns if (column.schema, column.table) == place]
            yield from _in_table(cursor, own, wanted)


def _in_table(cursor: Any, columns: Sequence[Column], wanted: Sequence[bytes]) -> Iterator[str]:
    """Yield the columns of one table that hold a needle; one statement."""
    texts = ["%" + _escaped(form.decode()) + "%" for form in wanted]
    tests = [
        sql.SQL(
            "bool_or((SELECT bool_or(position(form IN {}) > 0) FROM unnest(%s::bytea[]) AS form))"
        ).format(sql.Identifier(column.name))
        if column.is_binary
        else sql.SQL("bool_or({}::text LIKE ANY(%s::text[]))").format(sql.Identifier(column.name))
        for column in columns
    ]
    table = sql.Identifier(columns[0].schema, columns[0].table)
    statement = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(tests), table)
    cursor.execute(statement, [list(wanted) if column.is_binary else texts for column in columns])
    for column, is_found in zip(columns, cursor.fetchone(), strict=True):
        if is_found:
            yield f"{column.table}.{column.name}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _in_valkey(wanted: Sequence[bytes]) -> Iterator[str]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter():
            content = key + b" " + _content(client, key)
            if any(form in content for form in wanted):
                yield f"valkey:{key.decode(errors='replace')}"


def _content(client: "redis.Redis", key: bytes) -> bytes:
    """Return all that a key holds as bytes; a needle stays in one piece."""
    commands: dict[Any, tuple[Any, ...]] = {
        b"string": ("GET", key),
        b"hash": ("HGETALL", key),
        b"list": ("LRANGE", key, 0, -1),
        b"set": ("SMEMBERS", key),
        b"zset": ("ZRANGE", key, 0, -1),
        b"stream": ("XRANGE", key, "-", "+"),
    }
    command = commands.get(client.type(key))
    return b"\n".join(_pieces(client.execute_command(*command))) if command else b""  # type: ignore[no-untyped-call]


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _pieces(name)
            yield from _pieces(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _pieces(item)


def _in_files(wanted: Sequence[bytes], more: Iterable[Path]) -> Iterator[str]:
    folders = [Path(default_storage.location), Path(settings.PROJECTS_DATA_DIR), *more]  # type: ignore[attr-defined]
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes()
                if any(form in content for form in wanted):
                    yield f"file:{path.relative_to(folder)}"


def _in_logs(wanted: Sequence[bytes], records: Iterable[logging.LogRecord]) -> Iterator[str]:
    for record in records:
        said = f"{record.getMessage()} {record.__dict__!r} {logging.Formatter().format(record)}".encode()
        if any(form in said for form in wanted):
            yield f"log:{record.name}"
