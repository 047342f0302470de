"""What the run no longer holds: signals vanish, are counted absent run by run, unless too many would.

Everything here is one transaction with the move of the graph's current run: either a run was gone through to
its end or it was not.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from psycopg.sql import SQL, Composed

from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.signals.hydrating.diffs import DiffRow, Sink
from apps.signals.hydrating.scope import Scope, signals_mart
from apps.signals.states import DiffKind, EventType
from apps.signals.triage.events import NewEvent, run_event_key, write_event, write_events

GUARD_MIN: Final = 20
EVENTS_AT_ONCE: Final = 1_000
# Present signals of nodes in the run's index: alone these can vanish. `is_gone`: the run has no row of it.
CANDIDATES: Final = """
SELECT s.id, NOT EXISTS (
    SELECT FROM {mart} m WHERE m.run_id = %(run)s AND m.signal_key = s.signal_key
) AS is_gone
FROM signals_signal s
JOIN signals_node node ON node.run_id = %(run)s AND node.node_id = s.node_id
WHERE s.organization_id = %(organization)s AND s.graph_id = %(graph)s AND s.absent_since_run_id IS NULL
"""
VANISH: Final = """
UPDATE signals_signal s
SET absent_since_run_id = %(run)s, absent_runs = 1, updated_at = %(now)s
FROM ({candidates}) candidate
WHERE s.id = candidate.id AND candidate.is_gone
RETURNING s.id, s.signal_key, s.signal_type, s.severity
"""
# How many runs a signal is absent for: those from its first absence to this one that knew its node and were
# hydrated to the end. Counted anew each time, so that a run that is hydrated twice counts once.
COUNT_ABSENT: Final = """
WITH counted AS (
    SELECT s.id, count(DISTINCT r.run_id) AS runs
    FROM signals_signal s
    JOIN signals_node here ON here.run_id = %(run)s AND here.node_id = s.node_id
    JOIN signals_run since ON since.id = s.absent_since_run_id
    JOIN signals_run r ON r.graph_id = s.graph_id
     AND (r.started_at, r.run_id) >= (since.started_at, since.run_id)
     AND (r.started_at, r.run_id) <= (%(run_started_at)s, %(run_name)s)
    WHERE s.organization_id = %(organization)s AND s.graph_id = %(graph)s
      AND s.absent_since_run_id IS NOT NULL
      AND (r.id IN (%(run)s, since.id) OR EXISTS (
          SELECT FROM signals_hydration h
          JOIN signals_node n ON n.run_id = h.run_id AND n.node_id = s.node_id
          WHERE h.run_id = r.id AND h.status = %(succeeded)s AND NOT h.dry_run AND NOT h.partial
      ))
    GROUP BY s.id
)
UPDATE signals_signal s
SET absent_runs = least(counted.runs, 32767), updated_at = %(now)s
FROM counted
WHERE s.id = counted.id AND s.absent_runs <> counted.runs
"""


class VanishGuard(Conflict):
    """Too many signals would vanish at once; none did.

    What the run holds was written. Look whether the run is complete; with `force` the signals vanish.
    """

    code = "signals.vanish_guard"


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many signals could vanish, and how many would."""

    present: int
    gone: int

    def is_too_much(self, share: float) -> bool:
        """Tell whether the guard stops it: of 20 or more, a larger share than the policy allows."""
        return self.present >= GUARD_MIN and self.gone > share * self.present


def look_ahead(scope: Scope) -> Outlook:
    """Return how many signals the run's nodes have, and how many of them it no longer holds."""
    counted = SQL("SELECT count(*), count(*) FILTER (WHERE is_gone) FROM ({}) candidate")
    statement = counted.format(_candidates())
    with connection.cursor() as cursor:
        cursor.execute(statement, scope.names)
        present, gone = cursor.fetchone()
    return Outlook(present, gone)


def vanish(scope: Scope, outlook: Outlook, *, now: dt.datetime, sink: Sink | None) -> tuple[int, int]:
    """Let the signals vanish that the run no longer holds, and count the absent ones.

    Returns how many vanished and how many events that made.
    """
    names = {
        **scope.names,
        "run_name": scope.run.run_id,
        "now": now,
        "succeeded": JobStatus.SUCCEEDED,
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNT_ABSENT, names)
        rows = []
        if outlook.gone:
            cursor.execute(SQL(VANISH).format(candidates=_candidates()), names)
            rows = cursor.fetchall()
    if sink:
        sink(_diff_row(scope, key) for _, key, _, _ in rows)
    events = [_event(scope, id_, signal_type, severity, now) for id_, _, signal_type, severity in rows]
    written = sum(
        write_events(scope.run.organization_id, events[start : start + EVENTS_AT_ONCE])
        for start in range(0, len(events), EVENTS_AT_ONCE)
    )
    return len(rows), written


def tell_guarded(scope: Scope, outlook: Outlook, *, now: dt.datetime) -> bool:
    """Write the event that the guard held; tells whether it is new."""
    return write_event(
        event_type=EventType.TECHNICAL_ERROR,
        organization_id=scope.run.organization_id,
        run_id=scope.run.pk,
        payload={"code": VanishGuard.code, "present": outlook.present, "would_vanish": outlook.gone},
        occurred_at=now,
        dedupe_key=f"{run_event_key(EventType.TECHNICAL_ERROR, None, scope.run.pk)}:{VanishGuard.code}",
    )


def _candidates() -> Composed:
    return SQL(CANDIDATES).format(mart=signals_mart())


def _diff_row(scope: Scope, key: uuid.UUID) -> DiffRow:
    after: dict[str, Any] = {"absent_since_run": str(scope.run.pk), "absent_runs": 1}
    return DiffRow.of(DiffKind.VANISHED, key, {"absent_since_run": None, "absent_runs": 0}, after)


def _event(scope: Scope, signal_id: uuid.UUID, signal_type: str, severity: int, now: dt.datetime) -> NewEvent:
    return NewEvent(
        event_type=EventType.DISAPPEARED,
        occurred_at=now,
        dedupe_key=run_event_key(EventType.DISAPPEARED, signal_id, scope.run.pk),
        signal_id=signal_id,
        run_id=scope.run.pk,
        payload={"signal_type": signal_type, "severity": severity},
    )
