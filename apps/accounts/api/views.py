"""The endpoints of accounts."""

from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import serializers
from apps.accounts.api.filters import ApiKeyFilter
from apps.accounts.key_powers import powers_of
from apps.accounts.models import ApiKey, User
from apps.accounts.services import TokenPair
from apps.accounts.tokens import TokenInvalid, read_token
from apps.common.addresses import client_address
from apps.common.errors import Forbidden
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
        transport = values.pop("transport")
        agent = request.headers.get("User-Agent", "")
        pair = services.sign_in(**values, ip=client_address(request), user_agent=agent)
        return _pair_response(pair, in_cookie=transport == "cookie")

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


class SignOutViewSet(ResourceViewSet[User]):
    """The end of the caller's own session."""

    queryset = User.objects.none()
    needs_organization = False

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> Response:
        """End the session of the access token, or the page's."""
        if self.credentials.api_key is not None:
            raise Forbidden("An API key has no session; revoke it instead.")
        if self.credentials.session is not None:
            services.revoke_session(session=self.credentials.session, reason="signed_out")
        else:
            logout(request._request)  # noqa: SLF001 - Django's own request holds the page's session
        return _drop_cookie(Response(status=204))


class ApiKeyViewSet(ResourceViewSet[ApiKey]):
    """API keys: an analyst's own, an admin's all."""

    queryset = ApiKey.objects.all()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "accounts.create_key"
    serializer_class = serializers.ApiKeyOut
    in_serializer_class = serializers.ApiKeyIn
    patch_serializer_class = serializers.ApiKeyPatch
    secret_fields = ("key",)
    filterset_class = ApiKeyFilter
    search_fields = ("name", "prefix")
    sort_fields = {"name": "name", "created_at": "created_at", "last_used_at": "last_used_at"}

    @extend_schema(request=serializers.ApiKeyIn, responses={201: serializers.NewApiKeyOut})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a key; the answer alone holds the raw key."""
        return self._shown_once(
            *services.create_api_key(actor=self.actor, **self.validated(serializers.ApiKeyIn))
        )

    def update_row(self, row: ApiKey, values: dict[str, Any]) -> ApiKey:
        """Narrow the key."""
        services.narrow_api_key(actor=self.actor, api_key=row, **values)
        return self.get_queryset().get(pk=row.pk)  # type: ignore[no-any-return]

    def delete_row(self, row: ApiKey) -> None:
        """Revoke the key."""
        services.revoke_api_key(actor=self.actor, api_key=row)

    @extend_schema(request=serializers.RotationIn, responses={201: serializers.NewApiKeyOut})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Replace the key by one that can do the same; both are good for `overlap_s`."""
        row, values = self.get_object(), self.validated(serializers.RotationIn)
        return self._shown_once(*services.rotate_api_key(actor=self.actor, api_key=row, **values))

    @extend_schema(responses=serializers.KeyPermissionsOut)
    @action(detail=True, url_path="permissions", url_name="permissions")
    def powers(self, request: Request, pk: str) -> Response:
        """Answer what the key may do at this moment, and what cuts it."""
        powers = powers_of(self.get_object(), now=timezone.now())
        return Response(serializers.KeyPermissionsOut(powers).data)

    def _shown_once(self, api_key: ApiKey, raw: str) -> Response:
        """Return the only answer that holds the raw key."""
        row = self.get_queryset().get(pk=api_key.pk)
        return Response(self.answer(row) | {"key": raw}, status=201, headers=self.location_of(row))


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
