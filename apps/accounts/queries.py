"""Reads over the tables of accounts: who acts where, and which key or session a credential names."""

import hashlib
import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts import keys, roles
from apps.accounts.models import (
    ApiKey,
    Invitation,
    Membership,
    Notification,
    NotificationPreference,
    Organization,
    Role,
    Session,
    User,
)
from apps.accounts.models.organization import SYSTEM_SLUG
from apps.accounts.permissions import Actor, member_actor, system_actor
from apps.common.errors import Conflict, Forbidden, NotFound
from apps.common.notices import Level, iter_notices
from apps.common.prepared import Prepared

UNREAD_COUNT_MAX = 1_000
UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


# Nearly every request runs two of these.
KEY_BY_PREFIX = Prepared(lambda prefix: _usable_keys().filter(prefix=prefix), "prefix")
SESSION_BY_ID = Prepared(
    lambda session_id: Session.objects.select_related("user").filter(pk=session_id), "session_id"
)
MEMBERSHIP_BY_IDS = Prepared(
    lambda user_id, organization_id: _memberships().filter(user_id=user_id, organization_id=organization_id),
    "user_id",
    "organization_id",
)


class InitiatedRow(Protocol):
    """A job's row, as `Actor.initiates` filled it."""

    initiator_key_id: uuid.UUID | None

    @property
    def created_by(self) -> User | None:
        """Return the person behind it."""


class NoOrganization(Conflict):
    """You belong to no organization yet."""

    code = "accounts.no_organization"


class OrganizationSuspended(Forbidden):
    """The organization is suspended."""

    code = "accounts.suspended"


@dataclass(frozen=True, slots=True)
class HeldPermission:
    """One permission that somebody holds, perhaps on rows only that they created."""

    name: str
    role: Role
    own_rows_only: bool


def resolve_member(
    user: User,
    *,
    requested: str = "",
    claimed: uuid.UUID | None = None,
    preferred: uuid.UUID | None = None,
) -> Actor:
    """Return the user as an actor in the active organization. Issues one query.

    It is the one requested (id or short name), else the one of the token, else that of `resolve_preferred`.
    Raises NotFound if the user is no member of it, NoOrganization, OrganizationSuspended.
    """
    named = requested.strip() or (str(claimed) if claimed else "")
    if not named:
        return resolve_preferred(user, memberships_of(user), preferred=preferred)
    membership = _find_membership(user, named)
    if membership is None:
        raise NotFound("There is no such organization, or you do not belong to it.")
    return _acting(user, membership)


def resolve_preferred(
    user: User, memberships: Sequence[Membership], *, preferred: uuid.UUID | None = None
) -> Actor:
    """Return the user as an actor in the organization they prefer, if they can still act there.

    Else it is the user's default, else the one joined first. Raises NoOrganization, OrganizationSuspended.
    """
    chosen = (item for item in memberships if item.organization_id == preferred)
    membership = next((item for item in chosen if item.organization.suspended_at is None), None)
    return _acting(user, membership or _default_of(user, memberships))


def resolve_key(api_key: ApiKey, *, requested: str = "") -> Actor:
    """Return a key as an actor in its one organization; raises NotFound if another one is requested."""
    organization = api_key.organization
    if requested.strip() not in {"", organization.slug, str(organization.pk)}:
        raise NotFound("The key does not belong to this organization.")
    refuse_suspended(organization)
    role = api_key.effective_role
    return Actor(
        organization=organization,
        role=role,
        permissions=keys.granted(role, api_key.scopes),
        api_key=api_key,
    )


def initiator(row: InitiatedRow, organization: Organization) -> Actor | None:
    """Return whoever started a job as they are now, None if they may do nothing in the organization any more.

    A job that nobody started is the installation's own.
    """
    try:
        if row.initiator_key_id is not None:
            return resolve_key(_usable_key(row.initiator_key_id), requested=str(organization.pk))
        if row.created_by is None:
            return system_actor(organization)
        if not row.created_by.is_active:
            return None
        return resolve_member(row.created_by, requested=str(organization.pk))
    except (NotFound, Conflict, Forbidden):
        return None


def _usable_key(key_id: uuid.UUID) -> ApiKey:
    """Return a key that is neither revoked nor past its time; raises NotFound."""
    api_key = living_key(key_id)
    if api_key.is_expired(timezone.now()):
        raise NotFound(f"The API key {key_id} has expired.")
    return api_key


def find_api_key(prefix: str) -> ApiKey | None:
    """Return the key of a prefix with its organization and creator, unless it or the organization is gone."""
    return KEY_BY_PREFIX.first(prefix=prefix)


def find_api_keys(prefixes: Collection[str]) -> dict[str, ApiKey]:
    """Return the keys of several prefixes by prefix, as `find_api_key` does. One query."""
    if len(prefixes) == 1:
        # Mostly so, and compiling the other query costs several times its answer.
        found = [find_api_key(prefix) for prefix in prefixes]
        return {key.prefix: key for key in found if key is not None}
    return {key.prefix: key for key in _usable_keys().filter(prefix__in=prefixes)}


def _usable_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.living().with_creator().filter(organization__deleted_at__isnull=True)


def find_session(session_id: uuid.UUID) -> Session | None:
    """Return a session with its user, whatever its state."""
    return SESSION_BY_ID.first(session_id=session_id)


def sessions_of(user: User) -> list[Session]:
    """Return a user's sessions in use, newest first."""
    return list(Session.objects.live().filter(user=user).order_by("-created_at", "-pk"))


def memberships_of(user: User) -> list[Membership]:
    """Return a user's memberships of living organizations, by the organization's name."""
    return list(_memberships().filter(user=user).order_by("organization__name", "pk"))


def held_permissions(actor: Actor) -> list[HeldPermission]:
    """Return what an actor may do, in the order of the role table, each with the lowest role that may."""
    return [
        HeldPermission(name, roles.lowest_role(name), own_rows_only=not actor.may(name))
        for name in roles.ordered_permissions()
        if actor.might(name)
    ]


def find_organization(named: str) -> Organization:
    """Return a living organization by id or short name; raises NotFound."""
    condition = Q(pk=uuid.UUID(named)) if UUID_PATTERN.fullmatch(named) else Q(slug=named)
    organization = Organization.objects.living().filter(condition).first()
    if organization is None:
        raise NotFound(f"There is no organization {named}.")
    return organization


def organization_of_chain(chain_id: uuid.UUID | None) -> Organization:
    """Return whose chain it is, deleted organizations included; the installation's is `system`'s."""
    if chain_id is None:
        return Organization.objects.get(slug=SYSTEM_SLUG)
    return Organization.objects.get(pk=chain_id)


def living_keys(organization: str = "") -> list[ApiKey]:
    """Return the keys in use, of one organization (id or short name) or of all, oldest first."""
    found = ApiKey.objects.living().select_related("organization").order_by("created_at", "pk")
    return list(found.filter(organization=find_organization(organization)) if organization else found)


def living_key(key_id: uuid.UUID) -> ApiKey:
    """Return a key in use by its id; raises NotFound."""
    api_key = ApiKey.objects.living().with_creator().filter(pk=key_id).first()
    if api_key is None:
        raise NotFound(f"There is no API key {key_id}.")
    return api_key


@dataclass(frozen=True, slots=True)
class NoticePreference:
    """By which ways a user hears of one kind of notice: what they chose, else the defaults."""

    kind: str
    title: str
    level: Level
    is_security: bool
    in_app: bool
    email: bool
    sms: bool = False


def notice_preferences(user: User) -> list[NoticePreference]:
    """Return a user's preferences of every kind, by name. Issues one query."""
    chosen = {row.kind: row for row in NotificationPreference.objects.filter(user=user)}
    found = []
    for kind in iter_notices():
        row = None if kind.is_security else chosen.get(kind.name)
        found.append(
            NoticePreference(
                kind=kind.name,
                title=kind.title,
                level=kind.level,
                is_security=kind.is_security,
                in_app=row.in_app if row else True,
                email=row.email if row else kind.is_security or kind.level == Level.CRITICAL,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class CappedCount:
    """A number that is counted up to a limit only."""

    number: int
    is_capped: bool


def count_unread(user_id: uuid.UUID) -> CappedCount:
    """Return how many notices a user has not read, counting to 1,000."""
    unread = Notification.objects.filter(user_id=user_id).in_app().unread()
    number = unread[: UNREAD_COUNT_MAX + 1].count()
    return CappedCount(min(number, UNREAD_COUNT_MAX), number > UNREAD_COUNT_MAX)


def invitation_hash(token: str) -> bytes:
    """Return what is stored of an invitation's token, which is random: nobody guesses it from the hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def find_invitation(token: str) -> Invitation | None:
    """Return the pending invitation of a token with its organization and inviter, if both are still there."""
    return (
        Invitation.objects.pending()
        .select_related("organization", "invited_by")
        .filter(token_hash=invitation_hash(token), organization__deleted_at__isnull=True)
        .first()
    )


def refuse_suspended(organization: Organization) -> None:
    """Raise OrganizationSuspended if it is."""
    if organization.suspended_at is not None:
        raise OrganizationSuspended


def _find_membership(user: User, named: str) -> Membership | None:
    """Return a user's membership of a living organization, by its id or short name."""
    if UUID_PATTERN.fullmatch(named):
        return MEMBERSHIP_BY_IDS.first(user_id=user.pk, organization_id=uuid.UUID(named))
    return _memberships().filter(user=user, organization__slug=named).first()


def _memberships() -> QuerySet[Membership]:
    return Membership.objects.select_related("organization").filter(organization__deleted_at__isnull=True)


def _default_of(user: User, memberships: Sequence[Membership]) -> Membership:
    if not memberships:
        raise NoOrganization
    chosen = (item for item in memberships if item.organization_id == user.default_organization_id)
    return next(chosen, min(memberships, key=lambda item: (item.created_at, item.pk)))


def _acting(user: User, membership: Membership) -> Actor:
    """Return the actor of a membership; raises OrganizationSuspended."""
    refuse_suspended(membership.organization)
    return member_actor(user=user, organization=membership.organization, role=Role(membership.role))
