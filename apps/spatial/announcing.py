"""What subscribers hear about models and predictions, after the commit (places-maps.md section 6)."""

from typing import Any

from apps.common import live
from apps.spatial.models import Evaluation, ForecastModel, Prediction, TrainingRun


def announce_model(model: ForecastModel) -> None:
    """Publish the state of a model to those who watch it or the list."""
    data = {
        "state": model.state,
        "artifact": model.artifact.number if model.artifact else None,
        "serving_method": model.serving_method or None,
    }
    _publish(model, f"models.{model.pk}", "model.changed", data)
    _publish(model, "models", "model.changed", {"id": str(model.pk), **data})


def announce_run(row: TrainingRun) -> None:
    """Publish how far a training is."""
    data = {
        "run": str(row.pk),
        "status": row.status,
        "stage": row.stage,
        "progress": round(row.progress, 4),
        "origin": row.origin,
        "origins": row.origins,
    }
    _publish(row.model, f"models.{row.model_id}", "run.changed", data)


def announce_evaluation(row: Evaluation) -> None:
    """Publish that an evaluation has ended."""
    data = {"evaluation": str(row.pk), "status": row.status}
    _publish(row.model, f"models.{row.model_id}", "evaluation.finished", data)


def announce_prediction(row: Prediction) -> None:
    """Publish how far a prediction is."""
    data = {"status": row.status, "progress": round(row.progress, 4)}
    _publish(row, f"predictions.{row.pk}", "prediction.changed", data)


def _publish(owner: ForecastModel | Prediction, topic: str, kind: str, data: dict[str, Any]) -> None:
    live.publish(organization_id=owner.organization_id, topic=topic, type=kind, data=data)
