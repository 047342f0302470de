"""The endpoint of evidence: the rows of an import that were not accepted."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from apps.common.errors import NotFound
from apps.common.streaming import stream
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.datasets.api import serializers
from apps.datasets.api.downloads import CONTENT_TYPES, write_download
from apps.datasets.api.filters import RejectFilter
from apps.datasets.models import Import, Reject

# The same without their parameters, in the order of CONTENT_TYPES, each once.
MEDIA_TYPES = tuple(dict.fromkeys(text.partition(";")[0] for text in CONTENT_TYPES.values()))


class EvidenceExpired(NotFound):
    """The evidence of this import is no longer kept; its counts are."""

    code = "datasets.evidence_expired"


@extend_schema(parameters=[OpenApiParameter("import_id", uuid.UUID, OpenApiParameter.PATH)])
class RejectViewSet(ResourceViewSet[Reject]):
    """Rejected and duplicate rows of one import, in the order they were met."""

    queryset = Reject.objects.all()
    offers = ("list",)
    permission = "datasets.ingest"
    serializer_class = serializers.RejectOut
    filterset_class = RejectFilter
    sort_fields = {"seq": "seq"}
    default_sort = "seq"

    def limit_of(self, request: Request) -> str:
        """Count everything at once as an export."""
        is_page = request.query_params.get("format", "json") == "json"
        return super().limit_of(request) if is_page else "export"

    def known_parameters(self) -> frozenset[str]:
        """Return the query parameters: `format` beside those of every list."""
        return super().known_parameters() | {"format"}

    def get_queryset(self) -> Any:
        """Return the evidence of the import in the address; raises NotFound, EvidenceExpired."""
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        row = self._import()
        kept = timedelta(days=settings.DATASETS_EVIDENCE_DAYS)
        if row.finished_at is not None and row.finished_at < timezone.now() - kept:
            raise EvidenceExpired
        return Reject.objects.filter(dataset_no=row.dataset.no, import_no=row.no)

    @extend_schema(
        parameters=[serializers.RejectQuery],
        responses={
            (200, "application/json"): serializers.RejectOut(many=True),
            **{(200, media_type): OpenApiTypes.BINARY for media_type in MEDIA_TYPES},
        },
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Return a page as JSON, or everything as csv, ndjson or raw records."""
        query = serializers.RejectQuery(data={"format": request.query_params.get("format", "json")})
        query.is_valid(raise_exception=True)
        format_ = query.validated_data["format"]
        if format_ == "json":
            return super().list(request, *args, **kwargs)
        row = self._import()
        rejects = self.filter_queryset(self.get_queryset()).order_by("seq")
        name = f"rejects-{row.no}.{'csv' if format_ == 'raw' else format_}"
        return stream(
            request._request,  # noqa: SLF001 - only Django's own request tells which server it is
            write_download(format_, row, rejects),
            content_type=CONTENT_TYPES[format_],
            file_name=name,
        )

    def _import(self) -> Import:
        text = self.kwargs["import_id"]
        if not UUID_PATTERN.fullmatch(text):
            raise NotFound
        rows = Import.objects.visible_to(self.actor).select_related("dataset")
        row = rows.filter(pk=uuid.UUID(text)).first()
        if row is None:
            raise NotFound
        return row
