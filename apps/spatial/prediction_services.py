"""Every public write of predictions: start, cancel, retry, delete."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common import jobs
from apps.common.errors import NotFound
from apps.common.logs import current_request_id
from apps.spatial.forecast_services import ModelNotTrained
from apps.spatial.forecast_tasks import run_prediction
from apps.spatial.models import ForecastModel, Prediction
from apps.spatial.states import ModelState
from apps.spatial.training.artifact_files import load_learned
from apps.spatial.training.predicting import selected
from apps.spatial.training.studies import studied_version

TOP_DEFAULT: Final = 20


@transaction.atomic
def start_prediction(
    *,
    actor: Actor,
    model: uuid.UUID | None = None,
    tag: str = "",
    area: uuid.UUID | None = None,
    origin: date | None = None,
    horizon: int | None = None,
    selection: Mapping[str, Any] | None = None,
    top: int = TOP_DEFAULT,
) -> Prediction:
    """Queue a forecast by a model, or by the one that is active under a tag and area.

    Raises NotFound, ModelNotTrained, DatasetGone, NotReady, ArtifactCorrupt, SelectionInvalid and
    SelectionEmpty.
    """
    require(actor, "spatial.predict")
    chosen = _model_of(actor, model) if model is not None else _active_model(actor, tag, area)
    if chosen.artifact is None:
        raise ModelNotTrained
    studied_version(chosen.dataset)
    cells = load_learned(chosen.artifact).cells
    wanted = None if selection is None else _as_json(selection)
    selected(wanted, chosen, cells)
    parameters = {
        "origin": origin.isoformat() if origin else None,
        "horizon": horizon or chosen.horizon,
        "selection": wanted,
        "top": top,
    }
    row = Prediction.objects.create(
        organization=actor.organization,
        model=chosen,
        artifact=chosen.artifact,
        parameters=parameters,
        request_id=current_request_id(),
        **actor.initiates(),
        **run_prediction.columns(),
    )
    row.refresh_from_db()
    facts = {"model": chosen.pk, "artifact": chosen.artifact.number, **parameters}
    record_audit(actor=actor, verb="spatial.prediction_started", target=row, changes=facts)
    run_prediction.enqueue(row.pk)
    return row


@transaction.atomic
def delete_prediction(*, actor: Actor, row: Prediction) -> None:
    """Delete a prediction with its cells; one that is being made ends with it."""
    require(actor, "spatial.delete")
    record_audit(actor=actor, verb="spatial.prediction_deleted", target=row)
    row.delete()


@transaction.atomic
def cancel_prediction(*, actor: Actor, row: Prediction) -> Prediction:
    """Cancel a prediction, at once or as soon as its worker notices; raises JobNotCancellable."""
    require(actor, "spatial.predict")
    jobs.cancel(run_prediction, row)
    record_audit(actor=actor, verb="spatial.prediction_cancelled", target=row)
    return row


@transaction.atomic
def retry_prediction(*, actor: Actor, row: Prediction) -> Prediction:
    """Queue a failed prediction again; raises JobNotRetryable."""
    require(actor, "spatial.predict")
    jobs.retry(run_prediction, row)
    record_audit(actor=actor, verb="spatial.prediction_retried", target=row)
    return row


def _as_json(selection: Mapping[str, Any]) -> dict[str, Any]:
    """Return the selection as it is kept on the row."""
    return {name: str(value) if name == "area" else value for name, value in selection.items()}


def _model_of(actor: Actor, pk: uuid.UUID) -> ForecastModel:
    model: ForecastModel | None = _models(actor).filter(pk=pk).first()
    if model is None:
        raise NotFound(f"There is no model {pk}.")
    return model


def _active_model(actor: Actor, tag: str, area: uuid.UUID | None) -> ForecastModel:
    active = _models(actor).filter(tag=tag, area=area, state=ModelState.ACTIVE)
    model: ForecastModel | None = active.first()
    if model is None:
        raise NotFound("No model is active under this tag and area.")
    return model


def _models(actor: Actor) -> Any:
    related = ("artifact", "dataset__current_version")
    return ForecastModel.objects.visible_to(actor).select_related(*related)
