"""The addresses of the API of spatial."""

from django.urls import path

from apps.common.viewsets import ApiRouter
from apps.spatial.api.forecasts import (
    ForecastArtifactViewSet,
    ForecastEvaluationViewSet,
    ForecastModelViewSet,
    TrainingRunViewSet,
)
from apps.spatial.api.views import HexViewSet

router = ApiRouter()
router.register("models", ForecastModelViewSet, basename="forecast-model")
router.register(r"models/(?P<model_id>[^/.]+)/runs", TrainingRunViewSet, basename="training-run")
router.register(
    r"models/(?P<model_id>[^/.]+)/artifacts", ForecastArtifactViewSet, basename="forecast-artifact"
)
router.register(
    r"models/(?P<model_id>[^/.]+)/evaluations", ForecastEvaluationViewSet, basename="forecast-evaluation"
)

urlpatterns = [
    path("hexes", HexViewSet.as_view({"get": "aggregate"}), name="hexes"),
    path("hexes/geojson", HexViewSet.as_view({"get": "geojson"}), name="hexes-geojson"),
    path("hexes/<str:h3>", HexViewSet.as_view({"get": "cell"}), name="hexes-cell"),
    path("timeline", HexViewSet.as_view({"get": "timeline"}), name="timeline"),
    *router.urls,
]
