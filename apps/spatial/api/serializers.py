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


class AnswerOut(serializers.Serializer[Any]):
    """What every answer says of itself."""

    datasets = CitationOut(many=True)
    window = WindowOut()
    filters = serializers.DictField()
    partial_events = serializers.IntegerField()
    excluded_no_time = serializers.IntegerField()
    suppressed = serializers.BooleanField()


class HexesOut(AnswerOut):
    """Cells in order of h3; with `estimate=true` only the estimate."""

    resolution = serializers.IntegerField()
    base_resolution = serializers.IntegerField()
    events = serializers.IntegerField()
    cells = CellOut(many=True)


class CellCountOut(serializers.Serializer[Any]):
    """A cell beside or below another."""

    h3 = serializers.CharField()
    count = serializers.IntegerField()


class MonthOut(serializers.Serializer[Any]):
    """A month of the zone's calendar, as YYYY-MM."""

    month = serializers.CharField()
    count = serializers.IntegerField()


class CellFactsOut(AnswerOut):
    """Everything about one cell."""

    h3 = serializers.CharField()
    resolution = serializers.IntegerField()
    count = serializers.IntegerField()
    categories = serializers.DictField(child=serializers.IntegerField())
    labels = serializers.DictField(child=serializers.IntegerField())
    value = ValueOut(allow_null=True)
    months = MonthOut(many=True)
    unplaced = serializers.IntegerField()
    rank = serializers.IntegerField(allow_null=True)
    children = CellCountOut(many=True)
    neighbours = CellCountOut(many=True)
    outline = serializers.DictField()


class BucketOut(serializers.Serializer[Any]):
    """A bucket: its name in the zone, its start in UTC."""

    start = TimeField()
    count = serializers.IntegerField()
    categories = serializers.DictField(child=serializers.IntegerField(), required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `label`, which a class attribute cannot be called here."""
        return {**super().get_fields(), "label": serializers.CharField()}


class TimelineOut(AnswerOut):
    """Zero-filled buckets; `unplaced` counts the events that are coarser than a bucket."""

    bucket = serializers.CharField()
    buckets = BucketOut(many=True)
    events = serializers.IntegerField()
    unplaced = serializers.IntegerField()


class VectorLayerOut(serializers.Serializer[Any]):
    """A layer of the tiles: its attributes by name, each with what it says."""

    id = serializers.CharField()
    minzoom = serializers.IntegerField()
    maxzoom = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add `fields`, which a serializer calls something else."""
        return {**super().get_fields(), "fields": serializers.DictField(child=serializers.CharField())}


class TileJsonOut(serializers.Serializer[Any]):
    """TileJSON 3.0. `outside_mercator_events` lie in cells beyond 85.0511 degrees, which no tile owns."""

    tilejson = serializers.CharField()
    name = serializers.CharField()
    scheme = serializers.CharField()
    tiles = serializers.ListField(child=serializers.CharField())
    minzoom = serializers.IntegerField()
    maxzoom = serializers.IntegerField()
    bounds = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    vector_layers = VectorLayerOut(many=True)
    outside_mercator_events = serializers.IntegerField()


class HeatCellOut(serializers.Serializer[Any]):
    """A cell: `centroid` is longitude and latitude, `polygon` a GeoJSON geometry."""

    h3 = serializers.CharField()
    count = serializers.IntegerField()
    categories = serializers.DictField(child=serializers.IntegerField())
    centroid = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)
    polygon = serializers.DictField()


class HeatmapMetaOut(serializers.Serializer[Any]):
    """The tile's west, south, east, north; the greatest count; the window and how long it is."""

    bounds = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    max_count = serializers.IntegerField()
    timeframe = WindowOut()
    horizon_hours = serializers.FloatField(allow_null=True)


class HeatmapOut(AnswerOut):
    """The cells whose centre lies in a tile."""

    z = serializers.IntegerField()
    x = serializers.IntegerField()
    y = serializers.IntegerField()
    resolution = serializers.IntegerField()
    meta = HeatmapMetaOut()
    events = serializers.IntegerField()
    cells = HeatCellOut(many=True)
