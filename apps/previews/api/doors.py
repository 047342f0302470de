"""The endpoints for whoever holds a token or a grant: no account, nothing kept, nothing told to others."""

from collections.abc import Sequence
from typing import Any, Final

from django.http.response import HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import throttles
from apps.common.serializers import StrictSerializer, TimeField, ValueSerializer, bound_fields
from apps.common.viewsets import ResourceViewSet
from apps.previews import services
from apps.previews.api.bearing import PreviewAuthentication, PreviewBearer
from apps.previews.api.downloads import granted, outside, send, wanted_span
from apps.previews.api.serializers import PreviewOpenedOut
from apps.previews.dev_urls import is_insecure
from apps.previews.models import Session
from apps.previews.queries.bearers import find_grant
from apps.previews.services import Visitor
from apps.previews.states import Platform, SessionStatus

POLL_WAITING_S: Final = 5
POLL_READY_S: Final = 15
# What was found may be seen by nobody else, kept by nobody, and its address named to nobody.
QUIET: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


class VisitorIn(StrictSerializer):
    """The device: a random text that it keeps."""

    device_id = serializers.RegexField(r"^[\x21-\x7e]{16,64}\Z", min_length=16, max_length=64)

    @property
    def fields(self) -> Any:
        """Return the fields by name, made once: none of them looks at `context`."""
        return bound_fields(type(self))


class ResolvedBundleOut(ValueSerializer):
    """The bundle as a client checks it."""

    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    content_type = serializers.CharField(default="application/zip")
    entry = serializers.CharField()


class ResolvedOut(ValueSerializer):
    """Where a preview stands. Times are the server's; the client's clock may be wrong."""

    session_id = serializers.UUIDField(source="session.pk")
    status = serializers.ChoiceField(choices=SessionStatus.choices, source="session.status")
    platform = serializers.ChoiceField(choices=Platform.choices, source="session.platform")
    project_name = serializers.CharField()
    revision = serializers.IntegerField(source="session.revision")
    expires_at = TimeField(source="session.expires_at")
    server_time = TimeField()
    next_poll_s = serializers.SerializerMethodField()
    bundle = ResolvedBundleOut(allow_null=True)
    dev_server_url = serializers.SerializerMethodField()
    insecure = serializers.SerializerMethodField()

    def get_next_poll_s(self, found: Any) -> int:
        """Return when to ask again."""
        return POLL_READY_S if found.session.status == SessionStatus.READY else POLL_WAITING_S

    def get_dev_server_url(self, found: Any) -> str | None:
        """Return the development server, whose host the client shows before it goes there."""
        return found.session.dev_server_url or None

    def get_insecure(self, found: Any) -> bool:
        """Tell whether what goes to that server can be read on the way."""
        return is_insecure(found.session.dev_server_url)


class PreviewDoorViewSet(ResourceViewSet[Session]):
    """What a token opens."""

    queryset = Session.objects.none()
    is_public = True
    authentication_classes: Sequence[type[BaseAuthentication]] = (PreviewAuthentication,)
    # Nothing of a visit is kept, not even a digest.
    remembers_answers = False
    limit = ""  # each call counts by its address

    @extend_schema(request=VisitorIn, responses=ResolvedOut)
    @action(detail=False, methods=["post"])
    def resolve(self, request: Request) -> Response:
        """Return where the preview of the token stands."""
        return Response(ResolvedOut(services.resolve_preview(visitor=self._visitor())).data)

    @extend_schema(request=VisitorIn, responses=PreviewOpenedOut)
    @action(detail=False, methods=["post"])
    def grants(self, request: Request) -> Response:
        """Return where the device fetches the bundle; its first grant takes one of the preview's slots."""
        grant = services.grant_download(visitor=self._visitor())
        return Response(PreviewOpenedOut(granted(grant)).data)

    def _visitor(self) -> Visitor:
        self.count_by("preview_resolve")
        bearer: PreviewBearer = self.request.auth  # type: ignore[assignment]
        device_id = self.validated(VisitorIn)["device_id"]
        return Visitor(token=bearer.token, device_id=device_id, member=bearer.member)

    def _count_refusal(self, status: int) -> None:
        """Count what opened nothing: a few tries an address, and all of them together."""
        super()._count_refusal(status)
        if status == 404:  # noqa: PLR2004
            self.count_by("preview_failed")
            self._note(throttles.take("preview_resolve", {"failures": "all"}))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep every answer, a refusal too, out of caches, referrers and indexes."""
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in QUIET.items():
            response[name] = value
        return response


class PreviewDownloadViewSet(PreviewDoorViewSet):
    """What a grant opens."""

    authentication_classes = ()

    @extend_schema(
        parameters=[
            OpenApiParameter("grant", str, OpenApiParameter.PATH),
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="`bytes=0-1023`: one range."),
        ],
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            (206, "application/zip"): OpenApiTypes.BINARY,
            416: None,
        },
    )
    def download(self, request: Request, grant: str) -> HttpResponseBase:
        """Send the bundle of a grant, or a range of it."""
        self.count_by("preview_resolve")
        found = find_grant(grant)
        assert found.bundle is not None  # noqa: S101 - the query asks for it
        span = wanted_span(request._request, found.bundle)  # noqa: SLF001 - DRF's name for Django's request
        if span is None:
            return outside(found.bundle)
        if request.method != "HEAD":
            services.note_download(grant=found, length=span.length)
        name = f"preview-{found.session.public_id}.zip"
        return send(request._request, found.bundle, span, file_name=name)  # noqa: SLF001


class PreviewTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token in the OpenAPI document."""

    target_class = PreviewAuthentication
    name = "previewToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the definition."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Preview <token>`: the token of a preview.",
        }
