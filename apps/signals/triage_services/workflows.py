"""What every change of a workflow shares: the locked row, who may, its version, event and history."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from apps.accounts.models import User
from apps.accounts.permissions import Actor
from apps.common.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from apps.signals.announcing import announce_workflow
from apps.signals.models import Assignment, Signal, Workflow
from apps.signals.states import STATUS_MOVES, EventType, WorkflowStatus
from apps.signals.triage.events import write_event

NOTES_CHARS: Final = 4_000
ASSIGN: Final = "signals.assign"


class TransitionNotAllowed(Conflict):
    """The signal cannot be moved there from where it stands.

    `allowed` lists the statuses that it can be moved to now.
    Assigning and unassigning are calls of their own.
    """

    code = "signals.transition_not_allowed"


def lock_workflow(signal: Signal, expected_version: int | None = None) -> Workflow:
    """Return the workflow row of a signal, locked until the transaction ends.

    Raises NotFound, and PreconditionFailed if its version is another one than expected.
    """
    # Locked, so that of two people who move one signal at once the second sees what the first has done, and
    # no version is given twice. Without a join: PostgreSQL reads a row anew that it has waited for, but not
    # what was joined to it, and the assignee would be the one before.
    rows = Workflow.objects.select_for_update()
    workflow: Workflow | None = rows.filter(signal=signal, organization=signal.organization_id).first()
    if workflow is None:
        raise NotFound("There is no such signal.")
    if expected_version is not None and workflow.version != expected_version:
        raise PreconditionFailed
    return workflow


def is_assignee(actor: Actor, workflow: Workflow) -> bool:
    """Tell whether the signal is the actor's; a key stands for who made it."""
    return actor.person is not None and workflow.assignee_id == actor.person.pk


def require_hold(actor: Actor, workflow: Workflow) -> None:
    """Raise Forbidden unless the signal is the actor's, or they may assign."""
    if not is_assignee(actor, workflow) and not actor.may(ASSIGN):
        raise Forbidden("This needs the permission signals.assign, or that the signal is yours.")


def not_allowed(workflow: Workflow, detail: str) -> TransitionNotAllowed:
    """Return the refusal of a move, with the statuses that the signal can be moved to."""
    moves = STATUS_MOVES[WorkflowStatus(workflow.status)]
    allowed = [status.value for status in WorkflowStatus if status in moves]
    return TransitionNotAllowed(detail, extra={"allowed": allowed})


def check_notes(notes: str, pointer: str = "/notes") -> None:
    """Raise Invalid for notes that are longer than NOTES_CHARS."""
    if len(notes) > NOTES_CHARS:
        detail = f"Write at most {NOTES_CHARS:,} characters."
        raise Invalid(errors=[FieldError(detail, code="max_length", pointer=pointer)])


def store_change(
    workflow: Workflow, actor: Actor, event_type: EventType, payload: Mapping[str, Any], now: dt.datetime
) -> None:
    """Write a changed workflow as its next version, with the event that tells of it; publish after commit."""
    workflow.version += 1
    workflow.save()
    write_event(
        event_type=event_type,
        organization_id=workflow.organization_id,
        signal_id=workflow.signal_id,
        actor=actor.person,
        payload={**payload, "version": workflow.version},
        occurred_at=now,
        dedupe_key=f"{event_type}:{workflow.signal_id}:v{workflow.version}",
    )
    announce_workflow(workflow)


def begin_assignment(workflow: Workflow, *, assigner: User | None, notes: str, now: dt.datetime) -> None:
    """Open a line of the history for the workflow's assignee."""
    Assignment.objects.create(
        organization_id=workflow.organization_id,
        signal_id=workflow.signal_id,
        assignee=workflow.assignee,
        assigner=assigner,
        role_type=workflow.role_type or "",
        notes=notes,
        assigned_at=now,
    )


def end_assignment(workflow: Workflow, reason: str, now: dt.datetime) -> None:
    """Close the open line of the history, if there is one."""
    still_open = Assignment.objects.filter(signal_id=workflow.signal_id, ended_at__isnull=True)
    still_open.update(ended_at=now, end_reason=reason, updated_at=now)
