"""API keys: creation, use, revocation."""

import datetime as dt
import ipaddress
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts import keys, queries
from apps.accounts.keys import KeyInvalid
from apps.accounts.models import ApiKey, Organization, Role
from apps.accounts.permissions import Actor, require
from apps.accounts.services.audit import record_audit
from apps.common import live
from apps.common.addresses import in_networks
from apps.common.errors import Conflict, FieldError, Forbidden, Invalid, Unauthenticated

KEYS_PER_ORGANIZATION = 100
CIDRS_PER_KEY = 20
LAST_USED_EVERY = dt.timedelta(minutes=1)


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
    """The role grants nothing of a requested scope.

    A key can do what its scopes open and its role holds. A scope of which the role holds nothing would be
    empty, so it is refused: take a lower scope or a higher role.
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
    _check_scopes(Role(role), scopes)
    _refuse_past(expires_at)
    # Locked so that two creations at once cannot both find room below the limit.
    # Not against new rows that refer to it: audit entries of other acts need not wait.
    Organization.objects.select_for_update(no_key=True).get(pk=actor.organization.pk)
    if _living_keys(actor.organization, timezone.now()) >= KEYS_PER_ORGANIZATION:
        raise KeyLimitReached
    new = keys.new_key()
    api_key = ApiKey.objects.create(
        organization=actor.organization,
        created_by=actor.person,
        name=name,
        role=role,
        prefix=new.prefix,
        hash=new.hash,
        pepper_id=new.pepper_id,
        scopes=sorted(set(scopes)),
        allowed_cidrs=_networks(allowed_cidrs),
        rate_per_minute=rate_per_minute,
        points_per_minute=points_per_minute,
        expires_at=expires_at,
    )
    granted = {"role": api_key.role, "scopes": api_key.scopes, "allowed_cidrs": api_key.allowed_cidrs}
    record_audit(
        actor=actor, verb="accounts.key_created", target=api_key, changes=granted | {"expires_at": expires_at}
    )
    return api_key, new.raw


def use_api_key(*, raw: str, ip: str | None, now: dt.datetime) -> ApiKey:
    """Return the key of a raw form, noting its use. Issues one query, once a minute two; none if mistyped.

    Raises KeyInvalid, KeyExpired, AddressNotAllowed.
    """
    api_key = queries.find_api_key(keys.prefix_of(raw))
    if api_key is None or not keys.is_hash_of(api_key.hash, api_key.pepper_id, raw):
        raise KeyInvalid
    if api_key.expires_at is not None and api_key.expires_at <= now:
        raise KeyExpired
    if api_key.allowed_cidrs and not in_networks(ip, api_key.allowed_cidrs):
        raise AddressNotAllowed
    if api_key.last_used_at is None or now - api_key.last_used_at > LAST_USED_EVERY:
        _note_use(api_key, raw, ip, now)
    return api_key


@transaction.atomic
def revoke_api_key(*, actor: Actor, api_key: ApiKey) -> None:
    """Make a key useless from the next request on, and close its websockets. Repeatable.

    Others' keys need accounts.manage_keys.
    """
    is_own = actor.person is not None and api_key.created_by_id == actor.person.pk
    require(actor, "accounts.create_key" if is_own else "accounts.manage_keys")
    living = ApiKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True)
    if living.update(revoked_at=timezone.now()):
        record_audit(actor=actor, verb="accounts.key_revoked", target=api_key)
    live.revoke(api_key_id=api_key.pk)


def _note_use(api_key: ApiKey, raw: str, ip: str | None, now: dt.datetime) -> None:
    """Remember when and whence, and move the hash to the newest pepper; updated_at stays."""
    stored_hash, pepper_id = keys.current_hash(raw)
    ApiKey.objects.filter(pk=api_key.pk).update(
        last_used_at=now, last_used_ip=ip, hash=stored_hash, pepper_id=pepper_id
    )


def _living_keys(organization: Organization, now: dt.datetime) -> int:
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return ApiKey.objects.filter(unexpired, organization=organization, revoked_at__isnull=True).count()


def _check_scopes(role: Role, scopes: Sequence[str]) -> None:
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


def _networks(cidrs: Sequence[str]) -> list[str]:
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


def _refuse_past(expires_at: dt.datetime | None) -> None:
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(errors=[FieldError("This time has passed.", pointer="/expires_at")])
