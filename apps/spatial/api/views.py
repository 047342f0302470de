"""The calls of the map."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.common.answers import Answer
from apps.common.errors import Invalid, NotFound
from apps.common.negotiation import FormatNegotiation
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.datasets.models import Dataset
from apps.datasets.queries.timeline import Bucket
from apps.spatial.answers import answer_cell, answer_hexes, answer_timeline, estimate_hexes
from apps.spatial.api.parameters import (
    CellParameters,
    GeoJsonParameters,
    HexesParameters,
    TimelineParameters,
    hex_query,
)
from apps.spatial.api.renderers import BINARY_FORMATS, UNCITED_FORMATS, renderer_of
from apps.spatial.api.serializers import CellFactsOut, HexesOut, TimelineOut
from apps.spatial.formats import MEDIA_TYPES, AnswerFormat, header_of
from apps.spatial.selections import parse_cell, resolution_of
from apps.spatial.sources import Source, open_sources


class DatasetQueryViewSet(ResourceViewSet[Dataset]):
    """Calls whose parameters name datasets."""

    queryset = Dataset.objects.all()

    def validated_query(self) -> dict[str, Any]:
        """Return the checked query; raises Invalid, but NotFound to who names a dataset they may not see."""
        try:
            return super().validated_query()
        except Invalid:
            named = self.request.query_params.getlist("dataset")
            ids = {uuid.UUID(text) for text in named if UUID_PATTERN.fullmatch(text)}
            if self.get_queryset().filter(pk__in=ids).count() < len(ids):
                raise NotFound from None
            raise


class HexViewSet(DatasetQueryViewSet):
    """Hexagons of datasets' current versions."""

    queryset = Dataset.objects.all()
    permission = "spatial.view"
    limit = "map"
    serializer_class = HexesOut
    renderer_classes = tuple(renderer_of(form) for form in AnswerFormat)
    content_negotiation_class = FormatNegotiation
    query_serializer_classes = {
        "aggregate": HexesParameters,
        "geojson": GeoJsonParameters,
        "cell": CellParameters,
        "timeline": TimelineParameters,
    }

    @extend_schema(
        operation_id="hexes_aggregate",
        responses={
            (200, MEDIA_TYPES[AnswerFormat.JSON]): HexesOut,
            (200, MEDIA_TYPES[AnswerFormat.COLUMNS]): OpenApiTypes.OBJECT,
            (200, MEDIA_TYPES[AnswerFormat.GEOJSON]): OpenApiTypes.OBJECT,
            **{(200, MEDIA_TYPES[form]): OpenApiTypes.BINARY for form in BINARY_FORMATS},
        },
    )
    def aggregate(self, request: Request) -> HttpResponse:
        """Answer counts and statistics by cell; with `estimate=true` only how many cells there would be."""
        form = AnswerFormat(request.accepted_renderer.format)
        return self._hexes(form)

    @extend_schema(
        operation_id="hexes_geojson",
        responses={(200, MEDIA_TYPES[AnswerFormat.GEOJSON]): OpenApiTypes.OBJECT},
    )
    def geojson(self, request: Request) -> HttpResponse:
        """Answer the cells as a GeoJSON feature collection."""
        return self._hexes(AnswerFormat.GEOJSON)

    @extend_schema(operation_id="hexes_cell", responses=CellFactsOut)
    def cell(self, request: Request, h3: str) -> HttpResponse:
        """Answer everything about one cell; its rank is among the selected ones."""
        root = parse_cell(h3)
        values = self.validated_query()
        resolution = resolution_of(root, values.get("resolution"))
        query = hex_query({**values, "resolution": resolution})
        sources = open_sources(self.actor, query)
        return answered(answer_cell(query, sources, root), sources)

    @extend_schema(operation_id="timeline", responses=TimelineOut)
    def timeline(self, request: Request) -> HttpResponse:
        """Answer events by zero-filled buckets of the dataset's calendar."""
        values = self.validated_query()
        query = hex_query(values)
        sources = open_sources(self.actor, query)
        bucket, with_categories = Bucket(values["bucket"]), "group" in values
        return answered(answer_timeline(query, sources, bucket, with_categories=with_categories), sources)

    def _hexes(self, form: AnswerFormat) -> HttpResponse:
        values = self.validated_query()
        query = hex_query(values)
        sources = open_sources(self.actor, query)
        if values["estimate"]:
            return answered(Answer.json(estimate_hexes(query, sources, form)), sources)
        response = answered(answer_hexes(query, sources, form), sources)
        if form in UNCITED_FORMATS:
            response["Sextant-Citation"] = header_of(query, sources)
        return response


def answered(answer: Answer, sources: Sequence[Source]) -> HttpResponse:
    """Return the response of an answer; `Sextant-Version` names the version that was asked for."""
    headers: dict[str, Any] = {
        "ETag": answer.etag,
        "Sextant-Version": ", ".join(str(source.version.number) for source in sources),
        "Sextant-Rows": str(answer.rows),
    }
    return HttpResponse(answer.body, content_type=answer.media_type, headers=headers)
