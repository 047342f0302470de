"""Sessions: one row per sign-in, of a page or of the API; how they open, are proven again, and end.

A page's session is Django's own; its row here lends it a name and an end. The two find each other by
`django_key` there and by the mark in Django's session here, so that a request of a page costs no query more:
to revoke one is to delete Django's. Both keep a digest of the key in the cookie, never the key.
"""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass
from typing import Final, Protocol, Self

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session as DjangoSession
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.accounts.models.session import SessionKind
from apps.accounts.services.announcing import announce_revoked_sessions
from apps.accounts.services.audit import record_audit
from apps.common.errors import Forbidden, Unauthenticated
from apps.common.origin import current_origin

SESSIONS_PER_USER: Final = 20
LAST_USED_EVERY: Final = dt.timedelta(minutes=5)
RECENT: Final = dt.timedelta(minutes=15)
MARK: Final = "sx_session"
STORED_KEY_CHARS: Final = 40  # the width of Django's column


class SessionRevoked(Unauthenticated):
    """The session has ended; sign in again."""

    code = "auth.session_revoked"


class ReauthenticationRequired(Forbidden):
    """This needs a sign-in of the last 15 minutes.

    Prove again who you are by `/auth/reauthenticate`, then repeat the call. An API key cannot do this.
    """

    code = "auth.reauthentication_required"


class SignedIn(Protocol):
    """Who calls: `accounts.authentication.Credentials`, which stands above."""

    @property
    def session_id(self) -> uuid.UUID | None:
        """Return the session, None for an API key."""


@dataclass(frozen=True, slots=True)
class PageMark:
    """What Django's session remembers of its row here."""

    session_id: uuid.UUID
    used_at: dt.datetime
    ends_at: dt.datetime

    @classmethod
    def of(cls, page: SessionBase) -> Self | None:
        """Return the mark of a page's session, None of a guest's."""
        kept = page.get(MARK)
        if kept is None:
            return None
        used_at, ends_at = (dt.datetime.fromisoformat(kept[name]) for name in ("used_at", "ends_at"))
        return cls(uuid.UUID(kept["id"]), used_at, ends_at)

    def write(self, page: SessionBase) -> None:
        """Keep the mark in a page's session."""
        instants = {"used_at": self.used_at.isoformat(), "ends_at": self.ends_at.isoformat()}
        page[MARK] = {"id": str(self.session_id), **instants}


def stored_key(page_key: str | None) -> str:
    """Return what the tables hold for the key of a page's cookie; who reads them can sign in nowhere.

    A plain digest will do: the key is random, 165 bits of it.
    """
    return hashlib.sha256(page_key.encode()).hexdigest()[:STORED_KEY_CHARS] if page_key else ""


# --- opening and using


def open_token_session(*, user: User, label: str, reauthenticated_at: dt.datetime) -> Session:
    """Create the session of a sign-in by the API; beyond 20 the user's oldest session ends."""
    now = timezone.now()
    ends_at = _end_of(now)
    expires_at = refresh_expiry(now, ends_at)
    return _open(
        Session(
            user=user,
            kind=SessionKind.TOKEN,
            label=label,
            current_jti=uuid.uuid4(),
            last_used_at=now,
            expires_at=expires_at,
            ends_at=ends_at,
            reauthenticated_at=reauthenticated_at,
        )
    )


def open_page_session(*, user: User, page: SessionBase) -> Session:
    """Create the row of a page's session that has just been signed in; beyond 20 the oldest ends."""
    now = timezone.now()
    if page.session_key is None:
        page.save()
    ends_at = _end_of(now)
    session = _open(
        Session(
            user=user,
            kind=SessionKind.PAGE,
            django_key=stored_key(page.session_key),
            last_used_at=now,
            expires_at=_page_expiry(now, ends_at),
            ends_at=ends_at,
            reauthenticated_at=now,
        )
    )
    PageMark(session.pk, used_at=now, ends_at=ends_at).write(page)
    return session


def use_page_session(*, page: SessionBase, now: dt.datetime) -> None:
    """Prolong a page's session that is in use, at most every 5 minutes."""
    mark = PageMark.of(page)
    if mark is None or now - mark.used_at <= LAST_USED_EVERY:
        return
    expires_at = _page_expiry(now, mark.ends_at)
    Session.objects.filter(pk=mark.session_id).update(last_used_at=now, expires_at=expires_at)
    PageMark(mark.session_id, used_at=now, ends_at=mark.ends_at).write(page)


def move_page_session(*, page: SessionBase) -> None:
    """Note the new key of a page's session: Django changes it when somebody's rights grow."""
    mark = PageMark.of(page)
    if mark is not None:
        Session.objects.filter(pk=mark.session_id).update(django_key=stored_key(page.session_key))


def label_session(*, session: Session, label: str) -> Session:
    """Name a session, so that its user knows it again in the list."""
    session.label = label
    session.save(update_fields=["label", "updated_at"])
    return session


# --- proof that it is still the same person


def require_recent_authentication(credentials: SignedIn) -> None:
    """Raise ReauthenticationRequired unless the caller signed in, or proved it again, within 15 minutes.

    Issues one query. API keys cannot prove anything, so they are refused.
    """
    session_id = credentials.session_id
    session = Session.objects.filter(pk=session_id).first() if session_id is not None else None
    proven_at = session.reauthenticated_at if session is not None else None
    if proven_at is None or timezone.now() - proven_at > RECENT:
        raise ReauthenticationRequired


def note_reauthentication(*, user: User, session_id: uuid.UUID) -> None:
    """Remember that the user has just proven again who they are."""
    Session.objects.filter(pk=session_id, user=user).update(reauthenticated_at=timezone.now())
    record_audit(actor=user, verb="auth.reauthenticated")


# --- the end


def revoke_session(*, session: Session, reason: str) -> None:
    """End a session: its tokens or cookie are refused from the next request on, its websockets close.

    Repeatable.
    """
    _end(Session.objects.filter(pk=session.pk), reason)


def revoke_sessions(*, user: User, reason: str, but: uuid.UUID | None = None) -> int:
    """End all living sessions of a user, perhaps `but` one; return how many."""
    sessions = Session.objects.filter(user=user)
    return _end(sessions if but is None else sessions.exclude(pk=but), reason)


@transaction.atomic
def sign_out(*, user: User, session_id: uuid.UUID | None) -> None:
    """End one session by its user's wish; one that is gone, or not theirs, is no error."""
    session = Session.objects.filter(pk=session_id, user=user).first() if session_id is not None else None
    if session is not None:
        revoke_session(session=session, reason="signed_out")
        record_audit(actor=user, verb="auth.signed_out", target=session)


@transaction.atomic
def sign_out_everywhere(*, user: User) -> int:
    """End all sessions by their user's wish; return how many."""
    ended = revoke_sessions(user=user, reason="signed_out")
    record_audit(actor=user, verb="auth.signed_out_everywhere", target=user, changes={"sessions": ended})
    return ended


def end_page_session(session_id: uuid.UUID) -> None:
    """Note that Django has ended a page's session: by sign-out, or because the password changed."""
    session = Session.objects.select_related("user").filter(pk=session_id, revoked_at__isnull=True).first()
    if session is not None:
        sign_out(user=session.user, session_id=session.pk)


def refresh_expiry(now: dt.datetime, ends_at: dt.datetime) -> dt.datetime:
    """Return until when a refresh token made now is good."""
    return min(now + dt.timedelta(days=settings.REFRESH_TOKEN_DAYS), ends_at)


@transaction.atomic
def _open(session: Session) -> Session:
    """Save a new session with where it comes from; the user's oldest ends if there are too many."""
    # Locked so that two sign-ins at once cannot both find room.
    User.objects.select_for_update().get(pk=session.user_id)
    living = Session.objects.live().filter(user_id=session.user_id).order_by("-created_at", "-pk")
    surplus = list(living.values_list("pk", flat=True)[SESSIONS_PER_USER - 1 :])
    if surplus:
        _end(Session.objects.filter(pk__in=surplus), "too_many_sessions")
    origin = current_origin()
    session.ip, session.user_agent = origin.ip, origin.user_agent
    session.save()
    return session


@transaction.atomic
def _end(sessions: QuerySet[Session], reason: str) -> int:
    """Revoke rows that are not, delete Django's sessions behind them, and say so; return how many."""
    # Locked so that of two who end a session at once only one announces it.
    ending = list(sessions.filter(revoked_at__isnull=True).select_for_update().order_by("pk"))
    rows = Session.objects.filter(pk__in=[session.pk for session in ending])
    rows.update(revoked_at=timezone.now(), revoked_reason=reason)
    keys = [session.django_key for session in ending if session.django_key]
    DjangoSession.objects.filter(session_key__in=keys).delete()
    announce_revoked_sessions(ending, reason=reason)
    return len(ending)


def _end_of(now: dt.datetime) -> dt.datetime:
    return now + dt.timedelta(days=settings.SESSION_MAX_DAYS)


def _page_expiry(now: dt.datetime, ends_at: dt.datetime) -> dt.datetime:
    return min(now + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE), ends_at)
