"""The endpoints of forecast models, their runs, artifacts and evaluations."""

import uuid
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.filters import StrictFilterSet, any_text, id_of, one_of
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.spatial import forecast_services as services
from apps.spatial.api import forecast_serializers as serializers
from apps.spatial.models import Artifact, ForecastModel
from apps.spatial.queries import listed_evaluations, listed_models, listed_runs, served_metrics, status_of
from apps.spatial.states import ModelState


class ForecastModelFilter(StrictFilterSet):
    """Models by dataset, area, tag and state."""

    dataset = id_of("dataset")
    area = id_of("area")
    tag = any_text("tag")
    state = one_of(ModelState)

    class Meta:
        model = ForecastModel
        fields: list[str] = []


class ForecastModelViewSet(ResourceViewSet[ForecastModel]):
    """Forecast models: what is expected of a dataset, by cell and period."""

    queryset = listed_models()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "spatial.view"
    permissions = {
        "create": "spatial.train",
        "partial_update": "spatial.train",
        "destroy": "spatial.delete",
        "train": "spatial.train",
        "evaluate": "spatial.evaluate",
        "activate": "spatial.activate",
        "deactivate": "spatial.activate",
        "rollback": "spatial.activate",
    }
    limits = {"train": "train", "evaluate": "evaluate"}
    serializer_class = serializers.ForecastModelOut
    in_serializer_class = serializers.ForecastModelIn
    patch_serializer_class = serializers.ForecastModelPatch
    filterset_class = ForecastModelFilter
    search_fields = ("name", "tag")
    sort_fields = {"name": "name", "created_at": "created_at", "updated_at": "updated_at"}

    def create_row(self, values: dict[str, Any]) -> ForecastModel:
        """Create a draft."""
        return self._shown(services.create_model(actor=self.actor, **values))

    def update_row(self, row: ForecastModel, values: dict[str, Any]) -> ForecastModel:
        """Change the model."""
        return self._shown(services.update_model(actor=self.actor, model=row, **values))

    def delete_row(self, row: ForecastModel) -> None:
        """Delete the model."""
        services.delete_model(actor=self.actor, model=row)

    @extend_schema(request=serializers.TrainIn, responses={202: serializers.TrainingRunOut})
    @action(detail=True, methods=["post"])
    def train(self, request: Request, pk: str) -> Response:
        """Queue a training on the current version of the model's dataset, or the one named."""
        model = self.get_object()
        run = services.start_training(actor=self.actor, model=model, **self.validated(serializers.TrainIn))
        address = reverse("training-run-detail", args=[str(model.pk), str(run.pk)])
        return Response(serializers.TrainingRunOut(run).data, status=202, headers={"Location": address})

    @extend_schema(request=serializers.EvaluateIn, responses={202: serializers.ForecastEvaluationOut})
    @action(detail=True, methods=["post"])
    def evaluate(self, request: Request, pk: str) -> Response:
        """Queue the computation of the model's metrics on a dataset."""
        model, window = self.get_object(), self.validated(serializers.EvaluateIn)
        dataset = window.pop("dataset")
        row = services.start_evaluation(actor=self.actor, model=model, dataset=dataset, window=window)
        address = reverse("forecast-evaluation-list", args=[str(model.pk)])
        body = serializers.ForecastEvaluationOut(row).data
        return Response(body, status=202, headers={"Location": address})

    @extend_schema(request=None, responses=serializers.ForecastModelOut)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: str) -> Response:
        """Let the model serve under its tag and area, in place of the one that does."""
        return self._changed(services.activate_model(actor=self.actor, model=self.get_object()))

    @extend_schema(request=None, responses=serializers.ForecastModelOut)
    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: str) -> Response:
        """Take the model out of service."""
        return self._changed(services.deactivate_model(actor=self.actor, model=self.get_object()))

    @extend_schema(request=serializers.RollbackIn, responses=serializers.ForecastModelOut)
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, pk: str) -> Response:
        """Let another artifact of the model serve."""
        model, number = self.get_object(), self.validated(serializers.RollbackIn)["artifact"]
        return self._changed(services.roll_back_model(actor=self.actor, model=model, number=number))

    @extend_schema(responses=serializers.ForecastStatusOut)
    @action(detail=True)
    def status(self, request: Request, pk: str) -> Response:
        """Return how the model stands."""
        return Response(serializers.ForecastStatusOut(status_of(self.get_object())).data)

    @extend_schema(responses=serializers.ForecastMetricsOut)
    @action(detail=True)
    def metrics(self, request: Request, pk: str) -> Response:
        """Return the metrics of the artifact that the model serves, the baselines' beside them."""
        return Response(serializers.ForecastMetricsOut(served_metrics(self.get_object())).data)

    def _changed(self, model: ForecastModel) -> Response:
        return Response(self.answer(self._shown(model)))

    def _shown(self, model: ForecastModel) -> ForecastModel:
        shown: ForecastModel = self.get_queryset().get(pk=model.pk)
        return shown


def visible_model(actor: Any, model_id: str) -> ForecastModel:
    """Return a model of the actor's organization; raises NotFound."""
    if not UUID_PATTERN.fullmatch(model_id):
        raise NotFound
    row = ForecastModel.objects.visible_to(actor).filter(pk=uuid.UUID(model_id)).first()
    if row is None:
        raise NotFound
    return row


class OfOneModel(ResourceViewSet[Any]):
    """What belongs to the model in the address."""

    permission = "spatial.view"

    def get_queryset(self) -> Any:
        """Return the rows of the model."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(model=visible_model(self.actor, self.kwargs["model_id"]))


class TrainingRunViewSet(OfOneModel):
    """The trainings of one model."""

    queryset = listed_runs()
    offers = ("list", "retrieve")
    serializer_class = serializers.TrainingRunOut


class ForecastArtifactViewSet(OfOneModel):
    """The artifacts of one model, the newest first."""

    queryset = Artifact.objects.all()
    offers = ("list",)
    serializer_class = serializers.ForecastArtifactOut
    sort_fields = {"number": "number"}
    default_sort = "-number"


class ForecastEvaluationViewSet(OfOneModel):
    """The evaluations of one model."""

    queryset = listed_evaluations()
    offers = ("list",)
    serializer_class = serializers.ForecastEvaluationOut
