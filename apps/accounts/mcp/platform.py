"""The tools of accounts itself."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from django.db.models import Q

from apps.accounts.models import Notification
from apps.accounts.permissions import Actor
from apps.common.errors import Forbidden
from apps.common.notices import Level
from apps.common.tools import (
    Arguments,
    CursorText,
    Instant,
    NextCursor,
    NoArguments,
    PageSize,
    Result,
    Tool,
    newest_first,
)


class PersonFacts(Result):
    """A user."""

    id: uuid.UUID
    email: str
    name: str


class KeyFacts(Result):
    """An API key, by what its owner calls it."""

    name: str
    prefix: str
    scopes: list[str]


class OrganizationFacts(Result):
    """An organization."""

    id: uuid.UUID
    name: str
    slug: str


class Whoami(Result):
    """Who calls, where, and what they may do."""

    organization: OrganizationFacts
    role: str
    permissions: Annotated[list[str], msgspec.Meta(description="Named app.verb.")]
    user: PersonFacts | None = None
    key: KeyFacts | None = None


class NotificationsWanted(Arguments):
    """Which notices to list."""

    unread: Annotated[bool, msgspec.Meta(description="Only those that were not read yet.")] = False
    page_size: PageSize = 50
    cursor: CursorText = ""


class NotificationFacts(Result):
    """One notice."""

    id: uuid.UUID
    kind: str
    level: Level
    title: str
    body: str
    created_at: Instant
    read_at: Instant | None


class NotificationPage(Result):
    """One page of notices, the newest first."""

    notifications: list[NotificationFacts]
    next_cursor: NextCursor


def whoami(actor: Actor, _arguments: NoArguments) -> Whoami:
    """Return who calls. Issues no query."""
    user, key, organization = actor.user, actor.api_key, actor.organization
    return Whoami(
        organization=OrganizationFacts(id=organization.pk, name=organization.name, slug=organization.slug),
        role=actor.role.value,
        permissions=sorted(actor.permissions),
        user=PersonFacts(id=user.pk, email=user.email, name=user.name) if user else None,
        key=KeyFacts(name=key.name, prefix=key.prefix, scopes=list(key.scopes)) if key else None,
    )


def list_notifications(actor: Actor, wanted: NotificationsWanted) -> NotificationPage:
    """Return one page of the caller's own notices; raises Forbidden for a key, which has none."""
    if actor.user is None:
        raise Forbidden("An API key has no notifications; sign in with a token.")
    own = Notification.objects.of_user(actor.user).filter(is_in_app=True)
    # Those of another organization are read there.
    rows = own.filter(Q(organization=actor.organization) | Q(organization=None))
    if wanted.unread:
        rows = rows.unread()
    page, next_cursor = newest_first(rows, cursor=wanted.cursor, page_size=wanted.page_size)
    return NotificationPage(notifications=[_notification(row) for row in page], next_cursor=next_cursor)


def _notification(row: Notification) -> NotificationFacts:
    return NotificationFacts(
        id=row.pk,
        kind=row.kind,
        level=Level(row.level),
        title=row.title,
        body=row.body,
        created_at=row.created_at,
        read_at=row.read_at,
    )


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="accounts_whoami",
        title="Who am I",
        description="Return the user or API key that calls, its organization, role and permissions.",
        permission="",
        arguments=NoArguments,
        result=Whoami,
        call=whoami,
    ),
    Tool(
        name="notifications_list",
        title="My notifications",
        description="List what you were told, the newest first; nothing is marked as read by this.",
        permission="",
        offered=lambda actor: actor.user is not None,
        arguments=NotificationsWanted,
        result=NotificationPage,
        call=list_notifications,
    ),
)
