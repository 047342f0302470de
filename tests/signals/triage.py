"""Acts on signals over the API, as the tests of triage do them."""

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from apps.common.errors import DomainError
from apps.signals.models import Assignment, Comment, Event, Signal, Workflow
from apps.signals.states import WorkflowStatus
from apps.signals.triage_services import add_comment, assign_signal, move_signal, unassign_signal
from tests.factories.signals import ROLE_TYPE
from tests.furniture.people import Person

# How often what was accepted or refused on which signal, by its id.
Done = Counter[tuple[uuid.UUID, str]]
CHANGES = ("assign", "unassign", "move")


def url(signal: Signal, *parts: str) -> str:
    return "/".join(["/api/v1/signals", str(signal.pk), *parts])


def id_of(person: Person) -> uuid.UUID:
    assert person.user is not None
    return person.user.pk


def assign(person: Person, signal: Signal, to: Person, **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    body = {"assignee_id": str(id_of(to)), "role_type": ROLE_TYPE, **fields}
    return person.api.post(url(signal, "assign"), body, format="json", headers=headers)


def unassign(person: Person, signal: Signal, **fields: Any) -> Any:
    return person.api.post(url(signal, "unassign"), fields, format="json")


def move(person: Person, signal: Signal, status: str, **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    body = {"status": status, **fields}
    return person.api.patch(url(signal, "status"), body, format="json", headers=headers)


def comment(person: Person, signal: Signal, body: str) -> Any:
    return person.api.post(url(signal, "comments"), {"body": body}, format="json")


def workflow_of(signal: Signal) -> Workflow:
    workflow: Workflow = Workflow.objects.get(signal=signal)
    return workflow


def outcome(answer: Any) -> Any:
    """Return the status and, of a refusal, its code."""
    code = answer.status_code
    return code if code < 400 else (code, answer.json()["code"])


def act_at_random(person: Person, others: Sequence[Person], signal: Signal, dice: random.Random) -> str:
    """Do something at random; return what was accepted, or the class of the refusal."""
    kind = dice.choice(["assign", "unassign", "move", "move", "comment"])
    try:
        if kind == "assign":
            to = dice.choice(others)
            assign_signal(actor=person.actor, signal=signal, assignee_id=id_of(to), role_type=ROLE_TYPE)
        elif kind == "unassign":
            unassign_signal(actor=person.actor, signal=signal)
        elif kind == "move":
            status = dice.choice(
                [WorkflowStatus.IN_PROGRESS, WorkflowStatus.ASSIGNED, WorkflowStatus.RESOLVED]
            )
            code = "fixed" if status == WorkflowStatus.RESOLVED else ""
            move_signal(actor=person.actor, signal=signal, status=status, resolution_code=code)
        else:
            add_comment(actor=person.actor, signal=signal, body="Said.")
    except DomainError as error:
        return type(error).__name__
    return kind


def assert_nothing_lost(signal: Signal, done: Done) -> None:
    """Every accepted act on a signal is there, versions have no gaps, and only the rules refused any."""
    refused = {kind for _, kind in done} - {*CHANGES, "comment"}
    assert refused <= {"TransitionNotAllowed"}
    accepted = sum(done[signal.pk, kind] for kind in CHANGES)
    events = Event.objects.filter(signal=signal, event_type__in=["assignment", "status_change"])
    versions = sorted(events.values_list("payload__version", flat=True))
    assert versions == list(range(2, accepted + 2))
    assert workflow_of(signal).version == accepted + 1
    assert Comment.objects.filter(signal=signal).count() == done[signal.pk, "comment"]
    assert Assignment.objects.filter(signal=signal).count() == done[signal.pk, "assign"]
    _assert_chained(signal)


def _assert_chained(signal: Signal) -> None:
    """Each change starts where the one before ended, and the history tells the same as the workflow."""
    events = Event.objects.filter(signal=signal, event_type__in=["assignment", "status_change"])
    status = "new"
    for payload in sorted(events.values_list("payload", flat=True), key=lambda found: found["version"]):
        assert payload["from"] == status
        status = payload["to"]
    workflow = workflow_of(signal)
    assert workflow.status == status
    still_open = Assignment.objects.filter(signal=signal, ended_at__isnull=True)
    assert [row.assignee for row in still_open] == ([workflow.assignee] if workflow.assignee else [])
