"""The endpoints of predictions and their cells."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.db import JobStatus
from apps.common.etags import strong_etag
from apps.common.filters import StrictFilterSet, id_of, one_of
from apps.common.negotiation import FormatNegotiation
from apps.common.viewsets import ResourceViewSet
from apps.spatial import prediction_services as services
from apps.spatial.api import prediction_serializers as serializers
from apps.spatial.models import Prediction
from apps.spatial.prediction_cells import MEDIA_TYPES, CellFormat, answer_cells, citation_of, prediction_tile
from apps.spatial.queries import listed_predictions
from apps.spatial.tiles import MEDIA_TYPE as TILE_TYPE
from apps.spatial.tiles import Tile


class PredictionFilter(StrictFilterSet):
    """Predictions by model and status."""

    model = id_of("model")
    status = one_of(JobStatus)

    class Meta:
        model = Prediction
        fields: list[str] = []


def _renderer_of(form: CellFormat) -> type[JSONRenderer]:
    """Return what stands for a form in the choice by `format` and Accept; errors are JSON in each."""
    names = {"media_type": MEDIA_TYPES[form], "format": form.value}
    return type(f"Predicted{form.name.title()}Renderer", (JSONRenderer,), names)


class PredictionViewSet(ResourceViewSet[Prediction]):
    """Predictions: what is expected of each cell in the periods after an origin."""

    queryset = listed_predictions()
    offers = ("list", "retrieve", "create", "destroy")
    permission = "spatial.view"
    permissions = {"create": "spatial.predict", "destroy": "spatial.delete"}
    limits = {"cells": "map", "tile": "map"}
    serializer_class = serializers.PredictionOut
    in_serializer_class = serializers.PredictionIn
    filterset_class = PredictionFilter
    create_status = 202
    query_serializer_classes = {
        "cells": serializers.PredictionCellsQuery,
        "tile": serializers.PredictionTileQuery,
    }

    @extend_schema(responses={202: serializers.PredictionOut})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Queue a prediction."""
        return super().create(request, *args, **kwargs)

    def create_row(self, values: dict[str, Any]) -> Prediction:
        """Start a prediction."""
        return services.start_prediction(actor=self.actor, **values)

    def delete_row(self, row: Prediction) -> None:
        """Delete the prediction."""
        services.delete_prediction(actor=self.actor, row=row)

    @extend_schema(
        responses={
            (200, MEDIA_TYPES[CellFormat.JSON]): serializers.PredictionCellsOut,
            **{
                (200, MEDIA_TYPES[form]): OpenApiTypes.OBJECT
                for form in (CellFormat.COLUMNS, CellFormat.GEOJSON)
            },
            **{
                (200, MEDIA_TYPES[form]): OpenApiTypes.BINARY for form in (CellFormat.CSV, CellFormat.PARQUET)
            },
        },
    )
    @action(
        detail=True,
        renderer_classes=[_renderer_of(form) for form in CellFormat],
        content_negotiation_class=FormatNegotiation,
    )
    def cells(self, request: Request, pk: str) -> HttpResponse:
        """Return the cells by period, then rank."""
        row, values = self.get_object(), self.validated_query()
        form = CellFormat(request.accepted_renderer.format)
        content = answer_cells(row, values.get("period"), form)
        headers = {"ETag": strong_etag(content)}
        if form is CellFormat.CSV:
            headers["Sextant-Citation"] = citation_of(row)
        return HttpResponse(content, content_type=MEDIA_TYPES[form], headers=headers)

    @extend_schema(
        operation_id="predictions_tile",
        responses={
            (200, TILE_TYPE): OpenApiTypes.BINARY,
            204: OpenApiResponse(description="The tile shows no cell."),
        },
    )
    def tile(self, request: Request, pk: str, z: int, x: int, y: int) -> HttpResponse:
        """Return a vector tile of one period: layer `cells` with expected, lower, upper, baseline, rank."""
        row, values = self.get_object(), self.validated_query()
        content = prediction_tile(row, values.get("period"), Tile.at(z, x, y))
        if not content:
            return HttpResponse(status=204)
        return HttpResponse(content, content_type=TILE_TYPE, headers={"ETag": strong_etag(content)})
