"""What goes out as the quality report of a version; versions that no import made have an emptier one."""

from typing import Any

from rest_framework import serializers

from apps.datasets.api.serializers import RejectCount


class PointCount(serializers.Serializer[Any]):
    """How many rows share one exact point."""

    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    n = serializers.IntegerField()


class StackedPoints(serializers.Serializer[Any]):
    """Points that are shared: how many distinct ones there are (null past two million), the 20 fullest."""

    distinct = serializers.IntegerField(allow_null=True)
    top = PointCount(many=True)


class DriftOut(serializers.Serializer[Any]):
    """What changed from the version before: each pair is before, after."""

    rows = serializers.ListField(child=serializers.IntegerField())
    extent = serializers.ListField(child=serializers.JSONField())
    categories_added = serializers.ListField(child=serializers.CharField())
    categories_gone = serializers.ListField(child=serializers.CharField())


class QualityOut(serializers.Serializer[Any]):
    """How good the rows of the current version are.

    `fields` says of each field what is missing, distinct, least and greatest; `precision` are shares;
    `duplicates_by_policy` what each policy would call duplicates, null over 1,000,000 rows.
    """

    score = serializers.FloatField(required=False)
    warnings = serializers.DictField(child=serializers.IntegerField(), required=False)
    files = serializers.ListField(child=serializers.DictField(), required=False)
    rows_read = serializers.IntegerField(required=False)
    accepted = serializers.IntegerField(required=False)
    rejected = serializers.IntegerField(required=False)
    duplicates = serializers.IntegerField(required=False)
    blank_lines = serializers.IntegerField(required=False)
    codes = RejectCount(many=True, required=False)
    precision = serializers.DictField(child=serializers.FloatField(), required=False)
    swapped_share = serializers.FloatField(required=False)
    null_islands = serializers.IntegerField(required=False)
    sentinels = serializers.IntegerField(required=False)
    stacked_points = StackedPoints(required=False)
    duplicates_by_policy = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, required=False
    )
    drift = DriftOut(allow_null=True, required=False)

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `fields` is a word of serializers."""
        facts = serializers.DictField(child=serializers.DictField(), required=False)
        return {**super().get_fields(), "fields": facts}
