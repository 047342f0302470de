"""What goes in and out of the API of metrics: the catalogue, the tree, the overview, the policy."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField, rfc3339
from apps.metrics.api.query_parameters import SimpleParameters
from apps.metrics.api.query_serializers import SimpleOut
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Policy
from apps.metrics.models.policy import CounterReading
from apps.metrics.storage.partitions import instant_of

DESCRIPTION_MAX_CHARS: Final = 2_000
UNIT_MAX_CHARS: Final = 32
# A hundred years: what is longer is meant as for ever.
DAYS_MAX: Final = 36_500
SKEW_MAX_S: Final = 365 * 86_400
METRICS_MAX: Final = 10_000_000
LANES_MAX: Final = 1_024
PATTERNS_MAX: Final = 100
PATTERN_MAX_CHARS: Final = 255
PATH_MAX_CHARS: Final = 2_048
NODES_MAX: Final = 1_000
WHOLE_BELOW: Final = 2.0**53


@extend_schema_field({"type": "string", "format": "date-time"})
class InstantField(serializers.Field[Any, Any, Any, Any]):
    """An instant in microseconds since 1970, as RFC 3339."""

    def to_representation(self, value: int) -> str:
        """Return the instant in UTC."""
        return rfc3339(instant_of(value))


@extend_schema_field({"type": "number", "format": "double"})
class NumberField(serializers.Field[Any, Any, Any, Any]):
    """A value of a point; a whole number is written as one."""

    def to_representation(self, value: float) -> float | int:
        """Return the number as JSON takes it."""
        return int(value) if value.is_integer() and abs(value) < WHOLE_BELOW else value


class MetricOut(serializers.Serializer[Any]):
    """A metric, and since when and until when it has points: in lists as of the last compaction."""

    id = serializers.UUIDField(source="metric.pk")
    metric = serializers.CharField(source="metric.key", help_text="The key: name and tags, `name;k=v`.")
    name = serializers.CharField(source="metric.name")
    tags = serializers.DictField(source="metric.tags", child=serializers.CharField())
    type = serializers.ChoiceField(source="metric.type", choices=MetricType.choices)
    unit = serializers.CharField(source="metric.unit")
    description = serializers.CharField(source="metric.description")
    raw_days = serializers.IntegerField(
        source="metric.raw_days", allow_null=True, help_text="Null: the policy's."
    )
    rollup_days = serializers.IntegerField(
        source="metric.rollup_days", allow_null=True, help_text="Null: the policy's; 0: for ever."
    )
    created_at = TimeField(source="metric.created_at")
    first_at = InstantField(source="ends.first_at", default=None, allow_null=True)
    last_at = InstantField(source="ends.last_at", default=None, allow_null=True)
    last_value = NumberField(source="ends.last_value", default=None, allow_null=True)
    last_received_at = TimeField(source="ends.last_received_at", default=None, allow_null=True)


class ObjectParameters(SimpleParameters):
    """With `from` the series of the metric is added to its object; the other parameters are about that."""

    def get_fields(self) -> dict[str, Any]:
        """Add `fields`, which a serializer's attribute cannot be called, and require no window."""
        found: dict[str, Any] = {**super().get_fields(), "fields": serializers.CharField(required=False)}
        found["from"].required = False
        return found

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require the window's start, as somebody has asked for a series."""
        if "from" not in attrs:
            missing = serializers.ErrorDetail("Say when the window starts.", code="required")
            raise serializers.ValidationError({"from": [missing]})
        return attrs


class MetricWithSeriesOut(MetricOut, SimpleOut):
    """A metric, and if a window was asked for its series by bucket."""

    def get_fields(self) -> dict[str, Any]:
        """Let all that a window adds be left out."""
        found: dict[str, Any] = super().get_fields()
        for name in map(str, SimpleOut().fields):
            found[name].required = False
        return found


class MetricIn(StrictSerializer):
    """A new metric; the service checks name and tags."""

    metric = serializers.CharField(trim_whitespace=False, allow_blank=True)
    type = serializers.ChoiceField(choices=MetricType.choices)
    tags = serializers.DictField(
        child=serializers.CharField(trim_whitespace=False, allow_blank=True), required=False
    )
    description = serializers.CharField(max_length=DESCRIPTION_MAX_CHARS, allow_blank=True, required=False)
    unit = serializers.CharField(max_length=UNIT_MAX_CHARS, allow_blank=True, required=False)


class MetricPatch(StrictSerializer):
    """A change of a metric. What else a metric has never changes."""

    description = serializers.CharField(max_length=DESCRIPTION_MAX_CHARS, allow_blank=True, required=False)
    unit = serializers.CharField(max_length=UNIT_MAX_CHARS, allow_blank=True, required=False)
    raw_days = serializers.IntegerField(
        min_value=1, max_value=DAYS_MAX, allow_null=True, required=False, help_text="Null: the policy's."
    )
    rollup_days = serializers.IntegerField(
        min_value=0,
        max_value=DAYS_MAX,
        allow_null=True,
        required=False,
        help_text="Null: the policy's; 0: for ever.",
    )

    def to_internal_value(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Hand on what never changes as it is: the service refuses it by a code of its own."""
        fixed = MetricOut().fields.keys() - self.fields.keys()
        given: dict[str, Any] = super().to_internal_value(
            {name: value for name, value in data.items() if name not in fixed}
        )
        return given | {name: value for name, value in data.items() if name in fixed}


class PolicyOut(OutSerializer):
    """What holds for all metrics of the organization."""

    class Meta:
        model = Policy
        fields = [
            "skew_past_s", "skew_future_s", "raw_days", "rollup_15m_days", "rollup_1h_days", "max_metrics",
            "counter_patterns", "prometheus_counters", "lanes",
        ]  # fmt: skip


class PolicyPatch(StrictSerializer):
    """A change of the policy."""

    skew_past_s = serializers.IntegerField(min_value=0, max_value=SKEW_MAX_S, required=False)
    skew_future_s = serializers.IntegerField(min_value=0, max_value=SKEW_MAX_S, required=False)
    raw_days = serializers.IntegerField(min_value=1, max_value=DAYS_MAX, required=False)
    rollup_15m_days = serializers.IntegerField(min_value=0, max_value=DAYS_MAX, required=False)
    rollup_1h_days = serializers.IntegerField(min_value=0, max_value=DAYS_MAX, required=False)
    max_metrics = serializers.IntegerField(min_value=1, max_value=METRICS_MAX, required=False)
    counter_patterns = serializers.ListField(
        child=serializers.CharField(max_length=PATTERN_MAX_CHARS), max_length=PATTERNS_MAX, required=False
    )
    prometheus_counters = serializers.ChoiceField(choices=CounterReading.choices, required=False)
    lanes = serializers.IntegerField(min_value=1, max_value=LANES_MAX, required=False)


class TreeParameters(StrictSerializer):
    """Whose children to list."""

    prefix = serializers.CharField(
        max_length=PATH_MAX_CHARS,
        trim_whitespace=False,
        allow_blank=True,
        default="",
        help_text="The path of the parent, such as `servers.web`; empty for the root.",
    )
    page_size = serializers.IntegerField(min_value=1, max_value=NODES_MAX, default=200)
    cursor = serializers.CharField(required=False, help_text="From `next`.")


class NodeOut(serializers.Serializer[Any]):
    """One child of a node."""

    text = serializers.CharField(help_text="What follows the parent's path and a dot.")
    leaf = serializers.BooleanField(source="is_leaf", help_text="A metric has this path as its key.")
    expandable = serializers.BooleanField(source="is_expandable", help_text="There are metrics below.")


class TreeOut(serializers.Serializer[Any]):
    """Children of a node, in the order of their keys."""

    results = NodeOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class NewestOut(serializers.Serializer[Any]):
    """A metric made lately and its hours."""

    id = serializers.UUIDField(source="metric.pk")
    metric = serializers.CharField(source="metric.key")
    type = serializers.ChoiceField(source="metric.type", choices=MetricType.choices)
    unit = serializers.CharField(source="metric.unit")
    created_at = TimeField(source="metric.created_at")
    aggregation = serializers.CharField(help_text="How the points of an hour become its value.")
    values = serializers.ListField(
        child=NumberField(allow_null=True), help_text="By hour, the running one last; null without points."
    )


class OverviewOut(serializers.Serializer[Any]):
    """How the metrics of the organization are; the hours are the 24 that end with the running one."""

    metrics = serializers.IntegerField()
    points_24h = serializers.IntegerField(help_text="Points whose times lie in the hours.")
    points_per_s = serializers.FloatField(help_text="Of the running quarter of an hour and the one before.")
    pending_points = serializers.IntegerField(help_text="Points that wait for compaction.")
    compaction_lag_s = serializers.FloatField(help_text="Since when the oldest of them waits.")
    hours_from = TimeField(help_text="When the first of the hours begins.")
    newest = NewestOut(many=True)
