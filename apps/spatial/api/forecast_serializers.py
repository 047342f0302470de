"""What goes in and out of the API of forecast models."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.db import JobStatus
from apps.common.serializers import OutSerializer, StrictSerializer
from apps.spatial.models import Artifact, Evaluation, ForecastModel, TrainingRun
from apps.spatial.states import Period

NAMES_MAX = 50
NAME_CHARACTERS = 200


class CreatorOut(serializers.Serializer[Any]):
    """Who made something."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ForecastJobError(serializers.Serializer[Any]):
    """Why a job of forecasts failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class HyperparametersIn(StrictSerializer):
    """How the trees are grown; what is not given has its default."""

    learning_rate = serializers.FloatField(required=False, help_text="0.01 to 0.5, default 0.05")
    max_iter = serializers.IntegerField(required=False, help_text="50 to 1,000, default 300")
    max_leaf_nodes = serializers.IntegerField(required=False, help_text="4 to 63, default 15")
    min_samples_leaf = serializers.IntegerField(required=False, help_text="5 to 500, default 20")
    l2 = serializers.FloatField(required=False, help_text="0 to 10, default 1")


class ForecastModelIn(StrictSerializer):
    """A new model: what is forecast of which dataset."""

    name = serializers.CharField(max_length=255)
    dataset = serializers.UUIDField()
    area = serializers.UUIDField(required=False, allow_null=True)
    tag = serializers.CharField(max_length=100, required=False, allow_blank=True)
    resolution = serializers.IntegerField(min_value=5, max_value=9, required=False)
    period = serializers.ChoiceField(choices=Period.choices)
    horizon = serializers.IntegerField(min_value=1, max_value=12, required=False)
    categories = serializers.ListField(
        child=serializers.CharField(max_length=NAME_CHARACTERS, trim_whitespace=False),
        max_length=NAMES_MAX,
        required=False,
    )
    origins = serializers.IntegerField(min_value=3, max_value=24, required=False)
    hyperparameters = HyperparametersIn(required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class ForecastModelPatch(StrictSerializer):
    """A change of a model; once it was trained, of name and tag alone."""

    name = serializers.CharField(max_length=255, required=False)
    area = serializers.UUIDField(required=False, allow_null=True)
    tag = serializers.CharField(max_length=100, required=False, allow_blank=True)
    resolution = serializers.IntegerField(min_value=5, max_value=9, required=False)
    period = serializers.ChoiceField(choices=Period.choices, required=False)
    horizon = serializers.IntegerField(min_value=1, max_value=12, required=False)
    categories = serializers.ListField(
        child=serializers.CharField(max_length=NAME_CHARACTERS, trim_whitespace=False),
        max_length=NAMES_MAX,
        required=False,
    )
    origins = serializers.IntegerField(min_value=3, max_value=24, required=False)
    hyperparameters = HyperparametersIn(required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class ForecastModelOut(OutSerializer):
    """A model; `training` tells that a training of it is queued or running, whatever its state."""

    dataset = serializers.UUIDField(source="dataset_id")
    area = serializers.UUIDField(source="area_id", allow_null=True)
    artifact = serializers.IntegerField(source="artifact.number", default=None, allow_null=True)
    dataset_version = serializers.IntegerField(
        source="artifact.dataset_version", default=None, allow_null=True
    )
    better = serializers.SerializerMethodField()
    serving_method = serializers.SerializerMethodField()
    training = serializers.BooleanField()
    categories = serializers.ListField(child=serializers.CharField())
    hyperparameters = serializers.DictField()
    created_by = CreatorOut(allow_null=True)

    class Meta:
        model = ForecastModel
        fields = [
            "id", "name", "dataset", "area", "tag", "resolution", "period", "horizon", "categories",
            "origins", "hyperparameters", "seed", "state", "training", "artifact", "dataset_version",
            "serving_method", "better", "created_by", "created_at", "updated_at",
        ]  # fmt: skip

    def get_better(self, row: ForecastModel) -> bool | None:
        """Tell whether boosting beat every baseline; null before the first training."""
        return row.artifact.metrics.get("better") if row.artifact else None

    def get_serving_method(self, row: ForecastModel) -> str | None:
        """Return what forecasts; null before the first training."""
        return row.serving_method or None


class ForecastJobOut(OutSerializer):
    """What the jobs of forecasts have in common."""

    error = serializers.SerializerMethodField()
    created_by = CreatorOut(allow_null=True)

    class Meta:
        model = TrainingRun
        fields = ["id", "error", "created_by"]

    @extend_schema_field(ForecastJobError(allow_null=True))
    def get_error(self, row: Any) -> dict[str, str] | None:
        """Return why the job failed."""
        if row.status != JobStatus.FAILED:
            return None
        return {"code": row.error_code, "detail": row.error_detail}


class TrainingRunOut(ForecastJobOut):
    """A training: of which version, how far, and once it is through the artifact and its metrics."""

    model = serializers.UUIDField(source="model_id")
    artifact = serializers.IntegerField(source="artifact.number", default=None, allow_null=True)
    parameters = serializers.DictField()
    metrics = serializers.DictField()

    class Meta:
        model = TrainingRun
        fields = [
            "id", "model", "status", "stage", "progress", "origin", "origins", "dataset_version",
            "parameters", "artifact", "metrics", "error", "attempt", "max_attempts", "cancel_requested_at",
            "created_by", "created_at", "started_at", "finished_at",
        ]  # fmt: skip


class ForecastEvaluationOut(ForecastJobOut):
    """An evaluation: an artifact's metrics on other data."""

    model = serializers.UUIDField(source="model_id")
    artifact = serializers.IntegerField(source="artifact.number")
    dataset = serializers.UUIDField(source="dataset_id")
    parameters = serializers.DictField()
    metrics = serializers.DictField()

    class Meta:
        model = Evaluation
        fields = [
            "id", "model", "artifact", "dataset", "dataset_version", "parameters", "status", "stage",
            "progress", "metrics", "error", "attempt", "max_attempts", "created_by", "created_at",
            "started_at", "finished_at",
        ]  # fmt: skip


class ForecastArtifactOut(OutSerializer):
    """An artifact: what one training learned. Once `pruned_at` is set it can serve no more."""

    metrics = serializers.DictField()
    card = serializers.DictField()
    packages = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Artifact
        fields = [
            "id", "number", "sha256", "size_bytes", "dataset_version", "serving_method", "metrics", "card",
            "packages", "created_at", "pruned_at",
        ]  # fmt: skip


class ForecastStatusOut(serializers.Serializer[Any]):
    """How a model stands, with its newest training."""

    state = serializers.CharField()
    progress = serializers.FloatField()
    stage = serializers.CharField()
    message = serializers.CharField()


class ForecastMetricsOut(serializers.Serializer[Any]):
    """The metrics of the artifact that a model serves, the baselines' beside them."""

    artifact = serializers.IntegerField()
    better = serializers.BooleanField()
    serving_method = serializers.CharField()
    metrics = serializers.DictField()
    card = serializers.DictField()


class TrainIn(StrictSerializer):
    """How a training differs from the model's settings."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    hyperparameters = HyperparametersIn(required=False)


class EvaluateIn(StrictSerializer):
    """On which data a model is judged: periods that start in [from, to), by default the last ones."""

    dataset = serializers.UUIDField()
    to = serializers.DateField(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from`, which Python does not let a class attribute be called."""
        return {**super().get_fields(), "from": serializers.DateField(required=False)}


class RollbackIn(StrictSerializer):
    """Which artifact is to serve, by its number."""

    artifact = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
