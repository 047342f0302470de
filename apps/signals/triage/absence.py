"""Resolving what the data no longer hold (signals.md section 7): after so many runs nobody need look."""

import datetime as dt
import uuid
from typing import Any, Final

from django.db import connection

from apps.signals.models import Policy, Run
from apps.signals.states import EventType
from apps.signals.triage.events import NewEvent, write_events

EVENTS_AT_ONCE: Final = 1_000
# Once in each absence: who takes such a signal up again is not overruled by the next run.
RESOLVE: Final = """
WITH due AS (
    SELECT w.id, w.status, s.signal_key, s.absent_runs,
           'data_absent:' || s.id || ':' || s.absent_since_run_id AS dedupe_key
    FROM signals_workflow w
    JOIN signals_signal s ON s.id = w.signal_id
    WHERE s.organization_id = %(organization)s AND s.graph_id = %(graph)s
      AND s.absent_since_run_id IS NOT NULL AND s.absent_runs >= %(needed)s
      AND w.status IN ('new', 'assigned', 'in_progress')
      AND NOT EXISTS (
          SELECT FROM signals_event e
          WHERE e.organization_id = %(organization)s
            AND e.dedupe_key = 'data_absent:' || s.id || ':' || s.absent_since_run_id
      )
    ORDER BY w.signal_id
    FOR NO KEY UPDATE OF w
)
UPDATE signals_workflow w
SET status = 'resolved', resolution_code = 'data_absent', resolution_notes = '', resolved_at = %(now)s,
    effective_date = %(effective)s, version = w.version + 1, updated_at = %(now)s
FROM due
WHERE w.id = due.id
RETURNING w.signal_id, due.signal_key, due.status, due.absent_runs, due.dedupe_key, w.version
"""


def resolve_absent(run: Run, policy: Policy, *, now: dt.datetime) -> list[tuple[uuid.UUID, str]]:
    """Resolve the open signals of the run's graph that are absent long enough, in the caller's transaction.

    Returns (signal_key, status before) of each. The fix counts from the run's newest month on, so that data
    of a later one can reopen the signal. A policy of 0 runs resolves nothing.
    """
    needed = policy.auto_resolve_absent_runs
    if not needed:
        return []
    effective = run.data_period or now.astimezone(dt.UTC).date()
    names: dict[str, Any] = {"organization": run.organization_id, "graph": run.graph_id, "needed": needed}
    with connection.cursor() as cursor:
        cursor.execute(RESOLVE, {**names, "effective": effective, "now": now})
        rows = cursor.fetchall()
    events = [
        NewEvent(
            event_type=EventType.STATUS_CHANGE,
            occurred_at=now,
            dedupe_key=dedupe_key,
            signal_id=signal_id,
            run_id=run.pk,
            payload={
                "from": status,
                "to": "resolved",
                "notes": "",
                "resolution": {
                    "code": "data_absent",
                    "notes": "",
                    "effective_date": effective.isoformat(),
                },
                "absent_runs": absent_runs,
                "version": version,
            },
        )
        for signal_id, _, status, absent_runs, dedupe_key, version in rows
    ]
    for start in range(0, len(events), EVENTS_AT_ONCE):
        write_events(run.organization_id, events[start : start + EVENTS_AT_ONCE])
    return [(key, status) for _, key, status, *_ in rows]
