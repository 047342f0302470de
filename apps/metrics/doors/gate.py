"""Who calls, and what holds for them: asked anew for every request, once for all that wait together."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import DatabaseError, close_old_connections

from apps.accounts.authentication import authenticate_raw
from apps.accounts.permissions import Actor
from apps.common.errors import DomainError, Forbidden, Unauthenticated, Unavailable
from apps.common.origin import Origin, served_for
from apps.common.throttles import Caller
from apps.metrics.catalog import policy_of
from apps.metrics.models import Policy

PERMISSION = "metrics.write"


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a request shows at a door."""

    credential: str
    ip: str | None
    organization: str = ""
    permission: str = PERMISSION


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who may do what they ask for, and the rules of their organization."""

    actor: Actor
    caller: Caller
    policy: Policy


def admit_all(visitors: Sequence[Visitor]) -> list[Admission | DomainError]:
    """Look at each distinct visitor once; rights are read from the database now, never remembered."""
    answers: dict[Visitor, Admission | DomainError] = {}
    for visitor in visitors:
        if visitor not in answers:
            answers[visitor] = _admit(visitor)
    return [answers[visitor] for visitor in visitors]


def _admit(visitor: Visitor) -> Admission | DomainError:
    try:
        # What is noted of the use of a key names the caller's address.
        with served_for(Origin(ip=visitor.ip)), structlog.contextvars.bound_contextvars():
            return _admitted(visitor)
    except DomainError as error:
        return error
    except DatabaseError:
        close_old_connections()
        return Unavailable()


def _admitted(visitor: Visitor) -> Admission:
    if not visitor.credential:
        raise Unauthenticated
    found = authenticate_raw(visitor.credential, ip=visitor.ip, requested_organization=visitor.organization)
    actor = found.resolve_actor()
    if not actor.may(visitor.permission):
        raise Forbidden(f"This needs the permission {visitor.permission}.")
    return Admission(actor, actor.caller, policy_of(actor.organization.pk))
