"""Who is behind a connection that outlives a request, and whether they still may be there.

A token is checked once; afterwards its session counts, not the hour that the token itself lives. A key is
checked whole each time. All functions query, and raise Unauthenticated, Forbidden or NotFound.
"""

import importlib
import io
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.contrib import auth
from django.core.handlers.asgi import ASGIRequest

from apps.accounts.authentication import Credentials, authenticate_raw, page_credentials, raw_credential
from apps.accounts.models import Session
from apps.accounts.permissions import Actor
from apps.accounts.services.sessions import SessionRevoked
from apps.common.addresses import client_address
from apps.common.errors import Unauthenticated


class Caller(Protocol):
    """How somebody signed in, in a form that can be looked at again."""

    def credentials(self) -> Credentials:
        """Return who it is now."""


@dataclass(frozen=True, slots=True)
class PageCaller:
    """Somebody with the page's cookie."""

    request: ASGIRequest

    def credentials(self) -> Credentials:
        """Return the cookie's user, read anew."""
        engine = importlib.import_module(settings.SESSION_ENGINE)
        self.request.session = engine.SessionStore(self.request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        found = page_credentials(self.request, user=auth.get_user(self.request))
        if found is None:
            raise SessionRevoked
        return found


@dataclass(frozen=True, slots=True)
class SessionCaller:
    """Somebody who came with an access token."""

    session_id: uuid.UUID
    claimed_organization: uuid.UUID | None

    def credentials(self) -> Credentials:
        """Return the session's user if it goes on."""
        living = Session.objects.live().select_related("user")
        session = living.filter(pk=self.session_id, user__is_active=True).first()
        if session is None:
            raise SessionRevoked
        claimed = self.claimed_organization
        return Credentials(user=session.user, session=session, claimed_organization=claimed)


@dataclass(frozen=True, slots=True)
class KeyCaller:
    """A program with an API key."""

    raw: str
    ip: str | None

    def credentials(self) -> Credentials:
        """Return the key if it is still good."""
        return authenticate_raw(self.raw, ip=self.ip)


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody who is here: how they came, and as whom they act now."""

    caller: Caller
    actor: Actor
    session_id: uuid.UUID | None

    @property
    def subjects(self) -> frozenset[str]:
        """Return the ids of everything whose end concerns them."""
        actor = self.actor
        keys = (self.session_id, actor.user and actor.user.pk, actor.api_key and actor.api_key.pk)
        return frozenset(str(key) for key in (*keys, actor.organization.pk) if key)

    def is_like(self, other: "Presence") -> bool:
        """Tell whether both are the same actor of the same organization."""
        mine, its = self.actor, other.actor
        return (mine.key, mine.organization.pk) == (its.key, its.organization.pk)

    def checked(self, organization: str = "") -> "Presence":
        """Return them as they are now, in the same organization or another one."""
        return presence_of(self.caller, organization or str(self.actor.organization.pk))


def presence_of(caller: Caller, organization: str = "") -> Presence:
    """Return a caller as an actor of an organization (id or short name), by default their own."""
    return _present(caller, caller.credentials(), organization)


def presence_by_raw(raw: str, *, ip: str | None, organization: str = "") -> Presence:
    """Sign in by a key or an access token."""
    credentials = authenticate_raw(raw, ip=ip)
    return _present(_caller_by_raw(credentials, raw.strip(), ip), credentials, organization)


def presence_by_request(request: ASGIRequest, organization: str = "") -> Presence | None:
    """Sign in by what a handshake carries, header before cookie; None for neither, or a stale cookie."""
    raw = raw_credential(request)
    if raw is not None:
        return presence_by_raw(raw, ip=client_address(request), organization=organization)
    caller = PageCaller(request)
    try:
        credentials = caller.credentials()
    except Unauthenticated:
        return None
    return _present(caller, credentials, organization)


def presence_by_credentials(request: ASGIRequest, credentials: Credentials) -> Presence:
    """Return whom an API request has signed in already."""
    raw = raw_credential(request)
    if raw is None:
        return _present(PageCaller(request), credentials, "")
    return _present(_caller_by_raw(credentials, raw, client_address(request)), credentials, "")


def carries_credentials(request: ASGIRequest) -> bool:
    """Tell whether a handshake has anything to sign in by; never queries."""
    headers = request.headers
    named = "Authorization" in headers or "X-API-Key" in headers
    return named or settings.SESSION_COOKIE_NAME in request.COOKIES


def _caller_by_raw(credentials: Credentials, raw: str, ip: str | None) -> Caller:
    if credentials.session is None:
        return KeyCaller(raw, ip)
    return SessionCaller(credentials.session.pk, credentials.claimed_organization)


def _present(caller: Caller, credentials: Credentials, organization: str) -> Presence:
    return Presence(caller, credentials.resolve_actor(organization), credentials.session_id)


def handshake_request(scope: dict[str, Any]) -> ASGIRequest:
    """Return the handshake of a websocket as Django's request, for headers, cookies and address."""
    return ASGIRequest({**scope, "method": "GET"}, io.BytesIO())
