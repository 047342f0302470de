"""Reads of models and predictions as they are shown, to API, pages and tools alike."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from apps.common.errors import NotFound
from apps.spatial.models import Artifact, Evaluation, ForecastModel, Prediction, TrainingRun


class NoArtifact(NotFound):
    """The model was not trained yet."""

    code = "spatial.no_artifact"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How a model stands; progress, stage and message are those of its newest training."""

    state: str
    progress: float
    stage: str
    message: str


@dataclass(frozen=True, slots=True)
class ServedMetrics:
    """The metrics and the card of the artifact that a model serves, or would."""

    artifact: int
    better: bool
    serving_method: str
    metrics: dict[str, Any]
    card: dict[str, Any]


def listed_models() -> Any:
    """Return models as they are shown: with dataset, area, artifact, creator and `training`. One query."""
    active = TrainingRun.objects.filter(model=OuterRef("pk"), status__in=["queued", "running"])
    related = ("dataset", "area", "artifact", "created_by")
    return ForecastModel.objects.select_related(*related).annotate(training=Exists(active))


def listed_runs() -> Any:
    """Return trainings as they are shown. One query."""
    return TrainingRun.objects.select_related("model", "artifact", "created_by")


def listed_evaluations() -> Any:
    """Return evaluations as they are shown. One query."""
    return Evaluation.objects.select_related("model", "artifact", "dataset", "created_by")


def listed_predictions() -> Any:
    """Return predictions as they are shown. One query."""
    return Prediction.objects.select_related("model", "artifact", "created_by")


def status_of(model: ForecastModel) -> ModelStatus:
    """Return how a model stands. One query."""
    run = model.runs.order_by("-created_at", "-pk").first()
    if run is None:
        return ModelStatus(model.state, 0.0, "", "")
    return ModelStatus(model.state, run.progress, run.stage, run.error_detail)


def served_metrics(model: ForecastModel) -> ServedMetrics:
    """Return the metrics beside which the baselines' stand; raises NoArtifact."""
    artifact: Artifact | None = model.artifact
    if artifact is None:
        raise NoArtifact
    better = bool(artifact.metrics.get("better"))
    return ServedMetrics(artifact.number, better, artifact.serving_method, artifact.metrics, artifact.card)
