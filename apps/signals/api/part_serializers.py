"""What belongs to one signal, as it goes out: trend, contributions, relatives, reasons, lines of files."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.serializers import StrictSerializer, TimeField
from apps.signals.api.serializers import SeverityCalculationOut, SignalOut, TimelinePointOut
from apps.signals.queries.contributions import DIRECTIONS, TOP, TOP_MAX
from apps.signals.queries.relatives import ShownRelative
from apps.signals.queries.technical import FIGURES

NODE_ID_CHARS: Final = 255


def number(**kwargs: Any) -> serializers.FloatField:
    """Return the field of a number that may be missing."""
    return serializers.FloatField(allow_null=True, **kwargs)


def text(**kwargs: Any) -> serializers.CharField:
    """Return the field of a text that may be missing."""
    return serializers.CharField(allow_null=True, **kwargs)


def whole(**kwargs: Any) -> serializers.IntegerField:
    """Return the field of a whole number that may be missing."""
    return serializers.IntegerField(allow_null=True, **kwargs)


class NumbersField(serializers.ListField):
    """Numbers of which some may be missing."""

    child = number()


class ObservedRunOut(serializers.Serializer[Any]):
    """A run, in short."""

    id = serializers.UUIDField(source="pk")
    run_id = serializers.CharField()
    revision = serializers.IntegerField()
    status = serializers.CharField()
    started_at = TimeField()
    data_period = serializers.DateField(allow_null=True)
    manifest_sha256 = serializers.CharField()


class PeerTrendsOut(serializers.Serializer[Any]):
    """How the peers moved: percentiles of each month over the whole node."""

    periods = serializers.ListField(child=serializers.DateField(allow_null=True))
    p10 = NumbersField()
    p25 = NumbersField()
    p50 = NumbersField()
    p75 = NumbersField()
    p90 = NumbersField()
    sample_sizes = NumbersField()


class TemporalOut(serializers.Serializer[Any]):
    """How the signal moved over its months."""

    has_temporal_data = serializers.BooleanField()
    node_id = text()
    slope = number()
    slope_percentile = number()
    acceleration = number()
    end_start_delta = number()
    trend_direction = text()
    period_count = whole()
    data_period = serializers.DateField(allow_null=True)
    latest_simple_z = number()
    latest_robust_z = number()
    aggregate_zscore = number()
    mean_robust_z = number()
    zscore_std = number()
    max_excursion = number()
    monthly_z_scores = NumbersField()
    timeline = TimelinePointOut(many=True)
    peer_trends = PeerTrendsOut(allow_null=True)


class ContributionQuery(StrictSerializer):
    """Which contributions: of any of some child nodes, by any of some metrics, how many each."""

    child_node_id = serializers.ListField(
        child=serializers.CharField(max_length=NODE_ID_CHARS), required=False, default=list
    )
    metric_id = serializers.ListField(
        child=serializers.CharField(max_length=NODE_ID_CHARS), required=False, default=list
    )
    top_n = serializers.IntegerField(min_value=1, max_value=TOP_MAX, required=False, default=TOP)


class ContributionOut(serializers.Serializer[Any]):
    """One part of the whole."""

    rank = serializers.IntegerField(help_text="By the size of the excess, among all parts of the group.")
    child_entity = serializers.DictField(child=text(), allow_null=True)
    label = serializers.CharField()  # type: ignore[assignment]  # DRF's own fields have such a name, too
    child_signal_id = serializers.UUIDField(allow_null=True)
    child_value = number()
    parent_value = number()
    weight_field = text()
    weight_value = number()
    weight_share = number()
    contribution_share = number()
    excess = number()
    excess_percent = number()
    direction = serializers.ChoiceField(choices=DIRECTIONS)
    description = serializers.CharField()


class ContributionRestOut(serializers.Serializer[Any]):
    """The parts beyond the first ones, together."""

    count = serializers.IntegerField()
    weight_value = number()
    weight_share = number()
    contribution_share = number()
    excess = number()


class ContributionGroupOut(serializers.Serializer[Any]):
    """The parts in one child node by one metric; items and other add up to 1 in both shares."""

    child_node_id = serializers.CharField()
    metric_id = text()
    share_sum = number()
    share_valid = serializers.BooleanField()
    items = ContributionOut(many=True)
    other = ContributionRestOut()


class ContributionsOut(serializers.Serializer[Any]):
    """What the signal is made of, and as what it stands in its parent."""

    parent = ContributionOut(allow_null=True)
    parent_signal_id = serializers.UUIDField(allow_null=True)
    groups = ContributionGroupOut(many=True)


class RelativeOut(SignalOut):
    """A signal that belongs to another one."""

    edge_type = serializers.CharField(help_text="The type of the edge between the nodes.")

    class Meta(SignalOut.Meta):
        fields = [*SignalOut.Meta.fields, "edge_type"]

    def to_representation(self, instance: ShownRelative) -> dict[str, Any]:  # type: ignore[override]
        """Return what goes out for a relative."""
        return {**super().to_representation(instance.shown), "edge_type": instance.edge_type}


class RelativesOut(serializers.Serializer[Any]):
    """Signals that belong to one."""

    results = RelativeOut(many=True)


class TechnicalDetailsOut(serializers.Serializer[Any]):
    """Every figure behind the signal."""

    run = ObservedRunOut()
    min_peer_count = whole(help_text="Fewer peers suppress a score.")
    missing_rate = number(help_text="Share of the months without a value.")
    suppressed = serializers.BooleanField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields of files beside those of the mart."""
        figures = {name: FIGURE_FIELDS.get(name, number)(source=f"figures.{name}") for name in FIGURES}
        return {**super().get_fields(), **figures}


def _texts(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), **kwargs)


def _labels(**kwargs: Any) -> serializers.DictField:
    return serializers.DictField(child=serializers.CharField(), allow_null=True, **kwargs)


def _object(**kwargs: Any) -> serializers.DictField:
    return serializers.DictField(allow_null=True, **kwargs)


def _objects(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.DictField(), **kwargs)


def _numbers(**kwargs: Any) -> NumbersField:
    return NumbersField(allow_null=True, **kwargs)


def _day(**kwargs: Any) -> serializers.DateField:
    return serializers.DateField(allow_null=True, **kwargs)


def _flag(**kwargs: Any) -> serializers.BooleanField:
    return serializers.BooleanField(allow_null=True, **kwargs)


# What is no number among the figures.
FIGURE_FIELDS: Final[dict[str, Any]] = {
    **dict.fromkeys(
        (
            "trend_direction", "position", "trend", "momentum", "consistency", "magnitude_tier",
            "trajectory_tier", "consistency_tier", "polarity",
        ),
        text,
    ),
    **dict.fromkeys(("peer_count", "period_count", "rules_version"), whole),
    "data_period": _day,
    "monthly_z_scores": _numbers,
    "anomaly_labels": _labels,
    "has_spike": _flag,
    "quality_flags": _texts,
    "statistical_methods": _objects,
    "reported": _object,
}  # fmt: skip


class RuleInputOut(serializers.Serializer[Any]):
    """A figure that the rules read, and where it stands."""

    name = serializers.CharField()
    value = serializers.JSONField(help_text="A number, true or false, a word, or null.")
    path = text(help_text="File in the run's folder, and JSON pointer into the line.")
    line = whole()
    formula = text(help_text="How the value is made of what stands there; null: it is that itself.")


class RuleConditionOut(serializers.Serializer[Any]):
    """A condition of a rule; those of one alternative must hold together."""

    text = serializers.CharField()
    passed = serializers.BooleanField()
    alternative = serializers.IntegerField()


class SignalRuleOut(serializers.Serializer[Any]):
    """A rule: the first that passes decides."""

    number = serializers.IntegerField()
    type = serializers.CharField()
    text = serializers.CharField()
    passed = serializers.BooleanField()
    decisive = serializers.BooleanField()
    skipped = serializers.BooleanField()
    conditions = RuleConditionOut(many=True)


class TypeCutOut(serializers.Serializer[Any]):
    """A value at which the type turns: at it if inclusive, else just past it."""

    value = serializers.FloatField()
    type = serializers.CharField()
    inclusive = serializers.BooleanField()


class TypeChangeOut(serializers.Serializer[Any]):
    """The nearest values of one input that alone would change the type."""

    input = serializers.CharField()
    below = TypeCutOut(allow_null=True)
    above = TypeCutOut(allow_null=True)


class ReasoningOut(serializers.Serializer[Any]):
    """Why the signal has its type and severity."""

    run = ObservedRunOut()
    type = serializers.CharField()
    severity = serializers.IntegerField()
    severity_calculation = SeverityCalculationOut()
    inputs = RuleInputOut(many=True)
    rules = SignalRuleOut(many=True)
    changes = TypeChangeOut(many=True)
    reported = serializers.DictField(allow_null=True)


class SourceFileOut(serializers.Serializer[Any]):
    """A file of the run."""

    path = serializers.CharField()
    sha256 = serializers.CharField()


class ObservationOut(serializers.Serializer[Any]):
    """What one run said of the signal, and the lines that say it."""

    run = ObservedRunOut()
    metric_value = number()
    benchmark_value = number()
    percentile_rank = number()
    encounters = number()
    simple_z = number()
    aggregate_zscore = number()
    slope_percentile = number()
    signal_type = serializers.CharField()
    severity = serializers.IntegerField()
    reported_type = text()
    data_period = serializers.DateField(allow_null=True)
    aggregate_file = SourceFileOut()
    aggregate_line = serializers.IntegerField()
    temporal_file = SourceFileOut(allow_null=True)
    temporal_line = whole()


class FilePlaceOut(serializers.Serializer[Any]):
    """A line of a file, with the digest of the whole file."""

    path = serializers.CharField(source="file.path")
    sha256 = serializers.CharField(source="file.sha256")
    line = serializers.IntegerField(source="number")


class FileLineOut(serializers.Serializer[Any]):
    """A row of the raw table, and the line of the file that it is."""

    file = FilePlaceOut(source="*")
    payload = serializers.DictField(help_text="The whole line; empty once the run was pruned.")


class LineageBuildOut(serializers.Serializer[Any]):
    """The build that made the row of the mart."""

    id = serializers.UUIDField(source="pk")
    dbt_version = serializers.CharField()
    manifest_sha256 = serializers.CharField()
    finished_at = TimeField(allow_null=True)


class LineageQuery(StrictSerializer):
    """In which run; without it in the newest that holds the signal."""

    run = serializers.UUIDField(required=False)


class LineageOut(serializers.Serializer[Any]):
    """The way from the signal to the lines of files."""

    run = ObservedRunOut()
    observation = ObservationOut()
    build = LineageBuildOut(allow_null=True)
    mart_row = serializers.DictField(allow_null=True, help_text="Null once the run was pruned.")
    aggregate = FileLineOut()
    temporal = FileLineOut(allow_null=True)
