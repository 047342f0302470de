"""The tables of spatial: named areas, forecast models and what they forecast."""

from apps.spatial.models.area import Area
from apps.spatial.models.forecast import Artifact, Evaluation, ForecastModel, TrainingRun
from apps.spatial.models.prediction import Prediction, PredictionCell

__all__ = [
    "Area",
    "Artifact",
    "Evaluation",
    "ForecastModel",
    "Prediction",
    "PredictionCell",
    "TrainingRun",
]
