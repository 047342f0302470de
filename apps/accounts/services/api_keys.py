"""API keys: creation, use, revocation; `key_changes` narrows and rotates them."""

import datetime as dt
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts import keys, queries
from apps.accounts.key_usage import NOTES_KEY, read_uses
from apps.accounts.keys import KeyInvalid
from apps.accounts.models import ApiKey, Organization, Role
from apps.accounts.permissions import Actor, require
from apps.accounts.services.audit import record_audit
from apps.accounts.services.safety_notices import tell_of_managing_key
from apps.common import live
from apps.common.addresses import in_networks
from apps.common.errors import Conflict, FieldError, Forbidden, Invalid, Unauthenticated
from apps.common.serializers import rfc3339
from apps.common.throttles import stores

KEYS_PER_ORGANIZATION = 100
CIDRS_PER_KEY = 20


class KeyExpired(Unauthenticated):
    """The API key has expired."""

    code = "auth.key_expired"


class AddressNotAllowed(Forbidden):
    """The API key may not be used from this network address."""

    code = "auth.address_not_allowed"


class RoleTooHigh(Forbidden):
    """You cannot give a role above your own."""

    code = "accounts.role_too_high"


class ScopeTooWide(Forbidden):
    """The key would reach further than it may.

    A key can do what its scopes open and its role holds. A scope of which the role holds nothing is refused:
    take a lower scope or a higher role. A key that makes a key gives only what it has, and a key that exists
    is only ever narrowed.
    """

    code = "accounts.scope_too_wide"


class KeyLimitReached(Conflict):
    """The organization has as many API keys as it may have.

    Revoke keys that nobody uses; `last_used_at` shows which.
    """

    code = "accounts.key_limit"


@transaction.atomic
def create_api_key(
    *,
    actor: Actor,
    name: str,
    role: Role,
    scopes: Sequence[str],
    allowed_cidrs: Sequence[str] = (),
    rate_per_minute: int | None = None,
    points_per_minute: int | None = None,
    expires_at: dt.datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return it with its raw form, which cannot be had again.

    Raises RoleTooHigh, ScopeTooWide, KeyLimitReached, and Invalid for unknown scopes, networks, past expiry.
    """
    require(actor, "accounts.create_key")
    if Role(role).rank > actor.role.rank:
        raise RoleTooHigh
    check_scopes(Role(role), scopes)
    _refuse_what_the_key_lacks(actor, Role(role), scopes)
    refuse_past(expires_at)
    make_room(actor.organization)
    api_key, raw = store_key(
        organization=actor.organization,
        created_by=actor.person,
        name=name,
        role=role,
        scopes=sorted(set(scopes)),
        allowed_cidrs=checked_networks(allowed_cidrs),
        rate_per_minute=rate_per_minute,
        points_per_minute=points_per_minute,
        expires_at=expires_at,
    )
    record_audit(actor=actor, verb="accounts.key_created", target=api_key, changes=facts_of(api_key))
    tell_of_managing_key(api_key)
    return api_key, raw


def use_api_key(
    *, raw: str, ip: str | None, now: dt.datetime, at_hand: Mapping[str, ApiKey] | None = None
) -> ApiKey:
    """Return the key of a raw form. Issues one query, none if mistyped; the rate limit notes the use.

    `at_hand` are keys by prefix that were read for this call and others: then nothing is asked.
    Raises KeyInvalid, KeyExpired, AddressNotAllowed.
    """
    prefix = keys.prefix_of(raw)
    api_key = queries.find_api_key(prefix) if at_hand is None else at_hand.get(prefix)
    if api_key is None or not keys.is_hash_of(api_key.hash, api_key.pepper_id, raw):
        raise KeyInvalid
    if api_key.is_expired(now):
        raise KeyExpired
    if api_key.allowed_cidrs and not in_networks(ip, api_key.allowed_cidrs):
        raise AddressNotAllowed
    stored_hash, pepper_id = keys.current_hash(raw)
    if api_key.pepper_id != pepper_id:
        ApiKey.objects.filter(pk=api_key.pk).update(hash=stored_hash, pepper_id=pepper_id)
    return api_key


@transaction.atomic
def revoke_api_key(*, actor: Actor, api_key: ApiKey) -> None:
    """Make a key useless from the next request on, close its websockets, fail its jobs. Repeatable.

    Others' keys need accounts.manage_keys.
    """
    require_control(actor, api_key)
    living = ApiKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True)
    if living.update(revoked_at=timezone.now()):
        record_audit(actor=actor, verb="accounts.key_revoked", target=api_key)
    live.revoke(api_key_id=api_key.pk)


def flush_key_usage() -> int:
    """Write the uses that the rate limiter noted to the keys' rows; return of how many keys.

    The notes are dropped only when the rows are safe; twice the same note does no harm. updated_at stays.
    """
    uses = read_uses(stores.collect_notes(settings.REDIS_URL, NOTES_KEY))
    if not uses:
        return 0
    ApiKey.objects.bulk_update(
        [ApiKey(pk=use.key_id, last_used_at=use.at, last_used_ip=use.ip) for use in uses],
        ["last_used_at", "last_used_ip"],
        batch_size=500,
    )
    stores.drop_notes(settings.REDIS_URL, NOTES_KEY)
    return len(uses)


def require_control(actor: Actor, api_key: ApiKey) -> None:
    """Raise Forbidden unless the key is the actor's own, or the actor manages all."""
    is_own = actor.person is not None and api_key.created_by_id == actor.person.pk
    require(actor, "accounts.create_key" if is_own else "accounts.manage_keys")


def store_key(**columns: Any) -> tuple[ApiKey, str]:
    """Create the row of a fresh secret and return it with the raw key; the caller checked the columns."""
    new = keys.new_key()
    api_key = ApiKey.objects.create(prefix=new.prefix, hash=new.hash, pepper_id=new.pepper_id, **columns)
    return api_key, new.raw


def make_room(organization: Organization, *, beside: ApiKey | None = None) -> None:
    """Hold the organization's keys until the transaction ends; raises KeyLimitReached.

    A key that is being replaced does not count.
    """
    # Locked so that two creations at once cannot both find room below the limit.
    # Not against new rows that refer to it: audit entries of other acts need not wait.
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    living = ApiKey.objects.filter(unexpired, organization=organization, revoked_at__isnull=True)
    if beside is not None:
        living = living.exclude(pk=beside.pk)
    if living.count() >= KEYS_PER_ORGANIZATION:
        raise KeyLimitReached


def facts_of(api_key: ApiKey) -> dict[str, Any]:
    """Return what the audit says of a key; its secret has no part in it."""
    return {
        "name": api_key.name,
        "role": str(api_key.role),
        "scopes": list(api_key.scopes),
        "rate_per_minute": api_key.rate_per_minute,
        "points_per_minute": api_key.points_per_minute,
        "allowed_cidrs": list(api_key.allowed_cidrs),
        "expires_at": rfc3339(api_key.expires_at) if api_key.expires_at else None,
    }


def _refuse_what_the_key_lacks(actor: Actor, role: Role, scopes: Sequence[str]) -> None:
    """Raise ScopeTooWide if a key would give more than it has; people give what their role has."""
    if actor.api_key is None:
        return
    bare = {scope for scope in scopes if not keys.SCOPES[scope]}
    if not (bare <= set(actor.api_key.scopes) and keys.granted(role, scopes) <= actor.permissions):
        raise ScopeTooWide("A key can only give scopes that it has itself.")


def check_scopes(role: Role, scopes: Sequence[str]) -> None:
    """Raise Invalid for scopes that do not exist, ScopeTooWide for those the role holds nothing of."""
    unknown = [
        FieldError(f"There is no scope {scope}.", code="scope_unknown", pointer=f"/scopes/{number}")
        for number, scope in enumerate(scopes)
        if scope not in keys.SCOPES
    ]
    if unknown or not scopes:
        raise Invalid(errors=unknown or [FieldError("Name at least one scope.", pointer="/scopes")])
    empty = [scope for scope in scopes if keys.SCOPES[scope] and not keys.granted(role, [scope])]
    if empty:
        raise ScopeTooWide(f"The role {role} grants nothing of {', '.join(empty)}.")


def checked_networks(cidrs: Sequence[str]) -> list[str]:
    """Return the networks in canonical form; raises Invalid."""
    if len(cidrs) > CIDRS_PER_KEY:
        raise Invalid(errors=[FieldError(f"At most {CIDRS_PER_KEY} networks.", pointer="/allowed_cidrs")])
    found = []
    for number, cidr in enumerate(cidrs):
        try:
            found.append(str(ipaddress.ip_network(cidr.strip(), strict=False)))
        except ValueError as error:
            item = FieldError("This is no CIDR network.", pointer=f"/allowed_cidrs/{number}")
            raise Invalid(errors=[item]) from error
    return found


def refuse_past(expires_at: dt.datetime | None) -> None:
    """Raise Invalid for a time that has passed."""
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(errors=[FieldError("This time has passed.", pointer="/expires_at")])
