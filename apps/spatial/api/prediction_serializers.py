"""What goes in and out of the API of predictions."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.serializers import FiniteField, StrictSerializer
from apps.spatial.api.forecast_serializers import ForecastJobOut
from apps.spatial.models import Prediction
from apps.spatial.prediction_cells import CellFormat

CELLS_MAX: Final = 500
EDGES: Final = 4


class SelectionIn(StrictSerializer):
    """One of these; an empty selection selects nothing."""

    bbox = serializers.ListField(
        child=FiniteField(), min_length=EDGES, max_length=EDGES, required=False,
        help_text="West, south, east, north in degrees.",
    )  # fmt: skip
    cell = serializers.ListField(
        child=serializers.CharField(max_length=20), max_length=CELLS_MAX, required=False
    )
    area = serializers.UUIDField(required=False)
    polygon = serializers.JSONField(required=False, help_text="A GeoJSON Polygon or MultiPolygon.")


class PredictionIn(StrictSerializer):
    """What is to be forecast, by a model or by the one that is active under a tag and area."""

    model = serializers.UUIDField(required=False)
    tag = serializers.CharField(max_length=100, required=False, allow_blank=True)
    area = serializers.UUIDField(required=False, allow_null=True)
    origin = serializers.DateField(required=False, allow_null=True, help_text="A day of the first period.")
    horizon = serializers.IntegerField(min_value=1, max_value=12, required=False)
    selection = SelectionIn(required=False, allow_null=True)
    top = serializers.IntegerField(min_value=1, max_value=200, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that a model is named in one way."""
        by_slot = attrs.keys() & {"tag", "area"}
        if ("model" in attrs) == bool(by_slot):
            text = "Name a model, or the tag and area of the active one, and not both."
            raise serializers.ValidationError({"model": text})
        return attrs


class PredictionOut(ForecastJobOut):
    """A prediction; once it is through, `summary` cites its source and holds totals, top cells and areas."""

    model = serializers.UUIDField(source="model_id", allow_null=True)
    artifact = serializers.IntegerField(source="artifact.number", default=None, allow_null=True)
    method = serializers.SerializerMethodField()
    parameters = serializers.DictField()
    summary = serializers.DictField()

    class Meta:
        model = Prediction
        fields = [
            "id", "model", "artifact", "dataset_version", "method", "parameters", "summary", "status",
            "stage", "progress", "error", "attempt", "max_attempts", "cancel_requested_at", "created_by",
            "created_at", "started_at", "finished_at",
        ]  # fmt: skip

    def get_method(self, row: Prediction) -> str | None:
        """Return what forecast: boosting, or the baseline that serves in its place."""
        return row.method or None


class ExpectedCellOut(serializers.Serializer[Any]):
    """What is expected of one cell in one period, with the 80 % interval."""

    h3 = serializers.CharField()
    period = serializers.DateField()
    expected = serializers.FloatField()
    lower = serializers.FloatField()
    upper = serializers.FloatField()
    baseline = serializers.FloatField()
    rank = serializers.IntegerField()


class PredictionCellsOut(serializers.Serializer[Any]):
    """Cells by period, then rank."""

    prediction = serializers.UUIDField()
    method = serializers.CharField()
    baseline = serializers.CharField()
    dataset = serializers.UUIDField()
    version = serializers.IntegerField()
    resolution = serializers.IntegerField()
    cells = ExpectedCellOut(many=True)


class PredictionCellsQuery(serializers.Serializer[Any]):
    """In which form, and of which period."""

    format = serializers.ChoiceField(choices=[form.value for form in CellFormat], required=False)
    period = serializers.DateField(required=False, help_text="The first day of one of the periods.")


class PredictionTileQuery(serializers.Serializer[Any]):
    """Of which period, by default the first."""

    period = serializers.DateField(required=False, help_text="The first day of one of the periods.")
