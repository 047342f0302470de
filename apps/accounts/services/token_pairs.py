"""Token pairs: what a session gives out, rotation of the refresh token, the check of every access token."""

import datetime as dt
import uuid
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import queries
from apps.accounts.models import Organization, Session, User
from apps.accounts.services.audit import record_audit
from apps.accounts.services.safety_notices import tell_of_reuse
from apps.accounts.services.sessions import (
    LAST_USED_EVERY,
    SessionRevoked,
    refresh_expiry,
    revoke_session,
)
from apps.accounts.tokens import Claims, TokenInvalid, read_token, sign_token
from apps.common.errors import DomainError, Unauthenticated
from apps.common.origin import current_origin

logger = structlog.get_logger(__name__)


class TokenSuperseded(Unauthenticated):
    """A newer token of this session is in use."""

    code = "auth.token_superseded"


class TokenReused(Unauthenticated):
    """A refresh token was used a second time, so the session was ended.

    Somebody may have copied it. Sign in again; if the second use was not yours, change your password.
    """

    code = "auth.token_reused"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a sign-in or a refresh gives out."""

    access: str
    refresh: str
    access_expires_in_s: int
    refresh_expires_at: dt.datetime
    refresh_expires_in_s: int
    session: Session
    user: User
    organization: Organization | None


def refresh_session(*, refresh_token: str) -> TokenPair:
    """Return a new pair for a refresh token; raises TokenReused and ends the session if it was used before.

    Raises TokenInvalid, TokenExpired, SessionRevoked.
    """
    claims = read_token(refresh_token, "refresh")
    outcome = _rotate(claims, timezone.now())
    # Raised out here, after the commit: the end of a stolen session must not be rolled back with the refusal.
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def check_access(claims: Claims, *, now: dt.datetime) -> Session:
    """Return the living session of an access token. Issues one query, every 5 minutes a second.

    Raises SessionRevoked, TokenSuperseded, TokenInvalid.
    """
    session = queries.find_session(claims.session_id)
    if session is None or session.user_id != claims.user_id:
        raise TokenInvalid
    _refuse_ended(session, now)
    if claims.generation > session.generation:
        raise TokenInvalid
    is_previous = claims.generation == session.generation - 1
    if claims.generation < session.generation and not (is_previous and _just_rotated(session, now)):
        raise TokenSuperseded
    if session.last_used_at is None or now - session.last_used_at > LAST_USED_EVERY:
        Session.objects.filter(pk=session.pk).update(last_used_at=now)
    return session


def issue_pair(session: Session, organization_id: uuid.UUID | None) -> TokenPair:
    """Return the tokens of a session as it stands; its refresh token is the same each time."""
    now = timezone.now()
    access_s = settings.ACCESS_TOKEN_MINUTES * 60
    refresh = Claims(
        type="refresh",
        user_id=session.user_id,
        session_id=session.pk,
        organization_id=organization_id,
        generation=session.generation,
        jti=session.current_jti or uuid.uuid4(),
        issued_at=session.rotated_at or session.created_at,
        expires_at=session.expires_at,
    )
    access = Claims(
        type="access",
        user_id=session.user_id,
        session_id=session.pk,
        organization_id=organization_id,
        generation=session.generation,
        jti=uuid.uuid4(),
        issued_at=now,
        expires_at=now + dt.timedelta(seconds=access_s),
    )
    return TokenPair(
        access=sign_token(access),
        refresh=sign_token(refresh),
        access_expires_in_s=access_s,
        refresh_expires_at=session.expires_at,
        refresh_expires_in_s=int((session.expires_at - now).total_seconds()),
        session=session,
        user=session.user,
        organization=Organization.objects.filter(pk=organization_id).first() if organization_id else None,
    )


@transaction.atomic
def _rotate(claims: Claims, now: dt.datetime) -> TokenPair | DomainError:
    """Judge a refresh token under the row lock, so that of parallel refreshes exactly one rotates."""
    session = (
        Session.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(pk=claims.session_id, user_id=claims.user_id)
        .first()
    )
    if session is None:
        return TokenInvalid()
    _refuse_ended(session, now)
    is_current = claims.jti == session.current_jti
    if is_current and not _just_rotated(session, now):
        _advance(session, now)
    elif not is_current and not (claims.jti == session.previous_jti and _just_rotated(session, now)):
        _end_stolen(session)
        return TokenReused()
    # A second tab, or a client whose answer got lost: it gets the current token, which is not rotated again.
    return issue_pair(session, claims.organization_id)


def _advance(session: Session, now: dt.datetime) -> None:
    """Give the session its next refresh token, and remember where it is used from now on."""
    origin = current_origin()
    session.previous_jti, session.current_jti = session.current_jti, uuid.uuid4()
    session.rotated_at, session.last_used_at = now, now
    session.generation += 1
    session.expires_at = refresh_expiry(now, session.ends_at)
    session.ip, session.user_agent = origin.ip or session.ip, origin.user_agent or session.user_agent
    session.save()


def _end_stolen(session: Session) -> None:
    """End a session whose refresh token came a second time; its user learns both places."""
    revoke_session(session=session, reason="token_reused")
    record_audit(actor=None, verb="auth.token_reused", target=session.user)
    tell_of_reuse(session)
    logger.warning("refresh_token_reused", session_id=str(session.pk), user_id=str(session.user_id))


def _refuse_ended(session: Session, now: dt.datetime) -> None:
    is_over = session.revoked_at is not None or session.expires_at <= now or session.ends_at <= now
    if is_over or not session.user.is_active:
        raise SessionRevoked


def _just_rotated(session: Session, now: dt.datetime) -> bool:
    grace = dt.timedelta(seconds=settings.REFRESH_GRACE_S)
    return session.rotated_at is not None and now - session.rotated_at <= grace
