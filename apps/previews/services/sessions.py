"""What people do with a session: create, extend, share anew, revoke."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common import throttles
from apps.common.errors import Conflict, FieldError, Invalid
from apps.common.locks import lock_in_transaction
from apps.previews.announcing import announce_status
from apps.previews.cleaning.ending import end_session
from apps.previews.errors import SessionLimit
from apps.previews.models import Session, Token
from apps.previews.qr import qr_svg
from apps.previews.states import LIVE, Access, Platform, SessionStatus, TokenKind
from apps.previews.tokens import PREFIX_CHARS, new_public_id, new_token, stored_hash
from apps.projects.models import Project
from apps.projects.queries.projects import visible_project
from apps.projects.services.projects import require_edit, require_own

LIVE_MAX: Final = 10
TTL_MIN_S: Final = 60
TTL_MAX_S: Final = 3_600
AGE_MAX: Final = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Shared:
    """A session with the secret that opens it, which is shown once and stored nowhere."""

    session: Session
    token: str

    @property
    def url(self) -> str:
        """Return the link: its fragment never leaves a browser."""
        return f"{settings.BASE_URL}/p/{self.session.public_id}#{self.token}"

    @property
    def qr_svg(self) -> str:
        """Return the link as a QR code."""
        return qr_svg(self.url)


@transaction.atomic
def create_session(
    *,
    actor: Actor,
    project_id: uuid.UUID,
    platform: str,
    label: str = "",
    ttl_s: int | None = None,
    max_devices: int = 1,
    access: str = Access.TOKEN,
    ref: str = "",
) -> Shared:
    """Create a session that waits for its bundle.

    Raises NotFound for a project that the actor does not see, Forbidden, ProjectArchived, SessionLimit, and
    RateLimited.
    """
    project = visible_project(actor, project_id)
    require_edit(actor, project, "previews.create")
    throttles.take("preview_create", {"project": str(project.pk)})
    now = timezone.now()
    _refuse_many(project, now)
    expires_at = now + dt.timedelta(seconds=_checked_ttl(ttl_s))
    session = Session.objects.create(
        organization=project.organization,
        project=project,
        created_by=actor.person,
        public_id=new_public_id(),
        platform=Platform(platform),
        label=label,
        ref=ref,
        access=Access(access),
        max_devices=max_devices,
        expires_at=expires_at,
    )
    token = _issue_token(session)
    facts = {"platform": platform, "access": access, "max_devices": max_devices, "expires_at": expires_at}
    record_audit(actor=actor, verb="previews.created", target=session, changes=facts)
    announce_status(session, session.status)
    return Shared(session, token)


@transaction.atomic
def extend_session(*, actor: Actor, session: Session, ttl_s: int) -> Session:
    """Let a live session end `ttl_s` from now; raises Conflict for one that has ended, Invalid, Forbidden.

    Never earlier than it would have ended, and never more than 24 h after its creation.
    """
    require_edit(actor, project_of(session), "previews.create")
    now = timezone.now()
    live = Session.objects.filter(pk=session.pk, status__in=LIVE, expires_at__gt=now)
    # First: no other time would help one that has ended.
    if not live.exists():
        raise Conflict("The preview has ended.")
    expires_at = now + dt.timedelta(seconds=_checked_ttl(ttl_s))
    if expires_at > session.created_at + AGE_MAX:
        raise _wrong_ttl("A preview lives at most 24 hours after its creation; make a new one.")
    if expires_at < session.expires_at:
        raise _wrong_ttl("That would end before the time it has now.")
    # Conditional: it may have ended since, and what has ended never comes back.
    if not live.update(expires_at=expires_at, warned_at=None, updated_at=now):
        raise Conflict("The preview has ended.")
    Token.objects.filter(session=session, kind=TokenKind.OWNER, revoked_at__isnull=True).update(
        expires_at=expires_at
    )
    record_audit(actor=actor, verb="previews.extended", target=session, changes={"expires_at": expires_at})
    session.refresh_from_db()
    announce_status(session, session.status)
    return session


@transaction.atomic
def rotate_token(*, actor: Actor, session: Session) -> Shared:
    """Give a live session a new token; the old one, and the grants made with it, open nothing any more.

    Raises Conflict for a session that has ended, Forbidden.
    """
    require_edit(actor, project_of(session), "previews.create")
    now = timezone.now()
    live = Session.objects.select_for_update().filter(pk=session.pk, status__in=LIVE, expires_at__gt=now)
    # Locked, so that of two rotations at once one token stays.
    if live.first() is None:
        raise Conflict("The preview has ended.")
    made_with_it = Q(kind=TokenKind.OWNER) | Q(device__isnull=False)
    Token.objects.filter(made_with_it, session=session, revoked_at__isnull=True).update(revoked_at=now)
    token = _issue_token(session)
    record_audit(actor=actor, verb="previews.token_rotated", target=session)
    announce_status(session, session.status)
    return Shared(session, token)


@transaction.atomic
def revoke_session(*, actor: Actor, session: Session) -> Session:
    """End a session at once; its creator may, and whoever owns or manages the project.

    Raises Conflict for one that has ended already, Forbidden.
    """
    project = project_of(session)
    is_own = actor.person is not None and session.created_by_id == actor.person.pk
    if is_own:
        require(actor, "previews.revoke", session)
        if project.archived_at is not None:
            raise Conflict("The project is archived; it takes no changes.")
    else:
        require_own(actor, project, "previews.revoke")
    if not end_session(session, SessionStatus.REVOKED, now=timezone.now(), is_told=not is_own):
        raise Conflict("The preview has ended already.")
    record_audit(actor=actor, verb="previews.revoked", target=session)
    return session


def project_of(session: Session) -> Project:
    """Return the project of a session that was not purged; raises Conflict."""
    if session.project is None:
        raise Conflict("The preview has ended.")
    return session.project


def _issue_token(session: Session) -> str:
    """Store a new owner's token and return it as it is shown once."""
    token = new_token()
    prefix = token[:PREFIX_CHARS]
    Token.objects.create(
        organization_id=session.organization_id,
        session=session,
        kind=TokenKind.OWNER,
        hash=stored_hash(token),
        prefix=prefix,
        expires_at=session.expires_at,
    )
    Session.objects.filter(pk=session.pk).update(token_prefix=prefix)
    session.token_prefix = prefix
    return token


def _refuse_many(project: Project, now: dt.datetime) -> None:
    """Raise SessionLimit if the project has as many live sessions as it may."""
    # Locked, so that two creations at once cannot both take the last place.
    lock_in_transaction(f"previews:{project.pk}")
    if Session.objects.live().filter(project=project, expires_at__gt=now).count() >= LIVE_MAX:
        raise SessionLimit(f"The project has {LIVE_MAX} live previews; revoke one first.")


def _checked_ttl(ttl_s: int | None) -> int:
    chosen = settings.PREVIEWS_TTL_S if ttl_s is None else ttl_s
    if not TTL_MIN_S <= chosen <= TTL_MAX_S:
        raise _wrong_ttl(f"A preview lives {TTL_MIN_S} to {TTL_MAX_S} seconds.")
    return int(chosen)


def _wrong_ttl(detail: str) -> Invalid:
    return Invalid(errors=[FieldError(detail, pointer="/ttl_s")])
