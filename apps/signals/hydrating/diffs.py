"""What a hydration changes in each signal: the columns that differ, before and after, as JSON text.

Read before the upsert of the same transaction. A sink takes the rows as they come.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from psycopg.sql import SQL, Composed, Identifier

from apps.common.db import uuid7
from apps.signals.hydrating.scope import Scope, signals_mart
from apps.signals.models import CONTENT_COLUMNS, Hydration, HydrationDiff
from apps.signals.states import DiffKind

STORE: Final = """
INSERT INTO signals_hydration_diff (id, created_at, updated_at, organization_id, hydration_id, signal_key,
                                    kind, before, after)
SELECT id, now(), now(), %(organization)s, %(hydration)s, signal_key, kind, before, after
FROM unnest(%(ids)s::uuid[], %(keys)s::uuid[], %(kinds)s::text[], %(befores)s::jsonb[], %(afters)s::jsonb[])
     AS given (id, signal_key, kind, before, after)
"""


@dataclass(frozen=True, slots=True)
class DiffRow:
    """What happens to one signal; `before` and `after` are JSON objects as text, or None."""

    kind: DiffKind
    signal_key: uuid.UUID
    before: str | None = None
    after: str | None = None

    @classmethod
    def of(
        cls, kind: DiffKind, key: uuid.UUID, before: dict[str, Any] | None, after: dict[str, Any] | None
    ) -> "DiffRow":
        """Return a row of plain values."""
        return cls(kind, key, _text(before), _text(after))


Sink = Callable[[Iterable[DiffRow]], None]


def store(hydration: Hydration, rows: Iterable[DiffRow]) -> None:
    """Write rows of a hydration's diff, in the caller's transaction."""
    given = list(rows)
    columns: dict[str, Any] = {
        "organization": hydration.organization_id,
        "hydration": hydration.pk,
        "ids": [uuid7() for _ in given],
        "keys": [row.signal_key for row in given],
        "kinds": [str(row.kind) for row in given],
        "befores": [row.before for row in given],
        "afters": [row.after for row in given],
    }
    with connection.cursor() as cursor:
        cursor.execute(STORE, columns)


def forget(hydration: Hydration) -> None:
    """Remove what an earlier attempt at the same hydration noted."""
    HydrationDiff.objects.filter(hydration=hydration).delete()


def content_diffs(scope: Scope, keys: Sequence[uuid.UUID]) -> list[DiffRow]:
    """Return what the upsert of these signals would create and change."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), {**scope.names, "keys": list(keys), "is_late": scope.is_late})
        return [
            DiffRow(DiffKind.CREATED if before is None else DiffKind.CHANGED, key, before, after)
            for key, before, after in cursor.fetchall()
        ]


def _statement() -> Composed:
    """Return the statement of (signal_key, before, after); before is null for a signal not known yet."""
    return SQL(
        "SELECT m.signal_key, "
        "CASE WHEN s.id IS NOT NULL THEN coalesce(differing.before, '{{}}')::text END, "
        "coalesce(differing.after, '{{}}')::text "
        "FROM unnest(%(keys)s::uuid[]) AS given (signal_key) "
        "JOIN {mart} m ON m.run_id = %(run)s AND m.signal_key = given.signal_key "
        "LEFT JOIN signals_signal s ON s.organization_id = %(organization)s "
        "AND s.signal_key = given.signal_key "
        "CROSS JOIN LATERAL (SELECT jsonb_object_agg(new.key, new.value) AS after, "
        "jsonb_object_agg(new.key, old.value) AS before "
        "FROM jsonb_each(jsonb_build_object({new})) new "
        "JOIN jsonb_each(jsonb_build_object({old})) old ON old.key = new.key "
        "WHERE old.value <> new.value OR s.id IS NULL) differing "
        "WHERE s.id IS NULL OR (NOT %(is_late)s AND (s.content_hash IS DISTINCT FROM m.content_hash "
        "OR s.absent_since_run_id IS NOT NULL)) ORDER BY m.signal_key"
    ).format(mart=signals_mart(), new=_pairs("m"), old=_pairs("s"))


def _pairs(table: str) -> Any:
    # A function takes at most 100 arguments: two for each column would be more.
    halves = (CONTENT_COLUMNS[::2], CONTENT_COLUMNS[1::2])
    pairs = ([SQL("{}, {}").format(name, Identifier(table, name)) for name in half] for half in halves)
    return SQL(") || jsonb_build_object(").join(SQL(", ").join(half) for half in pairs)


def _text(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, default=str)
