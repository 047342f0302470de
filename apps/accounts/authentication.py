"""The first wall: who is calling, by token, by key or by the page's cookie.

API views get `request.auth` (Credentials) and from it `request.actor`; pages get `request.actor` from
`ActorMiddleware`; the websocket calls `authenticate_raw` and `page_credentials`.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts import keys, queries
from apps.accounts.chosen_organization import chosen_organization
from apps.accounts.models import ApiKey, Membership, Role, Session, User
from apps.accounts.permissions import Actor
from apps.accounts.services import check_access, use_api_key
from apps.accounts.services.passwords import InvalidCredentials
from apps.accounts.services.sessions import PageMark
from apps.accounts.services.sign_in import authenticate
from apps.accounts.tokens import TokenInvalid, read_token
from apps.common.addresses import client_address
from apps.common.errors import DomainError, Malformed
from apps.common.problems import CsrfFailed
from apps.common.throttles import Caller


class MultipleCredentials(Malformed):
    """The request carries two different credentials.

    Send one key or token, either as `Authorization: Bearer` or as `X-API-Key`.
    """

    code = "auth.multiple_credentials"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is calling; in which organization is decided by `resolve_actor`, per request.

    A token's `session` is loaded, of a page's only the id is known: looking it up is for who needs it.
    A token claims its organization; a page prefers the one chosen in its header while its user can act there.
    """

    user: User | None = None
    api_key: ApiKey | None = None
    session: Session | None = None
    page_session_id: uuid.UUID | None = None
    claimed_organization: uuid.UUID | None = None
    preferred_organization: uuid.UUID | None = None
    requested_organization: str = ""

    @property
    def key(self) -> str:
        """Return the caller's stable name, as `Actor.key`."""
        return f"key:{self.api_key.pk}" if self.api_key else f"user:{self.user.pk if self.user else ''}"

    @property
    def session_id(self) -> uuid.UUID | None:
        """Return the id of the session, of a token or a page; None for a key."""
        return self.session.pk if self.session is not None else self.page_session_id

    def resolve_actor(self, requested: str = "") -> Actor:
        """Return the caller in the active organization; `requested` goes before that of the request.

        Raises NotFound, NoOrganization, OrganizationSuspended.
        """
        named = requested or self.requested_organization
        if self.api_key is not None:
            actor = queries.resolve_key(self.api_key, requested=named)
        elif self.user is not None:
            actor = queries.resolve_member(
                self.user,
                requested=named,
                claimed=self.claimed_organization,
                preferred=self.preferred_organization,
            )
        else:
            raise TokenInvalid
        self.log_as(actor)
        return actor

    def log_as(self, actor: Actor) -> None:
        """Have the log lines from here on name the caller as this actor."""
        structlog.contextvars.bind_contextvars(**actor.log_context())
        if self.session_id is not None:
            structlog.contextvars.bind_contextvars(session_id=str(self.session_id))

    def caller(self) -> Caller:
        """Return how the caller is counted where no organization is needed: as in the active one, if any."""
        try:
            return self.resolve_actor().caller
        except DomainError:
            return Caller(subject=self.key, column=Role.VIEWER)


def keys_at_hand(raws: Iterable[str]) -> dict[str, ApiKey]:
    """Return the keys among several credentials by prefix, for `authenticate_raw`. At most one query."""
    prefixes = set()
    for raw in raws:
        if keys.looks_like_key(raw.strip()):
            with suppress(keys.KeyInvalid):
                prefixes.add(keys.prefix_of(raw.strip()))
    return queries.find_api_keys(prefixes) if prefixes else {}


def authenticate_raw(
    raw: str,
    *,
    ip: str | None,
    requested_organization: str = "",
    at_hand: Mapping[str, ApiKey] | None = None,
) -> Credentials:
    """Return whom a key or an access token belongs to; raises Unauthenticated, AddressNotAllowed."""
    raw = raw.strip()
    now = timezone.now()
    if keys.looks_like_key(raw):
        api_key = use_api_key(raw=raw, ip=ip, now=now, at_hand=at_hand)
        return Credentials(api_key=api_key, requested_organization=requested_organization)
    claims = read_token(raw, "access")
    session = check_access(claims, now=now)
    return Credentials(
        user=session.user,
        session=session,
        claimed_organization=claims.organization_id,
        requested_organization=requested_organization,
    )


def page_credentials(
    request: HttpRequest, *, user: Any = None, requested_organization: str = ""
) -> Credentials | None:
    """Return the credentials of the user that the page's cookie signs in; None for a guest."""
    user = user or getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_active:  # true for Django's lazy user, too
        return None
    mark = PageMark.of(request.session)
    return Credentials(
        user=user,
        page_session_id=mark.session_id if mark else None,
        preferred_organization=chosen_organization(request.session),
        requested_organization=requested_organization,
    )


class ActorAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer` or `X-API-Key`, each with a key or a token, else the page's cookie."""

    def authenticate(self, request: Request) -> tuple[User | None, Credentials] | None:
        """Return user and credentials, None if the request carries none; raises Unauthenticated."""
        requested = request.headers.get("X-Organization", "")
        raw = raw_credential(request)
        if raw is not None:
            found = authenticate_raw(raw, ip=client_address(request), requested_organization=requested)
            return found.user, found
        # DRF's own name for Django's request, whose user its middleware has read from the cookie.
        page = page_credentials(request._request, requested_organization=requested)  # noqa: SLF001
        if page is None:
            return None
        _check_csrf(request)
        return page.user, page

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="sextant"'


class PasswordBackend(ModelBackend):
    """Sign-in by address and password for pages: the services' own, so that failures count in one way."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the user of an address (allauth calls it `email`), None for a wrong password.

        Raises SignInLocked, EmailUnverified.
        """
        try:
            return authenticate(email=credentials.get("email") or username or "", password=password or "")
        except InvalidCredentials:
            return None


class ActorMiddleware:
    """Gives every page `request.actor`, None for a guest, and the `request.memberships` behind it.

    Who looks first at either issues the one query for both.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Put the actor on the request; in API views DRF's request has its own."""
        request.memberships = SimpleLazyObject(lambda: _page_memberships(request))  # type: ignore[attr-defined]
        request.actor = SimpleLazyObject(lambda: _page_actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def raw_credential(request: HttpRequest) -> str | None:
    """Return the one key or token of the headers; raises MultipleCredentials, TokenInvalid."""
    headers = request.headers
    return credential_of_headers(headers.get("Authorization", ""), headers.get("X-API-Key", ""))


def credential_of_headers(authorization: str, api_key: str) -> str | None:
    """Return the one key or token that two headers show; raises MultipleCredentials, TokenInvalid."""
    found = {text for text in (_bearer(authorization), api_key.strip()) if text}
    if len(found) > 1:
        raise MultipleCredentials
    return found.pop() if found else None


def may_read_health(request: HttpRequest) -> bool:
    """Tell whether a request carries a key with the scope health:read."""
    try:
        raw = raw_credential(request)
        found = (
            authenticate_raw(raw, ip=client_address(request)) if raw and keys.looks_like_key(raw) else None
        )
    except DomainError:
        return False
    return found is not None and found.api_key is not None and "health:read" in found.api_key.scopes


def _page_memberships(request: HttpRequest) -> list[Membership]:
    found = page_credentials(request)
    return queries.memberships_of(found.user) if found and found.user else []


def _page_actor(request: HttpRequest) -> Actor | None:
    found = page_credentials(request)
    if found is None or found.user is None:
        return None
    memberships: list[Membership] = request.memberships  # type: ignore[attr-defined]
    actor = queries.resolve_preferred(found.user, memberships, preferred=found.preferred_organization)
    found.log_as(actor)
    return actor


def _bearer(authorization: str) -> str:
    header = authorization.strip()
    if not header:
        return ""
    scheme, _, raw = header.partition(" ")
    if scheme.lower() != "bearer" or not raw.strip():
        raise TokenInvalid("The Authorization header must read `Bearer <token or key>`.")
    return raw.strip()


def _check_csrf(request: Request) -> None:
    """Refuse an unsafe request that the cookie alone signs in; raises CsrfFailed."""
    check = CsrfViewMiddleware(lambda _request: HttpResponse())
    check.process_request(request._request)  # noqa: SLF001
    if check.process_view(request._request, HttpResponse, (), {}) is not None:  # noqa: SLF001
        raise CsrfFailed
