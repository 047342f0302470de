"""Who has a signal: giving it to somebody, handing it over, giving it back."""

import datetime as dt
import uuid
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.permissions import Actor, require
from apps.common.errors import FieldError, Invalid
from apps.signals.models import RoleType, Signal, Workflow
from apps.signals.notices import tell_assigned
from apps.signals.policies import role_types_of
from apps.signals.queries.assignees import WORK, working_members
from apps.signals.states import ASSIGNABLE, EventType, WorkflowStatus
from apps.signals.triage_services.workflows import (
    ASSIGN,
    begin_assignment,
    check_notes,
    end_assignment,
    is_assignee,
    lock_workflow,
    not_allowed,
    require_hold,
    store_change,
)

# Why a line of the history ended.
HANDED_OVER: Final = "handed_over"
REASSIGNED: Final = "reassigned"
UNASSIGNED: Final = "unassigned"


class AssigneeInvalid(Invalid):
    """The signal cannot be given to this person.

    An assignee is a member of the organization who may work on signals.
    """

    code = "signals.assignee_invalid"


@transaction.atomic
def assign_signal(
    *,
    actor: Actor,
    signal: Signal,
    assignee_id: uuid.UUID,
    role_type: str,
    notes: str = "",
    expected_version: int | None = None,
) -> Workflow:
    """Give a signal to a person under a role type; what was in progress is assigned again.

    A new one may be taken by oneself; whatever somebody has, its assignee hands over, or who may assign.
    Raises Forbidden, AssigneeInvalid, Invalid, TransitionNotAllowed also for who has it already, and
    PreconditionFailed.
    """
    require(actor, WORK)
    check_notes(notes)
    workflow = lock_workflow(signal, expected_version)
    _require_giving(actor, workflow, assignee_id)
    if workflow.status not in ASSIGNABLE:
        raise not_allowed(workflow, f"A signal that is {workflow.status} cannot be given to anybody.")
    if workflow.status != WorkflowStatus.NEW and workflow.assignee_id == assignee_id:
        raise not_allowed(workflow, "This person has the signal already.")
    _check_role_type(signal, role_type)
    assignee = _assignee(signal, assignee_id)
    _give(workflow, actor, assignee=assignee, role_type=role_type, notes=notes, now=timezone.now())
    if actor.person != assignee:
        tell_assigned(workflow, signal=signal, user=assignee, notes=notes)
    return workflow


@transaction.atomic
def unassign_signal(
    *, actor: Actor, signal: Signal, notes: str = "", expected_version: int | None = None
) -> Workflow:
    """Give an assigned signal back, so that it is new; raises Forbidden, TransitionNotAllowed,
    PreconditionFailed."""
    require(actor, WORK)
    check_notes(notes)
    workflow = lock_workflow(signal, expected_version)
    if workflow.status != WorkflowStatus.ASSIGNED:
        raise not_allowed(workflow, f"A signal that is {workflow.status} cannot be given back.")
    require_hold(actor, workflow)
    now = timezone.now()
    payload = _payload(workflow, to=WorkflowStatus.NEW, assignee=None, notes=notes)
    end_assignment(workflow, UNASSIGNED, now)
    workflow.status = WorkflowStatus.NEW
    workflow.assignee = workflow.role_type = workflow.assigned_at = None
    store_change(workflow, actor, EventType.ASSIGNMENT, payload, now)
    return workflow


def _require_giving(actor: Actor, workflow: Workflow, assignee_id: uuid.UUID) -> None:
    """Raise Forbidden unless the actor may give the signal to this person."""
    takes_new = workflow.status == WorkflowStatus.NEW and actor.person is not None
    if takes_new and actor.person.pk == assignee_id:  # type: ignore[union-attr]
        return
    if workflow.status == WorkflowStatus.NEW:
        require(actor, ASSIGN)
    else:
        require_hold(actor, workflow)


def _give(
    workflow: Workflow, actor: Actor, *, assignee: User, role_type: str, notes: str, now: dt.datetime
) -> None:
    payload = _payload(workflow, to=WorkflowStatus.ASSIGNED, assignee=assignee, notes=notes)
    end_assignment(workflow, HANDED_OVER if is_assignee(actor, workflow) else REASSIGNED, now)
    workflow.status = WorkflowStatus.ASSIGNED
    workflow.assignee = assignee
    workflow.role_type = role_type
    workflow.assigned_at = now
    workflow.started_at = None
    begin_assignment(workflow, assigner=actor.person, notes=notes, now=now)
    store_change(workflow, actor, EventType.ASSIGNMENT, {**payload, "role_type": role_type}, now)


def _payload(
    workflow: Workflow, *, to: WorkflowStatus, assignee: User | None, notes: str
) -> dict[str, str | None]:
    """Return what the event says; of people the ids alone, names are looked up when it is shown."""
    before = workflow.assignee_id
    return {
        "from": workflow.status,
        "to": to.value,
        "previous_assignee": str(before) if before else None,
        "assignee": str(assignee.pk) if assignee else None,
        "notes": notes,
    }


def _assignee(signal: Signal, assignee_id: uuid.UUID) -> User:
    """Return the member to whom signals can be given; raises AssigneeInvalid."""
    membership = working_members(signal.organization).filter(user=assignee_id).first()
    if membership is None:
        detail = "Name a member who may work on signals."
        wrong = FieldError(detail, code=AssigneeInvalid.code, pointer="/assignee_id")
        raise AssigneeInvalid(errors=[wrong])
    return membership.user


def _check_role_type(signal: Signal, role_type: str) -> None:
    """Raise Invalid unless the organization has this role type, and it is active."""
    known: list[RoleType] = role_types_of(signal.organization)
    active = [found.code for found in known if found.active]
    if role_type not in active:
        detail = f"Give one of: {', '.join(active)}." if active else "There is no active role type."
        raise Invalid(errors=[FieldError(detail, code="invalid_choice", pointer="/role_type")])
