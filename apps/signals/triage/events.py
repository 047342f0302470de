"""The feed's lines: each is written once, however often what it tells is done again."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from apps.accounts.models import User
from apps.common.db import uuid7
from apps.signals.states import EventType

INSERT = """
INSERT INTO signals_event (id, created_at, updated_at, organization_id, event_type, signal_id, run_id,
                           actor_id, payload, occurred_at, dedupe_key)
SELECT id, now(), now(), %(organization)s, event_type, signal_id, run_id, actor_id, payload, occurred_at,
       dedupe_key
FROM unnest(%(ids)s::uuid[], %(types)s::text[], %(signals)s::uuid[], %(runs)s::uuid[], %(actors)s::uuid[],
            %(payloads)s::jsonb[], %(times)s::timestamptz[], %(keys)s::text[])
     AS given (id, event_type, signal_id, run_id, actor_id, payload, occurred_at, dedupe_key)
ON CONFLICT (organization_id, dedupe_key) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written; of equal `dedupe_key`s in an organization the first one counts."""

    event_type: EventType
    occurred_at: dt.datetime
    dedupe_key: str
    signal_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    actor_id: uuid.UUID | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


def run_event_key(event_type: EventType, signal_id: uuid.UUID | None, run_id: uuid.UUID) -> str:
    """Return the dedupe key of what a run brings about: once by type, signal and run."""
    return f"{event_type}:{signal_id or '-'}:{run_id}"


def write_events(organization_id: uuid.UUID, events: Iterable[NewEvent]) -> int:
    """Write events in one statement, in the caller's transaction; returns how many were not there before."""
    given = list(events)
    if not given:
        return 0
    columns: dict[str, Any] = {
        "organization": organization_id,
        "ids": [uuid7() for _ in given],
        "types": [str(event.event_type) for event in given],
        "signals": [event.signal_id for event in given],
        "runs": [event.run_id for event in given],
        "actors": [event.actor_id for event in given],
        "payloads": [Jsonb(dict(event.payload)) for event in given],
        "times": [event.occurred_at for event in given],
        "keys": [event.dedupe_key for event in given],
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, columns)
        return int(cursor.rowcount)


def write_event(
    *,
    event_type: EventType,
    organization_id: uuid.UUID,
    signal_id: uuid.UUID | None = None,
    run_id: uuid.UUID | None = None,
    actor: User | None = None,
    payload: Mapping[str, Any],
    occurred_at: dt.datetime,
    dedupe_key: str,
) -> bool:
    """Write an event unless its key is known already; tells whether it was new."""
    event = NewEvent(
        event_type=event_type,
        occurred_at=occurred_at,
        dedupe_key=dedupe_key,
        signal_id=signal_id,
        run_id=run_id,
        actor_id=actor.pk if actor is not None else None,
        payload=payload,
    )
    return write_events(organization_id, [event]) == 1
