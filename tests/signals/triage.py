"""Acts on signals over the API, as the tests of triage do them."""

import uuid
from typing import Any

from apps.signals.models import Signal, Workflow
from tests.factories.signals import ROLE_TYPE
from tests.furniture.people import Person


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
