"""What of forecasts is no longer needed goes: old predictions, artifacts past the last five, lost files.

Every function may be killed anywhere and be run again.
"""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.common.db import JobStatus
from apps.common.keeping import KeepingRule, delete_rows
from apps.spatial.models import Artifact, Evaluation, ForecastModel, Prediction, PredictionCell, TrainingRun
from apps.spatial.states import ModelState
from apps.spatial.training.artifact_files import drop_file, names_of
from apps.spatial.training.fitting import settle

KEPT_ARTIFACTS: Final = 5
UNENDED: Final = (JobStatus.QUEUED, JobStatus.RUNNING)


def old_predictions(now: datetime) -> QuerySet[Prediction]:
    """Return the predictions that are past their time; none that is still being made."""
    limit = now - timedelta(days=settings.SPATIAL_PREDICTION_DAYS)
    return Prediction.objects.filter(created_at__lt=limit).exclude(status__in=UNENDED)


def drop_predictions(now: datetime) -> int:
    """Delete old predictions with their cells; returns how many."""
    dropped = 0
    for row in old_predictions(now).only("pk").iterator():
        # Its cells by one statement; Django would read hundreds of thousands of them first.
        PredictionCell.objects.filter(prediction=row).delete()
        row.delete()
        dropped += 1
    return dropped


def old_artifacts() -> QuerySet[Artifact]:
    """Return the artifacts that have a file and are neither among a model's last five nor its serving one.

    What an unended evaluation or prediction reads stays as well.
    """
    newest_first = Window(RowNumber(), partition_by=F("model"), order_by=F("number").desc())
    kept = Artifact.objects.exclude(storage_name="").annotate(place=newest_first)
    past = kept.filter(place__gt=KEPT_ARTIFACTS).values_list("pk", flat=True)
    read = [
        Exists(rows.objects.filter(artifact=OuterRef("pk"), status__in=UNENDED))
        for rows in (Evaluation, Prediction)
    ]
    served = Exists(ForecastModel.objects.filter(artifact=OuterRef("pk")))
    return Artifact.objects.filter(~served, ~read[0], ~read[1], pk__in=list(past))


def drop_artifacts(now: datetime) -> int:
    """Delete the files of old artifacts; their metrics and cards stay. Returns how many."""
    return sum(_drop_artifact(artifact, now) for artifact in old_artifacts())


@transaction.atomic
def _drop_artifact(artifact: Artifact, now: datetime) -> bool:
    """Delete the file of an artifact; tell whether it was not let serve at this moment."""
    # Locked, because somebody may roll back to it.
    model = ForecastModel.objects.select_for_update().filter(pk=artifact.model_id).first()
    if model is None or model.artifact_id == artifact.pk:
        return False
    Artifact.objects.filter(pk=artifact.pk).update(storage_name="", pruned_at=now)
    transaction.on_commit(lambda: drop_file(artifact.storage_name))
    return True


def unsettled_models() -> QuerySet[ForecastModel]:
    """Return the models that are training while no run is: its worker died before its last word."""
    active = TrainingRun.objects.filter(model=OuterRef("pk"), status__in=UNENDED)
    return ForecastModel.objects.filter(~Exists(active), state=ModelState.TRAINING)


def settle_models(_now: datetime) -> int:
    """Move such models on; returns how many."""
    models = list(unsettled_models())
    for model in models:
        settle(model.pk)
    return len(models)


def purge_forecasts(organization_id: uuid.UUID) -> None:
    """Remove models and predictions of an organization with their files; areas can go only after them."""
    PredictionCell.objects.filter(prediction__organization_id=organization_id).delete()
    delete_rows(Prediction.objects.filter(organization_id=organization_id))
    for model in ForecastModel.objects.filter(organization_id=organization_id):
        names = names_of(model.pk)
        model.delete()
        for name in names:
            drop_file(name)


RULES: Final = (
    KeepingRule("spatial.predictions", count=lambda now: old_predictions(now).count(), drop=drop_predictions),
    KeepingRule("spatial.artifacts", count=lambda _now: old_artifacts().count(), drop=drop_artifacts),
    KeepingRule("spatial.models", count=lambda _now: unsettled_models().count(), drop=settle_models),
)
