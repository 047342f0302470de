"""The endpoints of sign-in, sessions and passwords (platform.md section 4)."""

from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import auth_serializers as serializers
from apps.accounts.authentication import Credentials
from apps.accounts.models import Session, User
from apps.accounts.services import TokenPair
from apps.accounts.tokens import TokenInvalid, read_token
from apps.common.errors import Forbidden, Unauthenticated
from apps.common.viewsets import ResourceViewSet

ResponseT = TypeVar("ResponseT", bound=HttpResponse)

REFRESH_COOKIE = "sx_refresh"
REFRESH_COOKIE_PATH = "/api/v1/auth"


class SignInViewSet(ResourceViewSet[User]):
    """Sign-in and refresh: who calls has no access token yet."""

    queryset = User.objects.none()
    is_public = True
    authentication_classes = ()
    limit = ""  # each call counts by what it is about

    @extend_schema(request=serializers.LoginIn, responses=serializers.PairOut)
    @action(detail=False, methods=["post"])
    def login(self, request: Request) -> Response:
        """Sign in by address and password."""
        values = self.validated(serializers.LoginIn)
        self.count_by("auth_login", ip_and_address=values["email"])
        in_cookie = values.pop("transport") == "cookie"
        return _pair_response(services.sign_in(**values), in_cookie=in_cookie)

    @extend_schema(request=serializers.RefreshIn, responses=serializers.PairOut)
    @action(detail=False, methods=["post"])
    def refresh(self, request: Request) -> Response:
        """Exchange the refresh token, from the body or the cookie, for a new pair."""
        in_body = self.validated(serializers.RefreshIn).get("refresh")
        token = in_body or request.COOKIES.get(REFRESH_COOKIE)
        if not token:
            raise TokenInvalid("Send the refresh token in the body or as the cookie.")
        self.count_by("auth_refresh", session=str(read_token(token, "refresh").session_id))
        return _pair_response(services.refresh_session(refresh_token=token), in_cookie=not in_body)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer the error; a cookie that is refused is taken back."""
        response = super().handle_exception(exc)
        if self.action == "refresh" and response.status_code == 401:  # noqa: PLR2004
            _drop_cookie(response)
        return response


class OwnSessionViewSet(ResourceViewSet[User]):
    """What somebody does with their own sign-in and password."""

    queryset = User.objects.none()
    needs_organization = False
    # Answers are not kept by Idempotency-Key: nothing of a password may be stored, not even a digest, and a
    # failure must be counted although the call is refused.
    remembers_answers = False

    @extend_schema(request=serializers.TokenIn, responses=serializers.PairOut)
    @action(detail=False, methods=["post"])
    def token(self, request: Request) -> Response:
        """Open tokens for who is signed in by the page's cookie; needs its CSRF token."""
        if self.credentials.page_session_id is None:
            raise Unauthenticated("Sign in by the page first; this call takes its cookie.")
        values = self.validated(serializers.TokenIn)
        in_cookie = values.pop("transport") == "cookie"
        pair = services.open_tokens_of_page(
            user=self.credentials.user, page_session_id=self.credentials.page_session_id, **values
        )
        return _pair_response(pair, in_cookie=in_cookie)

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> Response:
        """End the session of the access token, or the page's."""
        services.sign_out(user=person(self.credentials), session_id=self.credentials.session_id)
        if self.credentials.page_session_id is not None:
            logout(request._request)  # noqa: SLF001 - takes the page's cookie back
        return _drop_cookie(Response(status=204))

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"], url_path="logout-all")
    def logout_all(self, request: Request) -> Response:
        """End all sessions of the caller, this one included."""
        services.sign_out_everywhere(user=person(self.credentials))
        return _drop_cookie(Response(status=204))

    @extend_schema(request=serializers.ReauthenticateIn, responses={204: None})
    @action(detail=False, methods=["post"])
    def reauthenticate(self, request: Request) -> Response:
        """Prove again who is calling, for what needs a sign-in of the last 15 minutes."""
        user = person(self.credentials)
        values = self.validated(serializers.ReauthenticateIn)
        services.reauthenticate(user=user, session_id=self.credentials.session_id, **values)
        return Response(status=204)

    @extend_schema(request=serializers.PasswordChangeIn, responses={204: None})
    @action(detail=False, methods=["post"], url_path="password/change")
    def change_password(self, request: Request) -> Response:
        """Set a new password; all other sessions of the caller end."""
        values = self.validated(serializers.PasswordChangeIn)
        user = services.change_password(
            user=person(self.credentials), session_id=self.credentials.session_id, **values
        )
        if self.credentials.page_session_id is not None:
            # The cookie is bound to the password; this one goes on.
            update_session_auth_hash(request._request, user)  # noqa: SLF001
        return Response(status=204)


class SessionViewSet(ResourceViewSet[Session]):
    """The caller's sessions in use, of pages and of the API."""

    queryset = Session.objects.all()
    offers = ("list", "partial_update", "destroy")
    needs_organization = False
    serializer_class = serializers.SessionOut
    patch_serializer_class = serializers.SessionPatch
    sort_fields = {"created_at": "created_at", "last_used_at": "last_used_at"}

    def get_queryset(self) -> Any:
        """Return the sessions of a user; a key has none."""
        return Session.objects.live().filter(user=person(self.credentials))

    def update_row(self, row: Session, values: dict[str, Any]) -> Session:
        """Name the session."""
        return services.label_session(session=row, **values)

    def delete_row(self, row: Session) -> None:
        """End the session: "sign out there"."""
        services.sign_out(user=row.user, session_id=row.pk)


def person(credentials: Credentials) -> User:
    """Return the user who calls; raises Forbidden for an API key."""
    if credentials.user is None:
        raise Forbidden("An API key cannot do this; sign in.")
    return credentials.user


def _pair_response(pair: TokenPair, *, in_cookie: bool) -> Response:
    """Return the pair, with the refresh token in the body or in the cookie, never in both."""
    body = serializers.PairOut(pair).data
    if not in_cookie:
        return Response(body)
    response = Response(body | {"refresh": None})
    response.set_cookie(
        REFRESH_COOKIE,
        pair.refresh,
        expires=pair.refresh_expires_at,
        path=REFRESH_COOKIE_PATH,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Strict",
    )
    return response


def _drop_cookie(response: ResponseT) -> ResponseT:
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_COOKIE_PATH, samesite="Strict")
    return response
