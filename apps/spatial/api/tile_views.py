"""The calls of map tiles."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from apps.common.answers import Answer
from apps.spatial.answers import answer_heatmap, answer_outside, answer_tile
from apps.spatial.api.base import MapViewSet, answered
from apps.spatial.api.parameters import HeatmapParameters, TileParameters
from apps.spatial.api.serializers import HeatmapOut, TileJsonOut
from apps.spatial.map_figures import tiles
from apps.spatial.sources import HexQuery, Source, open_sources
from apps.spatial.tiles import MEDIA_TYPE, Tile
from apps.spatial.tiles.describing import describe_tiles, stamp_of
from apps.spatial.tiles.reading import Measure

IMMUTABLE: Final = "private, max-age=31536000, immutable"
SHORT: Final = "private, max-age=60"


class AsItIs(BaseContentNegotiation):
    """Takes no notice of Accept: map libraries ask for tiles by many names."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return no parser: there is no body."""
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the one renderer, which problems are written by."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class TileViewSet(MapViewSet):
    """Vector tiles of cells, and what map libraries need to know to ask for them."""

    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AsItIs
    serializer_class = TileJsonOut
    query_serializer_classes = {
        "tile": TileParameters,
        "describe": TileParameters,
        "heatmap": HeatmapParameters,
    }

    @extend_schema(
        operation_id="tiles_tile",
        responses={
            (200, MEDIA_TYPE): OpenApiTypes.BINARY,
            204: OpenApiResponse(description="The tile shows no cell."),
        },
    )
    def tile(self, request: Request, z: int, x: int, y: int) -> HttpResponse:
        """Answer a vector tile (MVT 2.1, layer `cells`): each cell that touches it, with its full count."""
        tile = Tile.at(z, x, y)
        values = self.validated_query()
        query, sources = self._opened(values)
        answer = answer_tile(query, sources, tile, Measure(values["measure"]))
        response = answered(answer, sources)
        tiles.labels("cells" if answer.body else "nothing").inc()
        if not answer.body:
            response = HttpResponse(status=204, headers={"Sextant-Version": response["Sextant-Version"]})
        is_pinned = values.get("v") == stamp_of(sources)
        response["Cache-Control"] = IMMUTABLE if is_pinned else SHORT
        return response

    @extend_schema(operation_id="tiles_json", responses=TileJsonOut)
    def describe(self, request: Request) -> HttpResponse:
        """Answer TileJSON 3.0, whose address names the version, so that its tiles never change."""
        values = self.validated_query()
        query, sources = self._opened(values)
        parameters = request.query_params.copy()
        for name in ("v", "version"):
            parameters.pop(name, None)
        template = request.build_absolute_uri("/api/v1/tiles/") + "{z}/{x}/{y}.mvt"
        parameters["v"] = stamp_of(sources)
        outside = answer_outside(query, sources)
        document = describe_tiles(sources, f"{template}?{parameters.urlencode(safe=',')}", outside)
        return answered(Answer.json(document), sources)

    @extend_schema(operation_id="heatmap", responses=HeatmapOut)
    def heatmap(self, request: Request, z: int, x: int, y: int) -> HttpResponse:
        """Answer the cells whose centre lies in a tile, with outlines, for a window."""
        tile = Tile.at(z, x, y)
        query, sources = self._opened(self.validated_query())
        return answered(answer_heatmap(query, sources, tile), sources)

    def _opened(self, values: dict[str, Any]) -> tuple[HexQuery, tuple[Source, ...]]:
        query = self.asked(values)
        if "v" in values:
            numbers = tuple(int(part.partition(".")[0]) for part in values["v"].split(","))
            query = replace(query, pinned=numbers)
        return query, open_sources(self.actor, query)
