"""Who calls, what holds for them, and whether they may call so often: asked anew for every request.

It is asked once for all that wait together: the keys in one query, the quotas in one round trip, so that two
hundred clients with a key each cost little more than one. The quota is charged before a body is parsed, or
even read; only the points a minute of a key that has such a bound are charged when they have been counted.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog
from django.db import DatabaseError, close_old_connections

from apps.accounts.authentication import authenticate_raw, keys_at_hand
from apps.accounts.models import ApiKey
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
    calls = Counter(visitors)
    answers = dict(zip(calls, _admit(list(calls.items())), strict=True))
    return [next(answers[visitor]) for visitor in visitors]


def _admit(calls: Sequence[tuple[Visitor, int]]) -> list[Iterator[Admission | DomainError]]:
    """Return, for each visitor, an iterator over the answers to their calls."""
    try:
        known = _Known(keys_at_hand(visitor.credential for visitor, _ in calls))
        met = [_met(visitor, known) for visitor, _ in calls]
    except DatabaseError:
        close_old_connections()
        return [iter([Unavailable()] * count) for _, count in calls]
    asked = [
        (answer.caller, visitor.scope, count)
        for (visitor, count), answer in zip(calls, met, strict=True)
        if isinstance(answer, Admission)
    ]
    decisions = iter(throttles.take_for_all(asked))
    return [
        iter(_charged(answer, next(decisions), visitor.scope, count))
        if isinstance(answer, Admission)
        else iter([answer] * count)
        for (visitor, count), answer in zip(calls, met, strict=True)
    ]


def _charged(
    admission: Admission, decision: Decision | DomainError, scope: str, calls: int
) -> Sequence[Admission | DomainError]:
    """Return the answers to a visitor's calls: one by one where there was not enough left for all."""
    if isinstance(decision, Decision):
        return [replace(admission, decision=decision)] * calls
    if calls == 1 or not isinstance(decision, RateLimited):
        return [decision] * calls
    one_by_one = [throttles.take_for_all([(admission.caller, scope, 1)])[0] for _ in range(calls)]
    return [replace(admission, decision=each) if isinstance(each, Decision) else each for each in one_by_one]


@dataclass(slots=True)
class _Known:
    """What was read for this round alone."""

    keys: Mapping[str, ApiKey]
    policies: dict[uuid.UUID, Policy] = field(default_factory=dict)

    def policy_of(self, organization_id: uuid.UUID) -> Policy:
        if organization_id not in self.policies:
            self.policies[organization_id] = policy_of(organization_id)
        return self.policies[organization_id]


def _met(visitor: Visitor, known: _Known) -> Admission | DomainError:
    """Say who a visitor is, or why they may not send."""
    try:
        # What is noted of the use of a key names the caller's address.
        with served_for(Origin(ip=visitor.ip)), structlog.contextvars.bound_contextvars():
            return _admitted(visitor, known)
    except DomainError as error:
        return error


def _admitted(visitor: Visitor, known: _Known) -> Admission:
    if not visitor.credential:
        raise Unauthenticated
    found = authenticate_raw(
        visitor.credential,
        ip=visitor.ip,
        requested_organization=visitor.organization,
        at_hand=known.keys,
    )
    actor = found.resolve_actor()
    if not actor.may(visitor.permission):
        raise Forbidden(f"This needs the permission {visitor.permission}.")
    return Admission(actor, actor.caller, known.policy_of(actor.organization.pk), UNCOUNTED)
