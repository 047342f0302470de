"""The jobs of forecasts: when they may start, what they run, what follows their end."""

from typing import Final

from apps.accounts.queries import initiator
from apps.common.jobs import Listing, Run, job
from apps.spatial.announcing import announce_evaluation, announce_prediction, announce_run
from apps.spatial.forecast_notices import tell_creator
from apps.spatial.models import Evaluation, Prediction, TrainingRun
from apps.spatial.training.evaluating import evaluate
from apps.spatial.training.fitting import settle, train
from apps.spatial.training.predicting import predict

BY_MODEL: Final = Listing(
    permission="spatial.view",
    target_type="spatial.model",
    target_path="model_id",
    target_url_name="forecast-model-detail",
)


def may(row: TrainingRun | Evaluation | Prediction, permission: str) -> bool:
    """Tell whether whoever started a job still may; the installation itself always may."""
    organization = row.organization if isinstance(row, Prediction) else row.model.organization
    actor = initiator(row, organization)
    return actor is not None and actor.may(permission)


@job(
    kind="spatial.train",
    model="spatial.TrainingRun",
    queue="training",
    organization_path="model__organization_id",
    listing=BY_MODEL,
    may_run=lambda row: may(row, "spatial.train"),
)
def run_training(run: Run[TrainingRun]) -> None:
    """Train a model."""
    train(run)


@run_training.on_change
def tell_run(row: TrainingRun) -> None:
    """Publish how far a training is."""
    announce_run(row)


@run_training.on_end
def end_training(row: TrainingRun) -> None:
    """Move the model on and tell whoever started it."""
    settle(row.model_id)
    tell_creator(row)


@job(
    kind="spatial.evaluate",
    model="spatial.Evaluation",
    queue="training",
    organization_path="model__organization_id",
    listing=BY_MODEL,
    may_run=lambda row: may(row, "spatial.evaluate"),
)
def run_evaluation(run: Run[Evaluation]) -> None:
    """Judge a model by other data."""
    evaluate(run)


@run_evaluation.on_end
def end_evaluation(row: Evaluation) -> None:
    """Tell those who watch, and whoever started it."""
    announce_evaluation(row)
    tell_creator(row)


@job(
    kind="spatial.predict",
    model="spatial.Prediction",
    listing=Listing(
        permission="spatial.view",
        target_type="spatial.prediction",
        target_path="id",
        target_url_name="prediction-detail",
    ),
    may_run=lambda row: may(row, "spatial.predict"),
)
def run_prediction(run: Run[Prediction]) -> None:
    """Forecast the periods after an origin."""
    predict(run)


@run_prediction.on_change
def tell_prediction(row: Prediction) -> None:
    """Publish how far a prediction is."""
    announce_prediction(row)


@run_prediction.on_end
def end_prediction(row: Prediction) -> None:
    """Tell whoever started it."""
    tell_creator(row)
