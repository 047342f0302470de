"""The body of `spatial.train`: panel, rolling origin, final fit, importance, artifact."""

import hashlib
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from apps.common.jobs import JobTimeout, Run
from apps.datasets.models import Version
from apps.datasets.queries.versions import readable_version
from apps.spatial.announcing import announce_model
from apps.spatial.forecast_figures import train_seconds
from apps.spatial.forecasting.artifact import Learned, encode
from apps.spatial.forecasting.boosting import Hyperparameters
from apps.spatial.forecasting.features import feature_names
from apps.spatial.forecasting.importance import permutation_importance
from apps.spatial.forecasting.panel import Panel, check_history
from apps.spatial.forecasting.rolling import Learner, roll
from apps.spatial.forecasting.scoring import best_baseline, score
from apps.spatial.forecasting.trees import Forest
from apps.spatial.models import Artifact, ForecastModel, TrainingRun
from apps.spatial.states import ModelState, Period
from apps.spatial.training.artifact_files import drop_file, file_name, store_file
from apps.spatial.training.cards import make_card, package_versions
from apps.spatial.training.studies import read_study, studied_version, study_cells, study_panel

PANEL_DONE: Final = 0.2
ORIGINS_DONE: Final = 0.8
FIT_DONE: Final = 0.9
IMPORTANCE_DONE: Final = 0.97


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training made of one version."""

    version: int
    metrics: dict[str, Any]
    card: dict[str, Any]
    content: bytes


class Watch:
    """Passes on how far a run is, and ends it when it takes too long."""

    def __init__(self, run: Run[TrainingRun]) -> None:
        self.run = run
        self._end_s = time.monotonic() + settings.SPATIAL_TRAIN_LIMIT_S

    def reached(self, fraction: float, stage: str, **fields: Any) -> None:
        """Record it; raises JobTimeout over the time a training may take."""
        self.run.progress(fraction, stage=stage, **fields)
        if time.monotonic() > self._end_s:
            raise JobTimeout(f"The training took more than {settings.SPATIAL_TRAIN_LIMIT_S} s.")

    def origin(self, done: int, number: int) -> None:
        """Record that so many origins are done."""
        share = PANEL_DONE + (ORIGINS_DONE - PANEL_DONE) * done / number
        self.reached(share, f"origin {done} of {number}", origin=done, origins=number)


def train(run: Run[TrainingRun]) -> None:
    """Train the model of a run and keep what it learned; the run ends with the artifact or not at all."""
    begin(run.row.model)
    started_s = time.monotonic()
    version = version_of(run.row)
    run.write(dataset_version=version.number)
    trained = learn(run.row, version, Watch(run))
    name = store_file(file_name(run.row), trained.content)
    try:
        keep(run, trained, name)
    except BaseException:
        # Whoever took the run over, or nobody, will need what was written here.
        drop_file(name)
        raise
    train_seconds.observe(time.monotonic() - started_s)


def begin(model: ForecastModel) -> None:
    """Move a model that has nothing to serve yet to training."""
    idle = ForecastModel.objects.filter(pk=model.pk, state__in=[ModelState.DRAFT, ModelState.FAILED])
    if idle.update(state=ModelState.TRAINING):
        model.refresh_from_db()
        announce_model(model)


def version_of(row: TrainingRun) -> Version:
    """Return the version asked for, else the current one; raises DatasetGone, NotReady, VersionGone."""
    dataset = row.model.dataset
    current = studied_version(dataset)
    asked: int | None = row.parameters.get("version")
    return current if asked is None else readable_version(dataset, asked)


def learn(row: TrainingRun, version: Version, watch: Watch) -> Trained:
    """Return what is learned from a version; raises HistoryTooShort, PanelTooLarge, CategoryUnknown."""
    model = row.model
    study = read_study(model, version)
    periods = len(study.counts.starts)
    check_history(periods, model.origins)
    first = periods - model.origins
    panel = study_panel(model, study, first)
    parameters = Hyperparameters.of({**model.hyperparameters, **row.parameters.get("hyperparameters", {})})
    learner = Learner.of(panel, parameters, model.seed)
    watch.reached(PANEL_DONE, "panel", origins=model.origins)
    metrics = score(roll(panel, first, learner.refitted, watch.origin))
    judged = learner.fit(periods - 1)
    forest = learner.fit(periods)
    watch.reached(FIT_DONE, "fit")
    importance = _importance(learner, judged, panel)
    watch.reached(IMPORTANCE_DONE, "importance")
    card = make_card(model, version.number, study, panel, metrics)
    facts = _facts(model, parameters, metrics, card, importance)
    learned = Learned(forest, study_cells(model, study, periods), facts)
    return Trained(version.number, metrics | {"importance": importance}, card, encode(learned))


def _importance(learner: Learner, judged: Forest, panel: Panel) -> dict[str, float]:
    """Return the importance of each feature in the last period, which the judged trees did not see."""
    last = len(panel.starts) - 1
    names = feature_names(panel.period)
    return permutation_importance(judged, learner.features[last], panel.counts[:, last], names, learner.seed)


def _facts(
    model: ForecastModel,
    parameters: Hyperparameters,
    metrics: dict[str, Any],
    card: dict[str, Any],
    importance: dict[str, float],
) -> dict[str, Any]:
    """Return what the artifact says of itself; nothing that differs between two equal trainings."""
    return {
        "period": model.period,
        "resolution": model.resolution,
        "features": list(feature_names(Period(model.period))),
        "hyperparameters": parameters.to_json(),
        "seed": model.seed,
        "dispersions": {method: found["dispersion"] for method, found in metrics["methods"].items()},
        "serving_method": metrics["serving_method"],
        "baseline": str(best_baseline(metrics["methods"])),
        "importance": importance,
        "card": card,
        "packages": package_versions(),
    }


@transaction.atomic
def keep(run: Run[TrainingRun], trained: Trained, name: str) -> Artifact:
    """Add the artifact and end the run; what serves is changed by nobody but who activates."""
    # Locked, so that numbers follow each other and nobody activates at this moment.
    model = ForecastModel.objects.select_for_update().get(pk=run.row.model_id)
    last = model.artifacts.aggregate(last=Max("number"))["last"] or 0
    artifact = Artifact.objects.create(
        model=model,
        number=last + 1,
        storage_name=name,
        sha256=hashlib.sha256(trained.content).hexdigest(),
        size_bytes=len(trained.content),
        dataset_version=trained.version,
        serving_method=trained.metrics["serving_method"],
        metrics=trained.metrics,
        card=trained.card,
        packages=package_versions(),
    )
    run.succeed(artifact=artifact, metrics=trained.metrics, stage="saved", origin=model.origins)
    if model.state != ModelState.ACTIVE:
        model.state = ModelState.INACTIVE
        model.artifact, model.serving_method = artifact, artifact.serving_method
        model.save(update_fields=["state", "artifact", "serving_method", "updated_at"])
    announce_model(model)
    return artifact


@transaction.atomic
def settle(model_id: uuid.UUID) -> None:
    """Move a model whose training ended without an artifact on: to inactive if an older one is kept."""
    model = ForecastModel.objects.select_for_update().filter(pk=model_id, state=ModelState.TRAINING).first()
    if model is None or model.runs.filter(status__in=["queued", "running"]).exists():
        return
    model.artifact = model.artifacts.exclude(storage_name="").order_by("-number").first()
    model.state = ModelState.INACTIVE if model.artifact else ModelState.FAILED
    model.serving_method = model.artifact.serving_method if model.artifact else ""
    model.save(update_fields=["state", "artifact", "serving_method", "updated_at"])
    announce_model(model)
