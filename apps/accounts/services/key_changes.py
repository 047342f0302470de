"""Changes of an API key that exists: it is narrowed, never widened, or replaced by another."""

import datetime as dt
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import ApiKey, Role
from apps.accounts.permissions import Actor
from apps.accounts.services.api_keys import (
    RoleTooHigh,
    ScopeTooWide,
    check_scopes,
    checked_networks,
    facts_of,
    make_room,
    refuse_past,
    require_control,
    store_key,
)
from apps.accounts.services.audit import record_audit
from apps.accounts.services.safety_notices import tell_of_managing_key
from apps.accounts.services.sessions import SignedIn, require_recent_authentication
from apps.common import live
from apps.common.errors import Conflict, FieldError

# What a rotated key has of the one before.
KEPT: Final = (
    "organization",
    "created_by",
    "name",
    "role",
    "scopes",
    "rate_per_minute",
    "points_per_minute",
    "allowed_cidrs",
    "expires_at",
)


@transaction.atomic
def narrow_api_key(*, actor: Actor, api_key: ApiKey, **values: Any) -> ApiKey:
    """Rename a key, or let it do less: a lower role, fewer scopes and networks, lower rates, an earlier end.

    Raises ScopeTooWide for anything wider, Invalid for what does not exist. Its websockets are checked again.
    """
    require_control(actor, api_key)
    row = ApiKey.objects.select_for_update().get(pk=api_key.pk)
    if "allowed_cidrs" in values:
        values["allowed_cidrs"] = checked_networks(values["allowed_cidrs"])
    if "scopes" in values:
        values["scopes"] = sorted(set(values["scopes"]))
    check_scopes(Role(values.get("role", row.role)), values.get("scopes", row.scopes))
    _refuse_wider(row, values)
    if values.get("expires_at") != row.expires_at:
        refuse_past(values.get("expires_at"))
    before = facts_of(row)
    for name, value in values.items():
        setattr(row, name, value)
    changes = {name: value for name, value in facts_of(row).items() if before[name] != value}
    if changes:
        row.save(update_fields=[*changes, "updated_at"])
        record_audit(actor=actor, verb="accounts.key_changed", target=row, changes=changes)
        live.revoke(api_key_id=row.pk)
    return row


@transaction.atomic
def rotate_api_key(*, actor: Actor, api_key: ApiKey, overlap_s: int) -> tuple[ApiKey, str]:
    """Return a new key that can do the same, with its raw form; the old one ends after `overlap_s`.

    Raises Conflict for a key that has ended, RoleTooHigh for one above the actor, KeyLimitReached.
    """
    require_control(actor, api_key)
    make_room(api_key.organization, beside=api_key)
    old = ApiKey.objects.select_for_update(of=("self",)).get(pk=api_key.pk)
    now = timezone.now()
    if old.revoked_at is not None or old.is_expired(now):
        raise Conflict("The key has ended; make a new one.")
    if Role(old.role).rank > actor.role.rank:
        raise RoleTooHigh
    new, raw = store_key(**{name: getattr(old, name) for name in KEPT}, replaces=old)
    ends_at = now + dt.timedelta(seconds=overlap_s)
    old.expires_at = min(ends_at, old.expires_at or ends_at)
    old.save(update_fields=["expires_at", "updated_at"])
    changes = {"replaces": str(old.pk), "overlap_s": overlap_s}
    record_audit(actor=actor, verb="accounts.key_rotated", target=new, changes=changes)
    tell_of_managing_key(new)
    # Without an overlap the old one's websockets close now; else they are looked at again every minute.
    live.revoke(api_key_id=old.pk)
    return new, raw


def require_proof_for_scopes(credentials: SignedIn | None, scopes: Sequence[str]) -> None:
    """Raise ReauthenticationRequired if a key with such scopes is only for who has just signed in.

    A key that manages outlives a browser that was left open, so whoever takes one proves who they are.
    """
    if credentials is not None and any(scope.endswith(":manage") for scope in scopes):
        require_recent_authentication(credentials)


def _refuse_wider(row: ApiKey, values: Mapping[str, Any]) -> None:
    wider = [
        name for name, value in values.items() if name in WIDER and WIDER[name](getattr(row, name), value)
    ]
    detail = "This would let the key do more."
    errors = [FieldError(detail, code="wider", pointer=f"/{name}") for name in wider]
    if errors:
        raise ScopeTooWide("A key is only ever narrowed; make another one.", errors=errors)


def _is_more(before: Any, after: Any) -> bool:
    """Tell whether a limit (a number or a time, None for no limit) was raised."""
    return before is not None and (after is None or after > before)


def _is_higher(before: str, after: str) -> bool:
    return Role(after).rank > Role(before).rank


def _has_others(before: Sequence[str], after: Sequence[str]) -> bool:
    return not set(after) <= set(before)


def _reaches_further(before: Sequence[str], after: Sequence[str]) -> bool:
    """Tell whether networks hold addresses that were not allowed; no networks allow all."""
    return bool(before) and not (after and all(_lies_in(network, before) for network in after))


def _lies_in(network: str, networks: Sequence[str]) -> bool:
    inner = ipaddress.ip_network(network)
    outer = (ipaddress.ip_network(each) for each in networks)
    # Networks of the two versions cannot be compared.
    return any(inner.version == each.version and inner.subnet_of(each) for each in outer)  # type: ignore[arg-type]


WIDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "role": _is_higher,
    "scopes": _has_others,
    "rate_per_minute": _is_more,
    "points_per_minute": _is_more,
    "allowed_cidrs": _reaches_further,
    "expires_at": _is_more,
}
