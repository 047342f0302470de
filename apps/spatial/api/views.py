"""The calls of the map."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.common.answers import Answer
from apps.common.errors import named_by_pointer
from apps.common.negotiation import FormatNegotiation
from apps.datasets.queries.timeline import Bucket
from apps.spatial.answers import answer_cell, answer_hexes, answer_timeline, estimate_hexes
from apps.spatial.api.base import MapViewSet, answered
from apps.spatial.api.parameters import (
    CellParameters,
    GeoJsonParameters,
    HexesBody,
    HexesParameters,
    Operation,
    TimelineParameters,
)
from apps.spatial.api.renderers import BINARY_FORMATS, UNCITED_FORMATS, renderer_of
from apps.spatial.api.serializers import CellFactsOut, HexesOut, TimelineOut
from apps.spatial.formats import MEDIA_TYPES, AnswerFormat, header_of
from apps.spatial.selections import parse_cell, resolution_of
from apps.spatial.sources import open_sources


class HexViewSet(MapViewSet):
    """Hexagons of datasets' current versions."""

    serializer_class = HexesOut
    renderer_classes = tuple(renderer_of(form) for form in AnswerFormat)
    content_negotiation_class = FormatNegotiation
    remembers_answers = False
    reading_actions = frozenset({"by_body"})
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
        return self._hexes(form, self.validated_query())

    @extend_schema(
        operation_id="hexes_geojson",
        responses={(200, MEDIA_TYPES[AnswerFormat.GEOJSON]): OpenApiTypes.OBJECT},
    )
    def geojson(self, request: Request) -> HttpResponse:
        """Answer the cells as a GeoJSON feature collection."""
        return self._hexes(AnswerFormat.GEOJSON, self.validated_query())

    @extend_schema(operation_id="hexes_cell", responses=CellFactsOut)
    def cell(self, request: Request, h3: str) -> HttpResponse:
        """Answer everything about one cell; its rank is among the selected ones."""
        root = parse_cell(h3)
        values = self.validated_query()
        resolution = resolution_of(root, values.get("resolution"))
        query = self.asked({**values, "resolution": resolution})
        sources = open_sources(self.actor, query)
        return answered(answer_cell(query, sources, root), sources)

    @extend_schema(operation_id="timeline", responses=TimelineOut)
    def timeline(self, request: Request) -> HttpResponse:
        """Answer events by zero-filled buckets of the dataset's calendar."""
        return self._timeline(self.validated_query())

    @extend_schema(
        operation_id="hexes_query",
        request=HexesBody,
        responses={
            (200, MEDIA_TYPES[AnswerFormat.JSON]): HexesOut,
            (200, MEDIA_TYPES[AnswerFormat.COLUMNS]): OpenApiTypes.OBJECT,
            (200, MEDIA_TYPES[AnswerFormat.GEOJSON]): OpenApiTypes.OBJECT,
            **{(200, MEDIA_TYPES[form]): OpenApiTypes.BINARY for form in BINARY_FORMATS},
        },
    )
    def by_body(self, request: Request) -> HttpResponse:
        """Answer a question in JSON as `/hexes` or, with operation timeline, as `/timeline`."""
        values = self._validated_body()
        with named_by_pointer():
            if values["operation"] == Operation.TIMELINE:
                return self._timeline(values)
            return self._hexes(AnswerFormat(values.get("format") or request.accepted_renderer.format), values)

    def _validated_body(self) -> dict[str, Any]:
        """Return the checked body; raises ValidationError, but NotFound as `validated_query`."""
        try:
            found: dict[str, Any] = self.validated(HexesBody)
        except ValidationError:
            named = self.request.data.get("dataset") if isinstance(self.request.data, dict) else None
            self.refuse_strangers(named if isinstance(named, list) else [])
            raise
        return found

    def _timeline(self, values: dict[str, Any]) -> HttpResponse:
        query = self.asked(values)
        sources = open_sources(self.actor, query)
        bucket, with_categories = Bucket(values["bucket"]), "group" in values
        return answered(answer_timeline(query, sources, bucket, with_categories=with_categories), sources)

    def _hexes(self, form: AnswerFormat, values: dict[str, Any]) -> HttpResponse:
        query = self.asked(values)
        sources = open_sources(self.actor, query)
        if values["estimate"]:
            return answered(Answer.json(estimate_hexes(query, sources, form)), sources)
        response = answered(answer_hexes(query, sources, form), sources)
        if form in UNCITED_FORMATS:
            response["Sextant-Citation"] = header_of(query, sources)
        return response
