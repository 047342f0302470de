"""The endpoints of previews for members."""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.requests import StrictJSONParser, StrictMultiPartParser
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.previews import services
from apps.previews.api import serializers
from apps.previews.api.downloads import granted
from apps.previews.api.filters import PreviewSessionFilter
from apps.previews.api.uploading import carries_file, read_bundle, stream_bundles
from apps.previews.errors import BundleTooLarge, ChecksumMismatch
from apps.previews.models import AccessEntry, Device, Session
from apps.previews.queries.listing import listed_sessions
from apps.projects.services.guards import require_editor

UPLOAD_MAX_S = 600.0
SESSION = OpenApiParameter("session_pk", uuid.UUID, OpenApiParameter.PATH)


class PreviewSessionViewSet(ResourceViewSet[Session]):
    """Previews: a bundle or a development server, shared by token for a limited time."""

    queryset = listed_sessions()
    offers = ("list", "retrieve", "create")
    permission = "previews.view"
    permissions = {
        "create": "previews.create",
        "bundle": "previews.upload",
        "revisions": "previews.upload",
        "extend": "previews.create",
        "token": "previews.create",
        "revoke": "previews.revoke",
    }
    serializer_class = serializers.PreviewSessionOut
    in_serializer_class = serializers.PreviewSessionIn
    filterset_class = PreviewSessionFilter
    secret_fields = ("token", "url", "qr_svg")
    parser_classes = (StrictJSONParser, StrictMultiPartParser)
    upload_max_bytes = settings.PREVIEWS_DIRECT_MAX_BYTES
    upload_max_s = UPLOAD_MAX_S
    upload_refusal = BundleTooLarge

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Wrap the request; where a bundle comes, it goes into the preview store."""
        if self.action_map.get(str(request.method).lower()) == "bundle":
            stream_bundles(request)
        return super().initialize_request(request, *args, **kwargs)

    def get_parsers(self) -> list[BaseParser]:
        """Take forms where a bundle comes in, and JSON alone elsewhere."""
        parsers: list[BaseParser] = super().get_parsers()
        method = self.request.method if self.request else "POST"
        is_bundle = self.action_map.get(str(method).lower()) == "bundle"
        return parsers if is_bundle else parsers[:1]

    @extend_schema(request=serializers.PreviewSessionIn, responses={201: serializers.PreviewSharedOut})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a preview; its token, link and code are shown this once."""
        values = self.validated(serializers.PreviewSessionIn)
        shared = services.create_session(actor=self.actor, **values)
        body = serializers.shared_out(shared)
        return Response(body, status=201, headers=self.location_of(shared.session))

    @extend_schema(
        request={"multipart/form-data": serializers.BundleForm, "application/json": serializers.DevServerIn},
        responses={200: serializers.PreviewSessionOut, 202: serializers.PreviewSessionOut},
    )
    @action(detail=True, methods=["post"])
    def bundle(self, request: Request, pk: str) -> Response:
        """Upload a bundle (202, then it is validated), or name a development server (200, ready)."""
        session = self.get_object()
        if not carries_file(request):
            url = self.validated(serializers.DevServerIn)["dev_server_url"]
            return self._shown(services.set_dev_url(actor=self.actor, session=session, url=url))
        services.receive_bundle(actor=self.actor, session=session, read=lambda: read_bundle(request))
        return self._shown(session, status=202)

    @extend_schema(request=None, responses=serializers.PreviewSessionOut)
    @action(detail=True, methods=["post"])
    def revisions(self, request: Request, pk: str) -> Response:
        """Open the next upload of a ready preview; what it has serves on until the new content is ready."""
        return self._shown(services.open_revision(actor=self.actor, session=self.get_object()))

    @extend_schema(request=serializers.PreviewExtensionIn, responses=serializers.PreviewSessionOut)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: str) -> Response:
        """Let a preview live longer."""
        session = self.get_object()
        values = self.validated(serializers.PreviewExtensionIn)
        return self._shown(services.extend_session(actor=self.actor, session=session, **values))

    @extend_schema(request=None, responses=serializers.PreviewTokenOut)
    @action(detail=True, methods=["post"])
    def token(self, request: Request, pk: str) -> Response:
        """Make a new token, shown this once; the old one opens nothing any more."""
        shared = services.rotate_token(actor=self.actor, session=self.get_object())
        return Response(serializers.PreviewTokenOut(shared).data)

    @extend_schema(request=None, responses=serializers.PreviewSessionOut)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """End a preview at once."""
        return self._shown(services.revoke_session(actor=self.actor, session=self.get_object()))

    @extend_schema(request=None, responses=serializers.PreviewOpenedOut)
    @action(detail=True, methods=["post"])
    def open(self, request: Request, pk: str) -> Response:
        """Return where a member fetches the bundle, without taking a device's slot."""
        grant = services.open_preview(actor=self.actor, session=self.get_object())
        return Response(serializers.PreviewOpenedOut(granted(grant)).data)

    def handle_exception(self, exc: Exception) -> Response:
        """Count a bundle that is not what was announced, now that no transaction takes the count back."""
        if isinstance(exc, ChecksumMismatch):
            services.count_mismatch(session_id=uuid.UUID(self.kwargs["pk"]), error=exc)
        return super().handle_exception(exc)

    def _shown(self, session: Session, *, status: int = 200) -> Response:
        found = self.get_queryset().get(pk=session.pk)
        return Response(self.answer(found), status=status, headers=self.location_of(found))


class SessionPartViewSet(ResourceViewSet[Any]):
    """Something that belongs to one preview."""

    permission = "previews.view"

    @property
    def session(self) -> Session:
        """Return the session of the address; raises NotFound, and Forbidden for who may not share it.

        Who came, from where and with what is for those who share a preview, not for all who may open it.
        """
        text = self.kwargs["session_pk"]
        if not UUID_PATTERN.fullmatch(text):
            raise NotFound
        seen = Session.objects.visible_to(self.actor).select_related("project")
        found: Session | None = seen.filter(pk=uuid.UUID(text)).first()
        if found is None or found.project is None:
            raise NotFound
        require_editor(self.actor, found.project, self.permission)
        return found

    def get_queryset(self) -> Any:
        """Return the rows of the session in the address."""
        # Without the wall of the base class: the session in the address was found behind the same one.
        rows = super(ResourceViewSet, self).get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.filter(session=self.session)


@extend_schema(parameters=[SESSION])
class PreviewDeviceViewSet(SessionPartViewSet):
    """The devices that hold a slot of a preview."""

    queryset = Device.objects.filter(ended_at__isnull=True)
    offers = ("list", "destroy")
    permissions = {"destroy": "previews.create"}
    serializer_class = serializers.PreviewDeviceOut

    def delete_row(self, row: Device) -> None:
        """Take the device's slot back."""
        services.remove_device(actor=self.actor, device=row)


@extend_schema(parameters=[SESSION])
class PreviewAccessViewSet(SessionPartViewSet):
    """Who did what with a preview, the newest first."""

    queryset = AccessEntry.objects.all()
    offers = ("list",)
    serializer_class = serializers.PreviewAccessOut
    sort_fields = {"at": "at"}
    default_sort = "-at"
