"""The audit over HTTP: list, one entry, the check of the chain, the export."""

from dataclasses import asdict
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.audit_export import CONTENT_TYPES, write_export
from apps.accounts.api.filters import AuditFilter
from apps.accounts.api.serializers import AuditOut
from apps.accounts.models import AuditEntry
from apps.accounts.verification import verify_chain
from apps.common.serializers import StrictSerializer
from apps.common.streaming import stream
from apps.common.viewsets import ResourceViewSet


class HeadOut(serializers.Serializer[Any]):
    """The end of a chain."""

    sequence = serializers.IntegerField()
    hash = serializers.CharField()


class ChainOut(serializers.Serializer[Any]):
    """What the check of a chain found."""

    valid = serializers.BooleanField()
    entries = serializers.IntegerField(help_text="Good entries, from the first that is kept.")
    head = HeadOut()
    broken_at = serializers.IntegerField(allow_null=True, help_text="Sequence of the first wrong entry.")
    unsealed = serializers.IntegerField(help_text="Entries that wait some seconds for their place.")


class ExportQuery(StrictSerializer):
    """Which form an export has."""

    format = serializers.ChoiceField(choices=list(CONTENT_TYPES), default="ndjson")


class AuditViewSet(ResourceViewSet[AuditEntry]):
    """What was done in the organization, by whom; for its admins. In `system`: in the installation."""

    queryset = AuditEntry.objects.all()
    offers = ("list", "retrieve")
    permission = "accounts.view_audit"
    serializer_class = AuditOut
    filterset_class = AuditFilter
    sort_fields = {"created_at": "created_at", "sequence": "sequence"}
    limits = {"export": "export"}

    def known_parameters(self) -> frozenset[str]:
        """Return the query parameters; an export takes the filters of the list as well."""
        filters = self.filterset_class.base_filters if self.action == "export" else ()
        return super().known_parameters() | ({*filters, "format"} if filters else set())

    @extend_schema(responses=ChainOut)
    @action(detail=False, filterset_class=None)
    def verify(self, request: Request) -> Response:
        """Walk the organization's chain and say whether every entry is what was sealed."""
        report = verify_chain(self.actor.organization)
        return Response(ChainOut(asdict(report)).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("format", str, enum=list(CONTENT_TYPES), default="ndjson"),
        ],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR, (200, "text/csv"): OpenApiTypes.STR},
        filters=True,
    )
    @action(detail=False)
    def export(self, request: Request) -> StreamingHttpResponse:
        """Send all entries, or those that the filters leave, oldest first."""
        query = ExportQuery(data={"format": request.query_params.get("format", "ndjson")})
        query.is_valid(raise_exception=True)
        format_ = query.validated_data["format"]
        return stream(
            request._request,  # noqa: SLF001 - only Django's own request tells which server it is
            write_export(format_, self.filter_queryset(self.get_queryset())),
            content_type=CONTENT_TYPES[format_],
            file_name=f"audit-{self.actor.organization.slug}.{format_}",
        )
