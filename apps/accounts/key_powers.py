"""What a key may do at a moment, and what cuts it: for people who wonder why a key is refused. Pure."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from apps.accounts import keys, roles
from apps.accounts.models import ApiKey, Role


@dataclass(frozen=True, slots=True)
class KeyCut:
    """One reason why a key can do less than its scopes say, and what it takes away."""

    by: str
    detail: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyPowers:
    """What a key may do, sorted, under the role that counts."""

    role: Role
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    cut_by: tuple[KeyCut, ...]


def powers_of(api_key: ApiKey, *, now: dt.datetime) -> KeyPowers:
    """Return what a key may do; it comes from `ApiKeyQuerySet.with_creator`."""
    cuts = tuple(_cuts(api_key, now))
    is_shut = any(cut.by in {"expired", "organization_suspended"} for cut in cuts)
    held = frozenset[str]() if is_shut else keys.granted(api_key.effective_role, api_key.scopes)
    return KeyPowers(
        role=api_key.effective_role,
        scopes=tuple(api_key.scopes),
        permissions=tuple(sorted(held)),
        cut_by=cuts,
    )


def _cuts(api_key: ApiKey, now: dt.datetime) -> Iterator[KeyCut]:
    """Yield what takes something away, the narrowest walls first."""
    role, effective = Role(api_key.role), api_key.effective_role
    opened = keys.opened(api_key.scopes)
    by_role = opened - roles.PERMISSIONS[role]
    if by_role:
        yield _cut("role", f"The key has the role {role}.", by_role)
    by_creator = keys.granted(role, api_key.scopes) - roles.PERMISSIONS[effective]
    if by_creator:
        yield _cut("creator_role", f"Whoever made the key has the role {effective} now.", by_creator)
    held = keys.granted(effective, api_key.scopes)
    if api_key.organization.suspended_at is not None:
        yield _cut("organization_suspended", "The organization is suspended.", held)
    if api_key.is_expired(now):
        yield _cut("expired", "The key has expired.", held)
    if api_key.allowed_cidrs:
        yield _cut("address", f"It works only from {', '.join(api_key.allowed_cidrs)}.", frozenset())


def _cut(by: str, detail: str, permissions: frozenset[str]) -> KeyCut:
    return KeyCut(by=by, detail=detail, permissions=tuple(sorted(permissions)))
