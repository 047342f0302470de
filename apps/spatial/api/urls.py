"""The addresses of the API of spatial."""

from django.urls import include, path

from apps.common.viewsets import ApiRouter
from apps.spatial.api.areas import AreaViewSet
from apps.spatial.api.exports import ExportViewSet
from apps.spatial.api.question_views import QuestionViewSet
from apps.spatial.api.tile_views import TileViewSet
from apps.spatial.api.views import HexViewSet

router = ApiRouter()
router.register("areas", AreaViewSet, basename="area")

urlpatterns = [
    path("", include("apps.spatial.api.forecast_urls")),
    path("hexes", HexViewSet.as_view({"get": "aggregate"}), name="hexes"),
    path("hexes/geojson", HexViewSet.as_view({"get": "geojson"}), name="hexes-geojson"),
    path("hexes/query", HexViewSet.as_view({"post": "by_body"}), name="hexes-query"),
    path("hexes/<str:h3>", HexViewSet.as_view({"get": "cell"}), name="hexes-cell"),
    path("heatmap/<int:z>/<int:x>/<int:y>", TileViewSet.as_view({"get": "heatmap"}), name="heatmap"),
    path("tiles.json", TileViewSet.as_view({"get": "describe"}), name="tiles-json"),
    path("tiles/<int:z>/<int:x>/<int:y>.mvt", TileViewSet.as_view({"get": "tile"}), name="tile"),
    path("questions", QuestionViewSet.as_view({"post": "ask"}), name="questions"),
    path("questions/grammar", QuestionViewSet.as_view({"get": "grammar"}), name="questions-grammar"),
    path("timeline", HexViewSet.as_view({"get": "timeline"}), name="timeline"),
    *router.urls,
    path("export", ExportViewSet.as_view({"get": "export"}), name="export"),
]
