"""Predictions: what an artifact expects in the periods after its origin, cell by cell."""

from typing import Self

from django.db import models

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.spatial.models.forecast import Artifact, ForecastModel
from apps.spatial.states import Method


class PredictionQuerySet(models.QuerySet["Prediction"]):
    """Reads of predictions."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the predictions of the actor's organization."""
        return self.filter(organization=actor.organization)


class Prediction(Row, JobState):
    """A job that forecasts; its cells lie in `PredictionCell`.

    It cites dataset, version, model and artifact in `summary`, so that it still says what it was made from
    when these are gone.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    model = models.ForeignKey(ForecastModel, null=True, on_delete=models.SET_NULL, related_name="predictions")
    artifact = models.ForeignKey(Artifact, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    dataset_version = models.PositiveIntegerField(null=True, blank=True)
    method = models.TextField(choices=Method.choices, default="", blank=True)
    parameters = models.JSONField(default=dict)
    summary = models.JSONField(default=dict)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        db_table = "spatial_prediction"
        constraints = [status_check("spatial_prediction_status", "status", JobStatus)]
        indexes = [models.Index(fields=["organization", "-created_at"], name="spatial_prediction_newest")]

    def __str__(self) -> str:
        return f"prediction {self.pk}"


class PredictionCell(models.Model):
    """One cell in one period: expected events, their 80 % interval, the baseline's and the rank."""

    pk = models.CompositePrimaryKey("prediction_id", "h3", "period_start")
    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="cells")
    h3 = models.BigIntegerField()
    period_start = models.DateTimeField()
    expected = models.FloatField()
    lower = models.FloatField()
    upper = models.FloatField()
    baseline = models.FloatField()
    rank = models.PositiveIntegerField()

    class Meta:
        db_table = "spatial_prediction_cell"
        indexes = [models.Index(fields=["prediction", "period_start", "rank"], name="spatial_cell_rank")]

    def __str__(self) -> str:
        return f"{self.h3:x}"
