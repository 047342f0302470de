"""Rate limits: who may do how much of what, counted in one call for all limits of a request.

    take("sync", {"project": project_id})        by what the scope counts: see `quotas.DEFAULTS`
    take_at(request, "auth_mail", address=email)  the same, and by the caller's network address
    take_for(actor.caller, "map")                 by role or key; the organization's and the whole limit too
    await take_async(...), await take_for_async(...)

Each returns a Decision, whose `headers` tell the caller, or raises RateLimited. A viewset names its scope in
`limit` or `limits` and is counted by its base.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from prometheus_client import Counter

from apps.common.addresses import client_address
from apps.common.errors import DomainError, Forbidden, Throttled, TooLarge
from apps.common.quotas import GUARDED, MINUTE_S, OWN_RATE_SCOPES, Quota
from apps.common.throttles import stores
from apps.common.throttles.gcra import Bucket, Decision, decide
from apps.common.throttles.stores import Counted, Note, monotonic_us, process_buckets

PREFIX: Final = "sextant:limit"
RATE_LIMITED: Final = Counter("sextant_rate_limited_total", "Requests refused by a rate limit.", ["policy"])


class RateLimited(Throttled):
    """Too many requests; wait for the time that Retry-After states.

    `RateLimit-Policy` names the limit that was met, with its quota `q` in a window of `w` seconds. It fills
    up evenly: `t` in `RateLimit` is when there will be one more.
    """

    def __init__(self, decision: Decision) -> None:
        detail = f"The limit {decision.policy} of {decision.quota} in {decision.window_s} s is used up."
        super().__init__(detail, retry_after_s=decision.wait_s)
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is counted: `subject` by the quotas of `column`, a role, `key` or `anonymous`.

    The two rates are those that a key brings along; `note` remembers its use.
    """

    subject: str
    column: str
    organization: str = ""
    requests_per_minute: int | None = None
    points_per_minute: int | None = None
    note: Note | None = None


def take(scope: str, subjects: Mapping[str, str], cost: int = 1) -> Decision:
    """Take from the quotas of a scope that count by the columns of `subjects`; raises RateLimited."""
    return _take(_buckets_of(scope, subjects, cost))


def take_at(request: HttpRequest, scope: str, **subjects: str) -> Decision:
    """Take from the quotas of a scope by the caller's network address and by `subjects`; raises RateLimited.

    The names are columns of the scope. What an `ip_and_...` counts is told apart by both.
    """
    ip = client_address(request) or ""
    found = {"ip": ip}
    for column, subject in subjects.items():
        found[column] = f"{ip} {subject}".lower() if column.startswith("ip_and_") else subject.lower()
    return take(scope, found)


async def take_async(scope: str, subjects: Mapping[str, str], cost: int = 1) -> Decision:
    """Do the same for code on an event loop."""
    return await _take_async(_buckets_of(scope, subjects, cost))


def take_for(caller: Caller, scope: str, cost: int = 1, *, points: int = 0) -> Decision:
    """Take from a caller's quotas of a scope, its organization's and that of the whole installation.

    `points` counts towards the points a minute of a key that has such a limit. Raises RateLimited, TooLarge
    for more points than ever pass, Forbidden where the column has no part in the scope.
    """
    return _take(_buckets_for(caller, scope, cost, points), caller.note)


def take_for_all(calls: Sequence[tuple[Caller, str, int]]) -> list[Decision | DomainError]:
    """Take for several callers at once, each with a scope and a cost: what `take_for` returns or raises."""
    found: list[Decision | DomainError | None] = []
    buckets: list[list[Bucket]] = []
    for caller, scope, cost in calls:
        try:
            buckets.append(_buckets_for(caller, scope, cost, 0))
            found.append(None)
        except Forbidden as error:
            buckets.append([])
            found.append(error)
    open_places = [place for place, answer in enumerate(found) if answer is None]
    counted = stores.take_all(
        settings.REDIS_URL, [(buckets[place], calls[place][0].note) for place in open_places]
    )
    for place, each in zip(open_places, counted, strict=True):
        try:
            found[place] = _decided(buckets[place], each)
        except RateLimited as error:
            found[place] = error
    return [answer for answer in found if answer is not None]


async def take_for_async(caller: Caller, scope: str, cost: int = 1, *, points: int = 0) -> Decision:
    """Do the same for code on an event loop."""
    return await _take_async(_buckets_for(caller, scope, cost, points), caller.note)


def stranger(request: HttpRequest) -> Caller:
    """Return the caller of a request that nobody has signed in."""
    return Caller(subject=f"ip:{client_address(request)}", column="anonymous")


def _buckets_of(scope: str, subjects: Mapping[str, str], cost: int) -> list[Bucket]:
    columns = settings.RATE_LIMITS[scope]
    return [
        _bucket(scope, f"{column}:{_digest(subject)}", quota, cost)
        for column, subject in subjects.items()
        for quota in columns[column]
    ]


def _buckets_for(caller: Caller, scope: str, cost: int, points: int) -> list[Bucket]:
    quotas = settings.RATE_LIMITS[scope].get(caller.column)
    if quotas is None:
        raise Forbidden("Your role has no part in this.")
    subject = f"{{{caller.organization}}}:{caller.subject}"
    found = [_bucket(scope, subject, _own_quota(caller, scope, quota), cost) for quota in quotas]
    if points and caller.points_per_minute is not None:
        if points > caller.points_per_minute:
            raise TooLarge(f"This key may send {caller.points_per_minute} points a minute.")
        found.append(_bucket("points_per_minute", subject, Quota(caller.points_per_minute), points))
    return found + _shared_buckets(caller, cost)


def _own_quota(caller: Caller, scope: str, quota: Quota) -> Quota:
    """Return the quota as a key's own rate changes it: it sets that of plain requests, and lowers others."""
    own = caller.requests_per_minute
    if own is None or quota.window_s != MINUTE_S:
        return quota
    return Quota(own if scope in OWN_RATE_SCOPES else min(own, quota.amount))


def _shared_buckets(caller: Caller, cost: int) -> list[Bucket]:
    """Return what a caller shares with others, where the operator limits that."""
    found = []
    if caller.organization and settings.ORG_RATE_PER_MINUTE:
        quota = Quota(settings.ORG_RATE_PER_MINUTE)
        found.append(_bucket("organization", f"{{{caller.organization}}}", quota, cost))
    if settings.GLOBAL_RATE_PER_MINUTE:
        found.append(_bucket("installation", "all", Quota(settings.GLOBAL_RATE_PER_MINUTE), cost))
    return found


def _digest(subject: str) -> str:
    """Return a short name of a subject, which may be anything that somebody typed."""
    return hashlib.blake2b(subject.encode(), digest_size=16).hexdigest()


def _bucket(scope: str, subject: str, quota: Quota, cost: int) -> Bucket:
    return Bucket(
        policy=scope,
        key=f"{PREFIX}:{scope}:{quota.window_s}:{subject}",
        quota=quota.amount,
        window_s=quota.window_s,
        cost=cost,
        is_guarded=scope in GUARDED,
    )


def _take(buckets: Sequence[Bucket], note: Note | None = None) -> Decision:
    return _decided(buckets, stores.take(settings.REDIS_URL, buckets, note))


async def _take_async(buckets: Sequence[Bucket], note: Note | None = None) -> Decision:
    return _decided(buckets, await stores.take_async(settings.REDIS_URL, buckets, note))


def _decided(buckets: Sequence[Bucket], counted: Counted | None) -> Decision:
    """Return the decision, or raise it; without Valkey guards count in the process and all else passes."""
    if counted is None:
        guarded = [each for each in buckets if each.is_guarded]
        if not guarded:
            first = buckets[0]
            return Decision(first.policy, first.quota, first.window_s)
        buckets, counted = guarded, process_buckets(settings.REDIS_URL).take(guarded, now_us=monotonic_us())
    has_passed, used_us = counted
    decision = decide(buckets, used_us, has_passed=has_passed)
    if not has_passed:
        RATE_LIMITED.labels(decision.policy).inc()
        raise RateLimited(decision)
    return decision
