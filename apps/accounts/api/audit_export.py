"""The audit as a download: lines of JSON, or CSV. Read in batches, so its length costs no memory."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import orjson
from django.db.models import Q, QuerySet

from apps.accounts.api.serializers import AuditOut
from apps.accounts.models import AuditEntry

CONTENT_TYPES: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
READ_AT_ONCE: Final = 1_000
COLUMNS: Final = (
    "sequence", "id", "created_at", "actor_type", "actor_id", "actor_label", "verb", "target_type",
    "target_id", "target_label", "changes", "ip", "user_agent", "request_id", "hash",
)  # fmt: skip


def write_export(format_: str, entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    """Yield the download in pieces of some hundred entries."""
    write: Callable[[Any], bytes] = _line_of_json if format_ == "ndjson" else _line_of_csv
    if format_ == "csv":
        yield _csv_line(COLUMNS)
    for batch in _batches(entries):
        yield b"".join(write(value) for value in AuditOut(batch, many=True).data)


def _batches(entries: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    """Yield the entries, oldest first. Each batch is one query: no cursor is held while a client dawdles."""
    ordered = entries.order_by("created_at", "pk")
    batch = list(ordered[:READ_AT_ONCE])
    while batch:
        yield batch
        last = batch[-1]
        behind = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
        # The first bound is implied by the second; it is what the index can use.
        batch = list(ordered.filter(behind, created_at__gte=last.created_at)[:READ_AT_ONCE])


def _line_of_json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _line_of_csv(value: Any) -> bytes:
    flat = dict(value) | {
        f"{who}_{name}": value[who][name] for who in ("actor", "target") for name in ("type", "id", "label")
    }
    flat["changes"] = orjson.dumps(value["changes"], option=orjson.OPT_SORT_KEYS).decode()
    return _csv_line([_defused(flat[name]) for name in COLUMNS])


def _csv_line(values: Iterable[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return buffer.getvalue().encode()


def _defused(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula: agents and names are written by strangers."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
