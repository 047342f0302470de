"""Shapes of answers, for the OpenAPI document: the bytes are made by `formats`, not by these."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import TimeField


class CitationOut(serializers.Serializer[Any]):
    """A dataset, the oldest version with exactly these data, and its zone."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    zone = serializers.CharField()


class WindowOut(serializers.Serializer[Any]):
    """The window in UTC, [from, to); null is open."""

    to = TimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from`, which Python does not let a class attribute be called."""
        return {**super().get_fields(), "from": TimeField(allow_null=True)}


class IntervalOut(serializers.Serializer[Any]):
    """A confidence interval of the mean."""

    lower = serializers.FloatField()
    upper = serializers.FloatField()
    level = serializers.FloatField()


class ValueOut(serializers.Serializer[Any]):
    """Statistics of the events that have a value."""

    n = serializers.IntegerField()
    sum = serializers.FloatField()
    mean = serializers.FloatField()
    min = serializers.FloatField()
    max = serializers.FloatField()
    ci = IntervalOut(allow_null=True)


class CellOut(serializers.Serializer[Any]):
    """A cell with its full count."""

    h3 = serializers.CharField()
    count = serializers.IntegerField()
    categories = serializers.DictField(child=serializers.IntegerField(), required=False)
    labels = serializers.DictField(child=serializers.IntegerField(), required=False)
    value = ValueOut(allow_null=True, required=False)
    geometry = serializers.DictField(required=False)


class HexesOut(serializers.Serializer[Any]):
    """Cells in order of h3; with `estimate=true` only the estimate."""

    resolution = serializers.IntegerField()
    base_resolution = serializers.IntegerField()
    datasets = CitationOut(many=True)
    window = WindowOut()
    filters = serializers.DictField()
    events = serializers.IntegerField()
    partial_events = serializers.IntegerField()
    excluded_no_time = serializers.IntegerField()
    suppressed = serializers.BooleanField()
    cells = CellOut(many=True)
