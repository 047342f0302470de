"""The addresses of the API of models and predictions."""

from django.urls import path

from apps.common.viewsets import ApiRouter
from apps.spatial.api.forecasts import (
    ForecastArtifactViewSet,
    ForecastEvaluationViewSet,
    ForecastModelViewSet,
    TrainingRunViewSet,
)
from apps.spatial.api.predictions import PredictionViewSet

router = ApiRouter()
router.register("models", ForecastModelViewSet, basename="forecast-model")
router.register(r"models/(?P<model_id>[^/.]+)/runs", TrainingRunViewSet, basename="training-run")
router.register(
    r"models/(?P<model_id>[^/.]+)/artifacts", ForecastArtifactViewSet, basename="forecast-artifact"
)
router.register(
    r"models/(?P<model_id>[^/.]+)/evaluations", ForecastEvaluationViewSet, basename="forecast-evaluation"
)
router.register("predictions", PredictionViewSet, basename="prediction")

TILE = "predictions/<str:pk>/tiles/<int:z>/<int:x>/<int:y>.mvt"

urlpatterns = [
    *router.urls,
    path(TILE, PredictionViewSet.as_view({"get": "tile"}, detail=True), name="prediction-tile"),
]
