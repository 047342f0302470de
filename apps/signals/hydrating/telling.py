"""The events of a batch: what is new and needs attention, what got worse or better, what came back."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from apps.signals.hydrating.scope import Scope
from apps.signals.models import Workflow
from apps.signals.notices import tell_regression
from apps.signals.states import EventType
from apps.signals.triage.events import NewEvent, run_event_key, write_events
from apps.signals.triage.movements import Standing, movement

# Of each signal: its type and severity now, and those of its newest observation in the runs before. Not
# signal by signal: a table that is not analyzed yet would be gone through for each.
MOVEMENTS: Final = """
SELECT s.id, s.signal_type, s.severity, before.signal_type, before.severity
FROM signals_signal s
LEFT JOIN (
    SELECT DISTINCT ON (o.signal_id) o.signal_id, o.signal_type, o.severity
    FROM signals_observation o
    JOIN unnest(%(earlier)s::uuid[]) WITH ORDINALITY AS run (id, place) ON run.id = o.run_id
    WHERE o.organization_id = %(organization)s AND o.signal_id = ANY(%(signals)s::uuid[])
    ORDER BY o.signal_id, run.place DESC
) before ON before.signal_id = s.id
WHERE s.id = ANY(%(signals)s::uuid[])
ORDER BY s.signal_key
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A signal that was written: how it stands in this run, and how it stood in the one before."""

    signal_id: uuid.UUID
    after: Standing
    before: Standing | None

    @property
    def payload(self) -> dict[str, Any]:
        """Return what its events say."""
        said: dict[str, Any] = {"signal_type": self.after.signal_type, "severity": self.after.severity}
        if self.before is not None:
            said |= {
                "signal_type_before": self.before.signal_type,
                "severity_before": self.before.severity,
            }
        return said


def tell_changes(
    scope: Scope,
    written: Collection[uuid.UUID],
    *,
    created: Collection[uuid.UUID],
    returned: Collection[uuid.UUID],
    now: dt.datetime,
) -> int:
    """Write the events of the signals that were written, and tell assignees of theirs that got worse.

    Returns how many events are new.
    """
    if not written:
        return 0
    events: list[NewEvent] = []
    worse: list[Moved] = []
    for moved in _moved(scope, written):
        kinds = list(_event_types(scope, moved, set(created), set(returned)))
        events.extend(_event(scope, kind, moved, now) for kind in kinds)
        if EventType.REGRESSION in kinds:
            worse.append(moved)
    _tell_assignees(scope, worse)
    return write_events(scope.run.organization_id, events)


def _moved(scope: Scope, written: Collection[uuid.UUID]) -> Iterator[Moved]:
    given = {"signals": list(written), "earlier": list(scope.earlier)}
    with connection.cursor() as cursor:
        cursor.execute(MOVEMENTS, {**scope.names, **given})
        rows = cursor.fetchall()
    for signal_id, signal_type, severity, type_before, severity_before in rows:
        before = None if severity_before is None else Standing(type_before, severity_before)
        yield Moved(signal_id, Standing(signal_type, severity), before)


def _event_types(
    scope: Scope, moved: Moved, created: Collection[uuid.UUID], returned: Collection[uuid.UUID]
) -> Iterator[EventType]:
    if moved.signal_id in created:
        if moved.after.needs_attention:
            yield EventType.NEW_SIGNAL
        return
    if moved.signal_id in returned:
        yield EventType.REAPPEARED
    direction = movement(moved.before, moved.after, event_delta=scope.policy.event_delta)
    if direction is not None:
        yield direction


def _event(scope: Scope, kind: EventType, moved: Moved, now: dt.datetime) -> NewEvent:
    return NewEvent(
        event_type=kind,
        occurred_at=now,
        dedupe_key=run_event_key(kind, moved.signal_id, scope.run.pk),
        signal_id=moved.signal_id,
        run_id=scope.run.pk,
        payload=moved.payload,
    )


def _tell_assignees(scope: Scope, worse: list[Moved]) -> None:
    """Tell those who have a signal that got worse; once a run, as the notice knows it."""
    by_signal = {moved.signal_id: moved for moved in worse}
    held = Workflow.objects.filter(signal__in=by_signal, assignee__isnull=False)
    for workflow in held.select_related("signal__organization", "assignee") if worse else ():
        moved = by_signal[workflow.signal_id]
        if moved.before is not None:
            tell_regression(
                signal=workflow.signal,
                user=workflow.assignee,
                run=scope.run,
                before=moved.before.severity,
                after=moved.after.severity,
            )
