"""The addresses of the API of models and predictions."""

from apps.common.viewsets import ApiRouter
from apps.spatial.api.forecasts import (
    ForecastArtifactViewSet,
    ForecastEvaluationViewSet,
    ForecastModelViewSet,
    TrainingRunViewSet,
)

router = ApiRouter()
router.register("models", ForecastModelViewSet, basename="forecast-model")
router.register(r"models/(?P<model_id>[^/.]+)/runs", TrainingRunViewSet, basename="training-run")
router.register(
    r"models/(?P<model_id>[^/.]+)/artifacts", ForecastArtifactViewSet, basename="forecast-artifact"
)
router.register(
    r"models/(?P<model_id>[^/.]+)/evaluations", ForecastEvaluationViewSet, basename="forecast-evaluation"
)

urlpatterns = router.urls
