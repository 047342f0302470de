"""Where a signal stands: taking it up, putting it down, resolving, taking it up again, closing."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.common.errors import FieldError, Invalid
from apps.signals.models import Observation, Signal, Workflow
from apps.signals.policies import day_of
from apps.signals.queries.assignees import WORK
from apps.signals.states import STATUS_MOVES, EventType, Resolution, WorkflowStatus
from apps.signals.triage_services.workflows import (
    ASSIGN,
    check_notes,
    lock_workflow,
    not_allowed,
    require_hold,
    store_change,
)

# Why people resolve; `data_absent` is the system's own.
RESOLUTIONS: Final = tuple(
    code for code in Resolution if code not in {Resolution.NONE, Resolution.DATA_ABSENT}
)


@dataclass(frozen=True, slots=True)
class Move:
    """What was asked for, and when."""

    to: WorkflowStatus
    notes: str
    resolution_code: str
    effective_date: dt.date | None
    now: dt.datetime


@transaction.atomic
def move_signal(
    *,
    actor: Actor,
    signal: Signal,
    status: WorkflowStatus,
    notes: str = "",
    resolution_code: str = "",
    effective_date: dt.date | None = None,
    expected_version: int | None = None,
) -> Workflow:
    """Move a signal to another status; resolving takes a code, notes unless it is fixed, and a date.

    The date is the day from which the remedy works, by default today; observations of months that begin
    after it may reopen the signal. Raises Forbidden, TransitionNotAllowed, Invalid, PreconditionFailed.
    """
    require(actor, WORK)
    check_notes(notes)
    workflow = lock_workflow(signal, expected_version)
    require_hold(actor, workflow)
    before = WorkflowStatus(workflow.status)
    if status not in STATUS_MOVES[before]:
        raise not_allowed(workflow, f"A signal that is {before} cannot be moved to {status}.")
    if status == WorkflowStatus.CLOSED:
        require(actor, ASSIGN)
    move = Move(status, notes, resolution_code, effective_date, timezone.now())
    _check_details(move, signal)
    payload = {"from": before.value, "to": status.value, "notes": notes, **_resolution_of(workflow)}
    _EFFECTS[before, status](workflow, move)
    workflow.status = status
    payload |= _resolution_of(workflow)
    store_change(workflow, actor, EventType.STATUS_CHANGE, payload, move.now)
    return workflow


def first_observed_month(signal: Signal) -> dt.date:
    """Return the first month that anything is known of a signal for. Issues one query."""
    observed = Observation.objects.filter(signal=signal).aggregate(first=Min("data_period"))["first"]
    months = [dt.date.fromisoformat(point["period"]) for point in signal.timeline or ()]
    known = [month for month in (observed, signal.data_period, *months) if month is not None]
    return min(known, default=signal.first_detected_at.date()).replace(day=1)


def _check_details(move: Move, signal: Signal) -> None:
    """Raise Invalid for what does not go with the move."""
    if move.to == WorkflowStatus.RESOLVED:
        _check_resolution(move, first_observed_month(signal))
        return
    given = {"resolution_code": move.resolution_code, "effective_date": move.effective_date}
    wrong = [name for name, value in given.items() if value]
    if wrong:
        detail = "This goes with the status resolved alone."
        raise Invalid(errors=[FieldError(detail, pointer=f"/{name}") for name in wrong])


def _check_resolution(move: Move, first_month: dt.date) -> None:
    """Raise Invalid unless code, notes and date of a resolution make sense together."""
    today = day_of(move.now)
    if move.resolution_code not in RESOLUTIONS:
        code = "invalid_choice" if move.resolution_code else "required"
        raise _wrong("resolution_code", f"Give one of: {', '.join(RESOLUTIONS)}.", code)
    if not move.notes.strip() and move.resolution_code != Resolution.FIXED:
        raise _wrong("notes", "Say why; only what is fixed needs no word.", "required")
    if move.effective_date is not None and not first_month <= move.effective_date <= today:
        raise _wrong("effective_date", f"Give a day from {first_month} to {today}.", "invalid")


def _wrong(name: str, detail: str, code: str) -> Invalid:
    return Invalid(errors=[FieldError(detail, code=code, pointer=f"/{name}")])


def _resolution_of(workflow: Workflow) -> Mapping[str, Any]:
    """Return what the event says of a resolution, nothing if there is none."""
    if not workflow.resolution_code:
        return {}
    effective = workflow.effective_date
    return {
        "resolution": {
            "code": workflow.resolution_code,
            "notes": workflow.resolution_notes,
            "effective_date": effective.isoformat() if effective else None,
        }
    }


def _start(workflow: Workflow, move: Move) -> None:
    workflow.started_at = move.now


def _put_down(workflow: Workflow, _move: Move) -> None:
    workflow.started_at = None


def _resolve(workflow: Workflow, move: Move) -> None:
    workflow.resolution_code = move.resolution_code
    workflow.resolution_notes = move.notes
    workflow.effective_date = move.effective_date or day_of(move.now)
    workflow.resolved_at = move.now


def _take_up_again(workflow: Workflow, move: Move) -> None:
    """Forget the resolution; the event keeps it."""
    workflow.resolution_code = Resolution.NONE
    workflow.resolution_notes = ""
    workflow.effective_date = workflow.resolved_at = None
    # What the system resolved may never have been in progress.
    workflow.started_at = workflow.started_at or move.now


def _close(workflow: Workflow, move: Move) -> None:
    workflow.closed_at = move.now


_EFFECTS: Final[Mapping[tuple[WorkflowStatus, WorkflowStatus], Callable[[Workflow, Move], None]]] = {
    (WorkflowStatus.ASSIGNED, WorkflowStatus.IN_PROGRESS): _start,
    (WorkflowStatus.IN_PROGRESS, WorkflowStatus.ASSIGNED): _put_down,
    (WorkflowStatus.IN_PROGRESS, WorkflowStatus.RESOLVED): _resolve,
    (WorkflowStatus.RESOLVED, WorkflowStatus.IN_PROGRESS): _take_up_again,
    (WorkflowStatus.RESOLVED, WorkflowStatus.CLOSED): _close,
}
