"""Forecast models, their trained artifacts, and the jobs that train and judge them."""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.datasets.models import Dataset
from apps.spatial.models.area import Area
from apps.spatial.states import Method, ModelState, Period


class ForecastModelQuerySet(models.QuerySet["ForecastModel"]):
    """Reads of forecast models."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the models of the actor's organization."""
        return self.filter(organization=actor.organization)


class ForecastModel(Row):
    """What is to be forecast and how: events of a dataset per cell and period.

    `tag` and `area` name the slot in which one model is active at a time. `artifact` serves once there is
    one; `serving_method` is the boosting if it beat the baselines, else the best of these.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    tag = models.CharField(max_length=100, default="", blank=True)
    resolution = models.PositiveSmallIntegerField(default=8)
    period = models.TextField(choices=Period.choices)
    horizon = models.PositiveSmallIntegerField(default=1)
    categories = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    origins = models.PositiveSmallIntegerField(default=6)
    hyperparameters = models.JSONField(default=dict, blank=True)
    seed = models.PositiveIntegerField(default=0)
    state = models.TextField(choices=ModelState.choices, default=ModelState.DRAFT)
    artifact = models.ForeignKey(
        "spatial.Artifact", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    serving_method = models.TextField(choices=Method.choices, default="", blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ForecastModelQuerySet.as_manager()

    class Meta:
        db_table = "spatial_model"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "tag", "area"],
                condition=Q(state=ModelState.ACTIVE),
                nulls_distinct=False,
                name="spatial_model_one_active",
            ),
            status_check("spatial_model_state", "state", ModelState),
            status_check("spatial_model_period", "period", Period),
        ]
        indexes = [models.Index(fields=["organization", "-created_at"], name="spatial_model_newest")]

    def __str__(self) -> str:
        return self.name


class ForecastPartQuerySet(models.QuerySet[Any]):
    """Reads of what belongs to a model."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to what belongs to models of the actor's organization."""
        return self.filter(model__organization=actor.organization)


class Artifact(Row):
    """One trained state of a model, immutable: a zip of JSON and numbers in the file storage, no pickle.

    `metrics` are those of the rolling origin, the baselines' beside them; `card` is what a reader must know;
    `packages` the versions it was made with. `storage_name` is empty once the file was pruned.
    """

    model = models.ForeignKey(ForecastModel, on_delete=models.CASCADE, related_name="artifacts")
    number = models.PositiveIntegerField()
    storage_name = models.CharField(max_length=255, default="", blank=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField(default=0)
    dataset_version = models.PositiveIntegerField()
    serving_method = models.TextField(choices=Method.choices)
    metrics = models.JSONField(default=dict)
    card = models.JSONField(default=dict)
    packages = models.JSONField(default=dict)
    pruned_at = models.DateTimeField(null=True, blank=True)

    objects = ForecastPartQuerySet.as_manager()

    class Meta:
        db_table = "spatial_artifact"
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="spatial_artifact_number_unique"),
            status_check("spatial_artifact_method", "serving_method", Method),
        ]

    def __str__(self) -> str:
        return f"artifact {self.number} of {self.model_id}"


class TrainingRun(Row, JobState):
    """A job that trains a model on one version of its dataset; `origin` of `origins` are done."""

    model = models.ForeignKey(ForecastModel, on_delete=models.CASCADE, related_name="runs")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    artifact = models.ForeignKey(Artifact, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    dataset_version = models.PositiveIntegerField(null=True, blank=True)
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    origin = models.PositiveSmallIntegerField(default=0)
    origins = models.PositiveSmallIntegerField(default=0)

    objects = ForecastPartQuerySet.as_manager()

    class Meta:
        db_table = "spatial_training_run"
        constraints = [
            models.UniqueConstraint(
                fields=["model"],
                condition=Q(status__in=["queued", "running"]),
                name="spatial_training_run_one_active",
            ),
            status_check("spatial_training_run_status", "status", JobStatus),
        ]
        indexes = [models.Index(fields=["model", "-created_at"], name="spatial_training_run_newest")]

    def __str__(self) -> str:
        return f"training {self.pk}"


class Evaluation(Row, JobState):
    """A job that computes an artifact's metrics on other data; `parameters` hold dataset and window."""

    model = models.ForeignKey(ForecastModel, on_delete=models.CASCADE, related_name="evaluations")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="+")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    dataset_version = models.PositiveIntegerField(null=True, blank=True)
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)

    objects = ForecastPartQuerySet.as_manager()

    class Meta:
        db_table = "spatial_evaluation"
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=Q(status="running"), name="spatial_evaluation_one_running"
            ),
            status_check("spatial_evaluation_status", "status", JobStatus),
        ]
        indexes = [models.Index(fields=["model", "-created_at"], name="spatial_evaluation_newest")]

    def __str__(self) -> str:
        return f"evaluation {self.pk}"
