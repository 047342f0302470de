"""Relapse (signals.md section 7): what was resolved or closed is reopened when the data say it is back.

Months count, not sightings: an observation counts only if its data begin after the day from which the fix
was to hold.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.db import connection

from apps.signals.announcing import announce_workflow
from apps.signals.models import Assignment, Policy, Run, Signal, Workflow
from apps.signals.notices import tell_reopened
from apps.signals.policies import day_of, relapse_rule
from apps.signals.queries.assignees import working_members
from apps.signals.states import ATTENTION_TYPES, EventType, Resolution, WorkflowStatus
from apps.signals.triage.events import NewEvent, run_event_key, write_events

SETTLED: Final = (WorkflowStatus.RESOLVED, WorkflowStatus.CLOSED)
LEFT: Final = "left"
# The newest first, up to the run that is hydrated.
OBSERVED: Final = """
SELECT o.signal_id, o.signal_type, o.data_period
FROM signals_observation o
JOIN unnest(%(runs)s::uuid[]) WITH ORDINALITY AS run (id, place) ON run.id = o.run_id
WHERE o.organization_id = %(organization)s AND o.signal_id = ANY(%(signals)s::uuid[])
ORDER BY o.signal_id, run.place DESC
"""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run said of a signal; `data_period` is the first day of its newest month."""

    signal_type: str
    data_period: dt.date | None

    def counts_after(self, effective: dt.date) -> bool:
        """Tell whether the observation speaks against a fix that was to hold from that day."""
        return (
            self.signal_type in ATTENTION_TYPES
            and self.data_period is not None
            and self.data_period > effective
        )


@dataclass(frozen=True, slots=True)
class Relapse:
    """Why a signal is reopened: `k` of its last `n` observations had to count, those of `months` did."""

    k: int
    n: int
    months: tuple[dt.date, ...]


@dataclass(frozen=True, slots=True)
class Reopened:
    """A workflow that was reopened, with the columns that changed."""

    signal_key: uuid.UUID
    before: dict[str, Any]
    after: dict[str, Any]


def find_relapse(observed: Sequence[Observed], effective: dt.date, rule: tuple[int, int]) -> Relapse | None:
    """Return the relapse that the observations, the newest first, amount to by [k, n]; None if they don't."""
    k, n = rule
    if not observed or not observed[0].counts_after(effective):
        return None
    counting = [seen.data_period for seen in observed[:n] if seen.counts_after(effective)]
    if len(counting) < k:
        return None
    return Relapse(k, n, tuple(sorted(month for month in counting if month is not None)))


def reopen_relapsed(
    run: Run, policy: Policy, earlier: Sequence[uuid.UUID], signals: Sequence[uuid.UUID], *, now: dt.datetime
) -> list[Reopened]:
    """Reopen those of the signals that are back by this run, in the caller's transaction.

    `signals` are those of which the run says something new: so a run that is hydrated once more undoes
    nothing that people decided since. The rows are locked, because people may be at them.
    """
    if not signals:
        return []
    # The assignee by a statement of its own: one that is joined is not read anew after waiting for the lock.
    locked = Workflow.objects.select_for_update(of=("self",))
    settled = locked.select_related("signal").prefetch_related("assignee")
    rows = settled.filter(organization=run.organization_id, signal__in=list(signals), status__in=SETTLED)
    workflows: list[Workflow] = list(rows.order_by("signal_id"))
    if not workflows:
        return []
    observed = _observed(run, [*earlier, run.pk], [workflow.signal_id for workflow in workflows])
    at_work = _still_at_work(run, workflows)
    reopened = []
    for workflow in workflows:
        seen = observed.get(workflow.signal_id, [])
        rule = relapse_rule(policy, seen[0].signal_type) if seen else (1, 1)
        relapse = find_relapse(seen, _effective_day(workflow, now), rule)
        if relapse is not None and _tell(workflow, run, relapse, now):
            reopened.append(_reopen(workflow, run, relapse, at_work, now))
    return reopened


def _observed(
    run: Run, runs: list[uuid.UUID], signals: list[uuid.UUID]
) -> Mapping[uuid.UUID, list[Observed]]:
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"organization": run.organization_id, "runs": runs, "signals": signals}
        cursor.execute(OBSERVED, given)
        rows = cursor.fetchall()
    return {
        signal_id: [Observed(signal_type, period) for _, signal_type, period in found]
        for signal_id, found in groupby(rows, key=itemgetter(0))
    }


def _still_at_work(run: Run, workflows: Sequence[Workflow]) -> set[uuid.UUID]:
    """Return those of the assignees to whom a signal can still be given."""
    wanted = {workflow.assignee_id for workflow in workflows if workflow.assignee_id is not None}
    members = working_members(run.organization).filter(user__in=wanted)
    return {member.user_id for member in members}


def _effective_day(workflow: Workflow, now: dt.datetime) -> dt.date:
    return workflow.effective_date or day_of(workflow.resolved_at or now)


def _tell(workflow: Workflow, run: Run, relapse: Relapse, now: dt.datetime) -> bool:
    """Write the event; tells whether it is new: a run reopens a signal once, whatever people do after."""
    effective = workflow.effective_date
    event = NewEvent(
        event_type=EventType.REOPENED,
        occurred_at=now,
        dedupe_key=run_event_key(EventType.REOPENED, workflow.signal_id, run.pk),
        signal_id=workflow.signal_id,
        run_id=run.pk,
        payload={
            "from": workflow.status,
            "months": [month.isoformat() for month in relapse.months],
            "k": relapse.k,
            "n": relapse.n,
            "resolution": {
                "code": workflow.resolution_code,
                "notes": workflow.resolution_notes,
                "effective_date": effective.isoformat() if effective else None,
            },
        },
    )
    return write_events(run.organization_id, [event]) == 1


def _reopen(
    workflow: Workflow, run: Run, relapse: Relapse, at_work: set[uuid.UUID], now: dt.datetime
) -> Reopened:
    before = _shown(workflow)
    if workflow.assignee_id in at_work:
        workflow.status = WorkflowStatus.ASSIGNED
    else:
        _take_from_who_left(workflow, now)
    workflow.resolution_code = Resolution.NONE
    workflow.resolution_notes = ""
    workflow.effective_date = workflow.resolved_at = workflow.closed_at = workflow.started_at = None
    workflow.reopen_count += 1
    workflow.reopened_at = now
    workflow.version += 1
    workflow.save()
    announce_workflow(workflow)
    signal: Signal = workflow.signal
    if workflow.assignee is not None:
        tell_reopened(
            signal=signal,
            user=workflow.assignee,
            run=run,
            months=relapse.months,
            needed=relapse.k,
            looked_at=relapse.n,
        )
    return Reopened(signal.signal_key, before, _shown(workflow))


def _take_from_who_left(workflow: Workflow, now: dt.datetime) -> None:
    still_open = Assignment.objects.filter(signal=workflow.signal_id, ended_at__isnull=True)
    still_open.update(ended_at=now, end_reason=LEFT, updated_at=now)
    workflow.status = WorkflowStatus.NEW
    workflow.assignee = workflow.role_type = workflow.assigned_at = None


def _shown(workflow: Workflow) -> dict[str, Any]:
    return {
        "status": str(workflow.status),
        "resolution_code": str(workflow.resolution_code),
        "reopen_count": workflow.reopen_count,
    }
