"""The export call: cells or events as an attachment that is made while it is sent."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request as ApiRequest

from apps.common.negotiation import FormatNegotiation
from apps.common.streaming import stream
from apps.spatial.api.base import MapViewSet
from apps.spatial.api.parameters import ExportParameters
from apps.spatial.api.renderers import renderer_of
from apps.spatial.exporting.exports import EXTENSIONS, ExportKind, Request, open_export
from apps.spatial.formats import MEDIA_TYPES, AnswerFormat
from apps.spatial.map_figures import cells_served


class ExportViewSet(MapViewSet):
    """Exports of datasets' versions."""

    permission = "spatial.export"
    limit = "export"
    renderer_classes = tuple(renderer_of(form) for form in EXTENSIONS)
    content_negotiation_class = FormatNegotiation
    query_serializer_classes = {"export": ExportParameters}

    @extend_schema(
        operation_id="export",
        responses={(200, MEDIA_TYPES[form]): OpenApiTypes.BINARY for form in EXTENSIONS},
    )
    def export(self, request: ApiRequest) -> HttpResponseBase:
        """Send cells or events as a file; two at once for each user."""
        values = self.validated_query()
        export = open_export(actor=self.actor, request=self._asked(values))
        response = stream(
            request._request,  # noqa: SLF001 - only Django's own request tells which server it is
            export.pieces,
            content_type=export.media_type,
            file_name=export.file_name,
            close=export.close,
        )
        response["Sextant-Version"] = ", ".join(map(str, export.version_numbers))
        response["Sextant-Citation"] = export.cited
        if export.rows is not None:
            cells_served.inc(export.rows)
            response["Sextant-Rows"] = str(export.rows)
        return response

    def _asked(self, values: dict[str, Any]) -> Request:
        return Request(
            query=self.asked(values),
            kind=ExportKind(values["kind"]),
            form=AnswerFormat(self.request.accepted_renderer.format),
            guarded=values["safe"] == "excel",
            marked=values["bom"],
        )
