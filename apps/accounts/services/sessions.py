"""Token sessions: sign-in, rotation of the refresh token, the check of every access token, the end."""

import datetime as dt
import uuid
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts import queries
from apps.accounts.models import Organization, Session, User
from apps.accounts.models.session import SessionKind
from apps.accounts.services.announcing import announce_revoked_sessions
from apps.accounts.tokens import Claims, TokenInvalid, read_token, sign_token
from apps.common.errors import DomainError, Unauthenticated

logger = structlog.get_logger(__name__)

SESSIONS_PER_USER = 20
LAST_USED_EVERY = dt.timedelta(minutes=5)


class InvalidCredentials(Unauthenticated):
    """The address or the password is wrong."""

    code = "auth.invalid_credentials"


class SessionRevoked(Unauthenticated):
    """The session has ended; sign in again."""

    code = "auth.session_revoked"


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


def sign_in(
    *, email: str, password: str, label: str = "", ip: str | None = None, user_agent: str = ""
) -> TokenPair:
    """Open a token session. Raises InvalidCredentials; unknown addresses take one password hash as well."""
    user = authenticate(request=None, email=email, password=password)
    if not isinstance(user, User):
        raise InvalidCredentials
    session = _open_session(user=user, label=label, ip=ip, user_agent=user_agent, now=timezone.now())
    organization = _starting_organization(user)
    return _pair(session, organization.pk if organization else None)


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


def revoke_session(*, session: Session, reason: str) -> None:
    """End a session; its tokens are refused from the next request on, its websockets close. Repeatable."""
    _end_sessions(Session.objects.filter(pk=session.pk), reason=reason, now=timezone.now())


def revoke_sessions(*, user: User, reason: str) -> int:
    """End all sessions of a user, with their websockets; return how many."""
    return _end_sessions(Session.objects.filter(user=user), reason=reason, now=timezone.now())


@transaction.atomic
def _end_sessions(chosen: QuerySet[Session], *, reason: str, now: dt.datetime) -> int:
    """End those of the chosen sessions that nobody has ended yet; return how many."""
    # Locked so that of two who end a session at once only one announces it.
    ending = list(chosen.filter(revoked_at__isnull=True).select_for_update().order_by("pk"))
    Session.objects.filter(pk__in=[session.pk for session in ending]).update(
        revoked_at=now, revoked_reason=reason
    )
    announce_revoked_sessions(ending, reason=reason)
    return len(ending)


@transaction.atomic
def _open_session(*, user: User, label: str, ip: str | None, user_agent: str, now: dt.datetime) -> Session:
    """Create the row; beyond the allowed number the user's oldest session ends."""
    # Locked so that two sign-ins at once cannot both find room.
    User.objects.select_for_update().get(pk=user.pk)
    living = Session.objects.live().filter(user=user).order_by("-created_at", "-pk")
    surplus = list(living.values_list("pk", flat=True)[SESSIONS_PER_USER - 1 :])
    if surplus:
        _end_sessions(Session.objects.filter(pk__in=surplus), reason="too_many_sessions", now=now)
    ends_at = now + dt.timedelta(days=settings.SESSION_MAX_DAYS)
    return Session.objects.create(
        user=user,
        kind=SessionKind.TOKEN,
        label=label,
        ip=ip,
        user_agent=user_agent[:400],
        current_jti=uuid.uuid4(),
        last_used_at=now,
        expires_at=_refresh_expiry(now, ends_at),
        ends_at=ends_at,
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
        session.previous_jti, session.current_jti = session.current_jti, uuid.uuid4()
        session.rotated_at, session.last_used_at = now, now
        session.generation += 1
        session.expires_at = _refresh_expiry(now, session.ends_at)
        session.save()
    elif not is_current and not (claims.jti == session.previous_jti and _just_rotated(session, now)):
        revoke_session(session=session, reason="token_reused")
        logger.warning("refresh_token_reused", session_id=str(session.pk), user_id=str(session.user_id))
        return TokenReused()
    # A second tab, or a client whose answer got lost: it gets the current token, which is not rotated again.
    return _pair(session, claims.organization_id)


def _pair(session: Session, organization_id: uuid.UUID | None) -> TokenPair:
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


def _starting_organization(user: User) -> Organization | None:
    """Return the organization a new session is active in; none is no obstacle to signing in."""
    try:
        return queries.resolve_member(user).organization
    except queries.NoOrganization:
        return None


def _refuse_ended(session: Session, now: dt.datetime) -> None:
    is_over = session.revoked_at is not None or session.expires_at <= now or session.ends_at <= now
    if is_over or not session.user.is_active:
        raise SessionRevoked


def _just_rotated(session: Session, now: dt.datetime) -> bool:
    grace = dt.timedelta(seconds=settings.REFRESH_GRACE_S)
    return session.rotated_at is not None and now - session.rotated_at <= grace


def _refresh_expiry(now: dt.datetime, ends_at: dt.datetime) -> dt.datetime:
    return min(now + dt.timedelta(days=settings.REFRESH_TOKEN_DAYS), ends_at)
