"""What operators see and do of models, trainings and predictions. Each action is one service call."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.permissions import system_actor
from apps.common.admin import ReadOnlyAdmin
from apps.spatial import forecast_services, prediction_services
from apps.spatial.models import Artifact, Evaluation, ForecastModel, Prediction, TrainingRun


@admin.register(ForecastModel)
class ForecastModelAdmin(ReadOnlyAdmin):
    """Models with the metrics and the card of what they serve."""

    list_display = ("name", "organization", "dataset", "tag", "state", "serving_method", "created_at")
    list_filter = ("state", "period", "serving_method")
    search_fields = ("name", "tag", "organization__slug")
    list_select_related = ("organization", "dataset")
    ordering = ("-created_at", "pk")
    readonly_fields = ("metrics", "card")
    actions = ["deactivate"]

    @admin.display(description="metrics of the serving artifact")
    def metrics(self, row: ForecastModel) -> SafeString:
        """Return them as JSON."""
        return _document(row.artifact.metrics if row.artifact else {})

    @admin.display(description="card of the serving artifact")
    def card(self, row: ForecastModel) -> SafeString:
        """Return it as JSON."""
        return _document(row.artifact.card if row.artifact else {})

    @admin.action(description="Deactivate")
    def deactivate(self, request: HttpRequest, rows: QuerySet[ForecastModel]) -> None:
        """Take the chosen models out of service."""
        self.each(
            request,
            rows,
            lambda row: forecast_services.deactivate_model(actor=system_actor(row.organization), model=row),
        )


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    """Artifacts: what trainings learned."""

    organization_path = "model.organization"
    list_display = (
        "model",
        "number",
        "dataset_version",
        "serving_method",
        "size_bytes",
        "created_at",
        "pruned_at",
    )
    search_fields = ("model__name",)
    list_select_related = ("model",)
    ordering = ("-created_at", "pk")


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    """Trainings with error and trace."""

    organization_path = "model.organization"
    list_display = ("model", "status", "stage", "progress", "origin", "origins", "error_code", "created_at")
    list_filter = ("status",)
    search_fields = ("model__name", "error_code")
    list_select_related = ("model__organization",)
    ordering = ("-created_at", "pk")
    actions = ["cancel", "retry"]

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, rows: QuerySet[TrainingRun]) -> None:
        """Cancel the chosen trainings."""
        self.each(
            request,
            rows,
            lambda row: forecast_services.cancel_training(
                actor=system_actor(row.model.organization), row=row
            ),
        )

    @admin.action(description="Retry")
    def retry(self, request: HttpRequest, rows: QuerySet[TrainingRun]) -> None:
        """Queue the chosen trainings again."""
        self.each(
            request,
            rows,
            lambda row: forecast_services.retry_training(actor=system_actor(row.model.organization), row=row),
        )


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    """Evaluations with their metrics."""

    organization_path = "model.organization"
    list_display = ("model", "artifact", "dataset", "status", "error_code", "created_at")
    list_filter = ("status",)
    search_fields = ("model__name", "error_code")
    list_select_related = ("model", "artifact", "dataset")
    ordering = ("-created_at", "pk")


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyAdmin):
    """Predictions with their summary; their cells are never listed."""

    list_display = ("id", "organization", "model", "method", "status", "error_code", "created_at")
    list_filter = ("status", "method")
    search_fields = ("model__name", "error_code")
    list_select_related = ("organization", "model")
    ordering = ("-created_at", "pk")
    actions = ["cancel", "retry"]

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, rows: QuerySet[Prediction]) -> None:
        """Cancel the chosen predictions."""
        self.each(
            request,
            rows,
            lambda row: prediction_services.cancel_prediction(actor=system_actor(row.organization), row=row),
        )

    @admin.action(description="Retry")
    def retry(self, request: HttpRequest, rows: QuerySet[Prediction]) -> None:
        """Queue the chosen predictions again."""
        self.each(
            request,
            rows,
            lambda row: prediction_services.retry_prediction(actor=system_actor(row.organization), row=row),
        )


def _document(content: Any) -> SafeString:
    """Return JSON as preformatted text, everything in it escaped."""
    return format_html("<pre>{}</pre>", json.dumps(content, indent=1, ensure_ascii=False))
