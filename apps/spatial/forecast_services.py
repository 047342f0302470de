"""Every public write of forecast models: create, change, train, evaluate, activate, roll back, delete."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common import jobs
from apps.common.errors import Conflict, Duplicate, FieldError, NotFound
from apps.common.locks import lock_in_transaction
from apps.common.logs import current_request_id
from apps.datasets.models import Dataset, Version
from apps.datasets.queries.terms import load_vocabularies
from apps.datasets.queries.versions import readable_version
from apps.spatial.announcing import announce_model
from apps.spatial.forecast_tasks import run_evaluation, run_training
from apps.spatial.forecasting.boosting import Hyperparameters
from apps.spatial.forecasting.calendar import period_of
from apps.spatial.forecasting.panel import check_history
from apps.spatial.models import Area, Artifact, Evaluation, ForecastModel, TrainingRun
from apps.spatial.sources import CategoryUnknown
from apps.spatial.states import ModelState, Period
from apps.spatial.training.artifact_files import ArtifactGone, drop_file, load_learned, names_of
from apps.spatial.training.studies import studied_version

ALWAYS_CHANGEABLE: Final = frozenset({"name", "tag"})


class ModelActive(Conflict):
    """The model serves forecasts.

    Deactivate it first.
    """

    code = "spatial.model_active"


class ModelFixed(Conflict):
    """Once it was trained, only the name and the tag of a model can be changed.

    What it learned belongs to these settings. Make another model for others.
    """

    code = "spatial.model_fixed"


class ModelNotTrained(Conflict):
    """The model has no artifact yet.

    Train it first.
    """

    code = "spatial.model_not_trained"


class TrainingRunning(Conflict):
    """A training of this model is queued or running."""

    code = "spatial.training_running"


class NotActive(Conflict):
    """The model is not active."""

    code = "spatial.model_not_active"


class SlotTaken(Duplicate):
    """Another model is active under this tag and area.

    Deactivate one of the two.
    """

    code = "spatial.slot_taken"


@transaction.atomic
def create_model(
    *, actor: Actor, dataset: uuid.UUID, area: uuid.UUID | None = None, **settings: Any
) -> ForecastModel:
    """Create a draft; `settings` are fields of ForecastModel.

    Raises NotFound for a dataset or area that the actor does not see, HyperparametersInvalid and
    CategoryUnknown.
    """
    require(actor, "spatial.train")
    model = ForecastModel(organization=actor.organization, created_by=actor.person, **settings)
    model.dataset = _dataset_of(actor, dataset)
    model.area = _area_of(actor, area)
    _check_settings(model)
    model.save()
    given = {"dataset": dataset, "resolution": model.resolution, "period": model.period}
    record_audit(actor=actor, verb="spatial.model_created", target=model, changes=given)
    announce_model(model)
    return model


@transaction.atomic
def update_model(*, actor: Actor, model: ForecastModel, **changes: Any) -> ForecastModel:
    """Change a draft's settings, or name and tag of a model that was trained.

    Raises ModelFixed, SlotTaken, and what `create_model` raises.
    """
    require(actor, "spatial.train")
    model = _lock(model)
    is_fixed = model.state not in {ModelState.DRAFT, ModelState.FAILED} or model.artifacts.exists()
    if (is_fixed or _has_active_run(model)) and changes.keys() - ALWAYS_CHANGEABLE:
        raise ModelFixed
    if "area" in changes:
        model.area = _area_of(actor, changes["area"])
    for name in changes.keys() - {"area"}:
        setattr(model, name, changes[name])
    _check_settings(model)
    _save_in_slot(model)
    record_audit(actor=actor, verb="spatial.model_changed", target=model, changes=changes)
    announce_model(model)
    return model


@transaction.atomic
def delete_model(*, actor: Actor, model: ForecastModel) -> None:
    """Delete a model with its artifacts, runs and evaluations; predictions stay. Raises ModelActive."""
    require(actor, "spatial.delete")
    model = _lock(model)
    if model.state == ModelState.ACTIVE:
        raise ModelActive
    names = names_of(model.pk)
    record_audit(actor=actor, verb="spatial.model_deleted", target=model)
    announce_model(model)
    model.delete()
    transaction.on_commit(lambda: _drop_files(names))


@transaction.atomic
def start_training(
    *,
    actor: Actor,
    model: ForecastModel,
    version: int | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
) -> TrainingRun:
    """Queue a training on a version, by default the current one when it starts.

    Raises TrainingRunning, DatasetGone, NotReady, VersionGone, HyperparametersInvalid, HistoryTooShort.
    """
    require(actor, "spatial.train")
    current = studied_version(model.dataset)
    chosen = current if version is None else readable_version(model.dataset, version)
    given = dict(hyperparameters or {})
    Hyperparameters.of({**model.hyperparameters, **given})
    parameters = {"version": version, "hyperparameters": given}
    _check_reach(model, chosen)
    row = TrainingRun(
        model=model,
        parameters=parameters,
        origins=model.origins,
        request_id=current_request_id(),
        **actor.initiates(),
        **run_training.columns(),
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "spatial_training_run_one_active" in str(error):
            raise TrainingRunning from error
        raise
    row.refresh_from_db()
    record_audit(actor=actor, verb="spatial.training_started", target=model, changes=parameters)
    run_training.enqueue(row.pk)
    return row


@transaction.atomic
def start_evaluation(
    *, actor: Actor, model: ForecastModel, dataset: uuid.UUID, window: Mapping[str, Any]
) -> Evaluation:
    """Queue the computation of a model's metrics on a dataset; window: `from`, `to` as dates or neither.

    Raises NotFound, ModelNotTrained, NotReady.
    """
    require(actor, "spatial.evaluate")
    judged = _dataset_of(actor, dataset)
    studied_version(judged)
    if model.artifact is None:
        raise ModelNotTrained
    parameters = {name: day.isoformat() for name, day in window.items() if day is not None}
    row = Evaluation.objects.create(
        model=model,
        artifact=model.artifact,
        dataset=judged,
        parameters=parameters,
        request_id=current_request_id(),
        **actor.initiates(),
        **run_evaluation.columns(),
    )
    row.refresh_from_db()
    facts = {"dataset": dataset, "artifact": model.artifact.number}
    record_audit(actor=actor, verb="spatial.evaluation_started", target=model, changes=facts)
    run_evaluation.enqueue(row.pk)
    return row


@transaction.atomic
def activate_model(*, actor: Actor, model: ForecastModel) -> ForecastModel:
    """Let a model serve under its tag and area; the one that did serves no more.

    An active model takes its newest artifact. Raises ModelNotTrained, ArtifactCorrupt.
    """
    require(actor, "spatial.activate")
    # One after the other for a slot, so that of two at once exactly one stays active.
    lock_in_transaction(f"spatial.slot:{model.organization_id}:{model.tag}:{model.area_id}")
    model = _lock(model)
    newest = model.artifacts.exclude(storage_name="").order_by("-number").first()
    artifact = newest if model.state == ModelState.ACTIVE else model.artifact or newest
    if artifact is None:
        raise ModelNotTrained
    load_learned(artifact)
    _make_way(model)
    _serve(model, artifact, ModelState.ACTIVE)
    facts = {"artifact": artifact.number, "tag": model.tag}
    record_audit(actor=actor, verb="spatial.model_activated", target=model, changes=facts)
    return model


@transaction.atomic
def deactivate_model(*, actor: Actor, model: ForecastModel) -> ForecastModel:
    """Take a model out of service; raises NotActive."""
    require(actor, "spatial.activate")
    model = _lock(model)
    if model.state != ModelState.ACTIVE:
        raise NotActive
    model.state = ModelState.INACTIVE
    model.save(update_fields=["state", "updated_at"])
    record_audit(actor=actor, verb="spatial.model_deactivated", target=model)
    announce_model(model)
    return model


@transaction.atomic
def roll_back_model(*, actor: Actor, model: ForecastModel, number: int) -> ForecastModel:
    """Let an earlier (or later) artifact of a model serve; raises NotFound, ArtifactGone, ArtifactCorrupt."""
    require(actor, "spatial.activate")
    model = _lock(model)
    artifact: Artifact | None = model.artifacts.filter(number=number).first()
    if artifact is None:
        raise NotFound(f"The model has no artifact {number}.")
    if not artifact.storage_name:
        raise ArtifactGone
    load_learned(artifact)
    _serve(model, artifact, ModelState(model.state))
    facts = {"artifact": number}
    record_audit(actor=actor, verb="spatial.model_rolled_back", target=model, changes=facts)
    return model


@transaction.atomic
def cancel_training(*, actor: Actor, row: TrainingRun) -> TrainingRun:
    """Cancel a training, at once or as soon as its worker notices; raises JobNotCancellable."""
    require(actor, "spatial.train")
    jobs.cancel(run_training, row)
    record_audit(actor=actor, verb="spatial.training_cancelled", target=row.model)
    return row


@transaction.atomic
def retry_training(*, actor: Actor, row: TrainingRun) -> TrainingRun:
    """Queue a failed training again; raises JobNotRetryable."""
    require(actor, "spatial.train")
    jobs.retry(run_training, row)
    record_audit(actor=actor, verb="spatial.training_retried", target=row.model)
    return row


def _serve(model: ForecastModel, artifact: Artifact, state: ModelState) -> None:
    model.artifact, model.serving_method, model.state = artifact, artifact.serving_method, state
    model.save(update_fields=["artifact", "serving_method", "state", "updated_at"])
    announce_model(model)


def _make_way(model: ForecastModel) -> None:
    """Deactivate the other model of the same tag and area."""
    others = ForecastModel.objects.select_for_update(of=("self",)).filter(
        organization=model.organization_id, tag=model.tag, area=model.area_id, state=ModelState.ACTIVE
    )
    for other in others.exclude(pk=model.pk):
        other.state = ModelState.INACTIVE
        other.save(update_fields=["state", "updated_at"])
        announce_model(other)


def _lock(model: ForecastModel) -> ForecastModel:
    """Return the row, locked; raises NotFound for one deleted meanwhile."""
    locked = ForecastModel.objects.select_for_update().filter(pk=model.pk).first()
    if locked is None:
        raise NotFound
    return locked


def _save_in_slot(model: ForecastModel) -> None:
    try:
        with transaction.atomic():
            model.save()
    except IntegrityError as error:
        if "spatial_model_one_active" in str(error):
            raise SlotTaken from error
        raise


def _has_active_run(model: ForecastModel) -> bool:
    return model.runs.filter(status__in=["queued", "running"]).exists()


def _dataset_of(actor: Actor, pk: uuid.UUID) -> Dataset:
    dataset = Dataset.objects.visible_to(actor).select_related("current_version").filter(pk=pk).first()
    if dataset is None:
        raise NotFound(f"There is no dataset {pk}.")
    return dataset


def _area_of(actor: Actor, pk: uuid.UUID | None) -> Area | None:
    if pk is None:
        return None
    area = Area.objects.visible_to(actor).filter(pk=pk).first()
    if area is None:
        raise NotFound(f"There is no area {pk}.")
    return area


def _check_settings(model: ForecastModel) -> None:
    """Raise for hyperparameters out of their limits and for categories that the dataset does not have."""
    Hyperparameters.of(model.hyperparameters)
    _check_categories(model.dataset, model.categories)


def _check_categories(dataset: Dataset, categories: Sequence[str]) -> None:
    """Raise CategoryUnknown; before the first version every name may still come."""
    if not categories or dataset.current_version_id is None:
        return
    known = set(load_vocabularies([dataset.no])[dataset.no].categories.values())
    for index, name in enumerate(categories):
        if name not in known:
            detail = f"There is no category {name!r}."
            wrong = FieldError(detail, code="category_unknown", pointer=f"/categories/{index}")
            raise CategoryUnknown(detail, errors=[wrong])


def _check_reach(model: ForecastModel, version: Version) -> None:
    """Raise HistoryTooShort where even the periods that the data touch are too few."""
    if version.first_at is None or version.last_at is None:
        return
    period = Period(model.period)
    first, last = (period_of(at.date(), period) for at in (version.first_at, version.last_at))
    days = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 28}[period]
    check_history((last - first).days // days + 1, model.origins)


def _drop_files(names: Sequence[str]) -> None:
    for name in names:
        drop_file(name)
