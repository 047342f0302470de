"""Shapes of answers, for the OpenAPI document: the bytes are made by `queries.formats`, not by these."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import TimeField


class SeriesOut(serializers.Serializer[Any]):
    """One aggregation of one metric or group: `values[i]` is that of the bucket that starts at `at[i]`."""

    metric = serializers.CharField(allow_null=True)
    id = serializers.UUIDField(allow_null=True)
    type = serializers.CharField()
    unit = serializers.CharField()
    group = serializers.DictField(allow_null=True)
    aggregation = serializers.CharField()
    exact = serializers.BooleanField()
    relative_error = serializers.FloatField()
    at = serializers.ListField(child=TimeField())
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))
    partial = serializers.ListField(child=TimeField())  # type: ignore[assignment]
    gaps = serializers.ListField(child=serializers.ListField(child=TimeField()), required=False)


class SeriesAnswerOut(serializers.Serializer[Any]):
    """Series by bucket; the window is wider than asked for where single points are no longer kept."""

    to = TimeField()
    interval = serializers.CharField()
    zone = serializers.CharField()
    series = SeriesOut(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from`, which Python does not let a class attribute be called."""
        return {"from": TimeField(), **super().get_fields()}


class PointOut(serializers.Serializer[Any]):
    """One point."""

    recorded_at = TimeField()
    value = serializers.FloatField()


class PointsOut(serializers.Serializer[Any]):
    """A page of points by time and value."""

    results = PointOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SimpleBucketOut(serializers.Serializer[Any]):
    """A bucket of the simple form, by its start."""

    bucket = TimeField()
    value = serializers.FloatField(allow_null=True)


class SummaryOut(serializers.Serializer[Any]):
    """How many points the window has, and how many buckets are listed."""

    total_points = serializers.IntegerField()
    buckets = serializers.IntegerField()


class SimpleOut(serializers.Serializer[Any]):
    """What a metric's object has besides its own fields when a window is asked for."""

    to = TimeField()
    interval = serializers.CharField()
    zone = serializers.CharField()
    aggregation = serializers.CharField()
    fill = serializers.CharField()
    summary = SummaryOut()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `from` and `data`, names that a class attribute cannot have here."""
        return {"from": TimeField(), **super().get_fields(), "data": SimpleBucketOut(many=True)}
