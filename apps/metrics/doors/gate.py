"""Who calls, what holds for them, and whether they may call so often: asked anew for every request.

It is asked once for all of one caller that wait together. So the quota is charged before a body is parsed, or
even read; only the points a minute of a key that has such a bound are charged when they have been counted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from django.db import DatabaseError, close_old_connections

from apps.accounts.authentication import authenticate_raw
from apps.accounts.permissions import Actor
from apps.common import throttles
from apps.common.errors import DomainError, Forbidden, Unauthenticated, Unavailable
from apps.common.origin import Origin, served_for
from apps.common.throttles import Caller, RateLimited
from apps.common.throttles.gcra import Decision
from apps.metrics.catalog import policy_of
from apps.metrics.models import Policy

PERMISSION: Final = "metrics.write"
UNCOUNTED: Final = Decision("points", 0, 0)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a request shows at a door."""

    credential: str
    ip: str | None
    organization: str = ""
    permission: str = PERMISSION
    scope: str = "points"


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who may do what they ask for, the rules of their organization, and what is left of a quota."""

    actor: Actor
    caller: Caller
    policy: Policy
    decision: Decision


def admit_all(visitors: Sequence[Visitor]) -> list[Admission | DomainError]:
    """Look at each distinct visitor once; rights are read from the database now, never remembered."""
    answers = {visitor: _admit(visitor, calls) for visitor, calls in Counter(visitors).items()}
    return [next(answers[visitor]) for visitor in visitors]


def _admit(visitor: Visitor, calls: int) -> Iterator[Admission | DomainError]:
    """Yield the answer to each of a visitor's calls."""
    try:
        # What is noted of the use of a key names the caller's address.
        with served_for(Origin(ip=visitor.ip)), structlog.contextvars.bound_contextvars():
            return iter(_charged(_admitted(visitor), visitor.scope, calls))
    except DomainError as error:
        return iter([error] * calls)
    except DatabaseError:
        close_old_connections()
        return iter([Unavailable()] * calls)


def _charged(admission: Admission, scope: str, calls: int) -> list[Admission | DomainError]:
    """Take all calls from the quota at once, or one by one where there is not enough left for all."""
    try:
        decision = throttles.take_for(admission.caller, scope, calls)
    except RateLimited as error:
        if calls == 1:
            return [error]
        return [answer for _ in range(calls) for answer in _charged(admission, scope, 1)]
    return [replace(admission, decision=decision)] * calls


def _admitted(visitor: Visitor) -> Admission:
    if not visitor.credential:
        raise Unauthenticated
    found = authenticate_raw(visitor.credential, ip=visitor.ip, requested_organization=visitor.organization)
    actor = found.resolve_actor()
    if not actor.may(visitor.permission):
        raise Forbidden(f"This needs the permission {visitor.permission}.")
    return Admission(actor, actor.caller, policy_of(actor.organization.pk), UNCOUNTED)
