"""What the holder of a token does: look, take a slot, fetch the bytes. They see no id, path or person.

Every function first finds the secret by `queries.bearers`, which answers for all that is not open alike.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.authentication import Credentials
from apps.accounts.permissions import Actor, require
from apps.common.errors import Conflict, Forbidden, NotFound, Unauthenticated
from apps.common.origin import current_origin
from apps.previews.agents import name_of_agent
from apps.previews.announcing import announce_device
from apps.previews.errors import DeviceLimit, PreviewNotAvailable
from apps.previews.models import Bundle, Device, Session, Token
from apps.previews.notices import tell_opened
from apps.previews.queries.bearers import find_bearer, find_device, openable
from apps.previews.services.accesses import grant_again, log_access, log_poll
from apps.previews.states import Access, AccessKind, SessionStatus, TokenKind
from apps.previews.tokens import (
    PREFIX_CHARS,
    device_hash,
    new_grant,
    stored_hash,
)

GRANT_MAX: Final = dt.timedelta(seconds=300)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever comes with a token: the device's own id, and how to find who is signed in there, if asked."""

    token: str
    device_id: str
    member: Callable[[], Credentials | None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a token leads to now."""

    session: Session
    project_name: str
    server_time: dt.datetime
    bundle: Bundle | None


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to fetch one bundle for a short time: `raw` is the secret part of its address."""

    raw: str
    bundle: Bundle
    expires_at: dt.datetime


def resolve_preview(*, visitor: Visitor) -> Resolved:
    """Return where a preview stands; takes no slot.

    Raises PreviewNotAvailable, and Unauthenticated where a member is wanted and nobody is signed in.
    """
    token = _let_in(visitor)
    session = token.session
    if not log_poll(session, visitor.device_id):
        raise PreviewNotAvailable
    if session.dev_server_url:
        # Such a preview needs no grant: whoever sees the address has opened it.
        _note_first_opening(session)
    assert session.project is not None  # noqa: S101 - only a purged session has none
    return Resolved(
        session=session,
        project_name=session.project.name,
        server_time=token.server_time,  # type: ignore[attr-defined]  # annotated
        bundle=session.current_bundle,
    )


def grant_download(*, visitor: Visitor) -> Grant:
    """Grant a device the current bundle; its first grant takes a slot, which it keeps until the end.

    Raises PreviewNotAvailable, DeviceLimit, Conflict while nothing can be fetched, Unauthenticated.
    """
    token = _let_in(visitor)
    session = token.session
    bundle = _fetchable(session)
    now: dt.datetime = token.server_time  # type: ignore[attr-defined]  # annotated
    grant = _new_grant(session, bundle, now)
    if grant_again(session, visitor.device_id, grant.raw, bundle, grant.expires_at):
        return grant
    try:
        with transaction.atomic():
            device = _take_slot(session, visitor.device_id, now)
            _store_grant(session, grant, device)
            log_access(session, AccessKind.GRANT, device_id=device.pk)
            _note_first_opening(session)
    except DeviceLimit:
        # Outside of what was rolled back: refusals are counted.
        log_access(session, AccessKind.REFUSED)
        raise
    return grant


@transaction.atomic
def open_preview(*, actor: Actor, session: Session) -> Grant:
    """Grant a member the current bundle without a device's slot.

    Raises Conflict for what is not open to anybody just now, Forbidden.
    """
    require(actor, "previews.view")
    now = timezone.now()
    if not Session.objects.filter(openable(""), pk=session.pk).exists():
        raise Conflict("The preview cannot be opened: it has ended, or nobody may share it any more.")
    bundle = _fetchable(session)
    grant = _new_grant(session, bundle, now)
    _store_grant(session, grant, None)
    log_access(session, AccessKind.OPEN)
    return grant


def note_download(*, grant: Token, length: int) -> None:
    """Log that so many bytes of a bundle are being sent."""
    log_access(grant.session, AccessKind.DOWNLOAD, device_id=grant.device_id, length=length)


def _let_in(visitor: Visitor) -> Token:
    """Return the token of a visitor who may come in; raises PreviewNotAvailable, Unauthenticated."""
    token = find_bearer(visitor.token)
    session = token.session
    if session.access == Access.MEMBERS and not _sees(visitor.member(), session):
        log_access(session, AccessKind.REFUSED)
        raise PreviewNotAvailable
    return token


def _sees(member: Credentials | None, session: Session) -> bool:
    """Tell whether whoever is signed in sees the session; raises Unauthenticated if nobody is."""
    if member is None:
        raise Unauthenticated("This preview is for members: sign in as well.")
    try:
        actor = member.resolve_actor(str(session.organization_id))
    except (NotFound, Conflict, Forbidden):
        return False
    return actor.may("previews.view") and Session.objects.visible_to(actor).filter(pk=session.pk).exists()


def _fetchable(session: Session) -> Bundle:
    """Return the current bundle; raises Conflict while there is none."""
    bundle = session.current_bundle
    if session.status != SessionStatus.READY or bundle is None:
        raise Conflict("The preview has no bundle to fetch.")
    return bundle


def _known_device(session: Session, device_id: str) -> Device | None:
    """Return a device that holds a slot, None for a new one; raises PreviewNotAvailable for a removed one."""
    device = find_device(session.pk, device_id)
    if device is not None and device.ended_at is not None:
        raise PreviewNotAvailable
    return device


def _take_slot(session: Session, device_id: str, now: dt.datetime) -> Device:
    """Return the device with its slot, in the caller's transaction; raises DeviceLimit."""
    device = _known_device(session, device_id)
    if device is not None:
        Device.objects.filter(pk=device.pk).update(last_seen_at=now)
        return device
    try:
        with transaction.atomic():
            return _bind_device(session, device_id, now)
    except (IntegrityError, DeviceLimit):
        # The same device asked twice at once, and the other call has bound it.
        device = _known_device(session, device_id)
        if device is None:
            raise DeviceLimit from None
        return device


def _bind_device(session: Session, device_id: str, now: dt.datetime) -> Device:
    # Devices race for the last slot: one UPDATE sees it free. No joins in it, which would be read before the
    # lock is waited for.
    free = Session.objects.filter(
        pk=session.pk, uses__lt=F("max_devices"), status=SessionStatus.READY, expires_at__gt=Now()
    )
    if not free.update(uses=F("uses") + 1):
        raise DeviceLimit
    device = Device.objects.create(
        organization_id=session.organization_id,
        session=session,
        device_hash=device_hash(session.pk, device_id),
        label=name_of_agent(current_origin().user_agent),
        last_seen_at=now,
    )
    announce_device(session, device.pk, is_bound=True)
    return device


def _new_grant(session: Session, bundle: Bundle, now: dt.datetime) -> Grant:
    return Grant(new_grant(), bundle, min(now + GRANT_MAX, session.expires_at))


def _store_grant(session: Session, grant: Grant, device: Device | None) -> None:
    Token.objects.create(
        organization_id=session.organization_id,
        session=session,
        kind=TokenKind.DOWNLOAD,
        hash=stored_hash(grant.raw),
        prefix=grant.raw[:PREFIX_CHARS],
        device=device,
        bundle=grant.bundle,
        expires_at=grant.expires_at,
    )


@transaction.atomic
def _note_first_opening(session: Session) -> None:
    """Write down that the session was opened for the first time, and tell its creator once."""
    if session.first_opened_at is not None:
        return
    # Of two first openings at once, one UPDATE finds none before it.
    if Session.objects.filter(pk=session.pk, first_opened_at__isnull=True).update(first_opened_at=Now()):
        tell_opened(session)
