"""What the API says of narratives: the values that the parser found."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import StrictSerializer, TimeField
from apps.signals.api.keyset import PageOut, PageParameters


class ChoiceParameters(StrictSerializer):
    """Which run is asked about: by default the current run of each graph."""

    run = serializers.UUIDField(required=False)
    graph = serializers.UUIDField(required=False)


class ChoicePageParameters(PageParameters):
    """A page of what some runs hold."""

    run = serializers.UUIDField(required=False)
    graph = serializers.UUIDField(required=False)


class RunReference(serializers.Serializer[Any]):
    """A run, and its graph."""

    id = serializers.UUIDField(source="pk")
    run_id = serializers.CharField(help_text="The name of its folder.")
    graph_id = serializers.UUIDField()
    graph = serializers.CharField(source="graph.name")
    data_period = serializers.DateField(allow_null=True)


class NarrativeEntryOut(serializers.Serializer[Any]):
    """A narrative in a list."""

    facility_id = serializers.CharField()
    run = RunReference()
    characters = serializers.IntegerField()


class NarrativePageOut(PageOut):
    """A page of narratives by facility."""

    results = NarrativeEntryOut(many=True)


class SummaryItemOut(serializers.Serializer[Any]):
    """A segment that weighs much."""

    dimension = serializers.CharField()
    segment = serializers.CharField()
    excess = serializers.FloatField()
    trend = serializers.CharField()
    flags = serializers.ListField(child=serializers.CharField())


class ExecutiveSummaryOut(serializers.Serializer[Any]):
    """The executive summary."""

    total_segments = serializers.IntegerField(allow_null=True)
    facility_segments = serializers.IntegerField(allow_null=True)
    pareto_insight = serializers.CharField(allow_null=True)
    higher = SummaryItemOut(many=True)
    lower = SummaryItemOut(many=True)


class MetricComparisonOut(serializers.Serializer[Any]):
    """Another metric beside its peers."""

    metric_name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    z_score = serializers.FloatField(allow_null=True)
    peer_status = serializers.CharField(allow_null=True)


class ParetoItemOut(serializers.Serializer[Any]):
    """A bar of the Pareto analysis."""

    segment = serializers.CharField()
    excess = serializers.FloatField()
    cumulative_pct = serializers.FloatField()


class ParetoOut(serializers.Serializer[Any]):
    """Segments by size, in both directions."""

    positive = ParetoItemOut(many=True)
    negative = ParetoItemOut(many=True)
    top_n_positive_pct = serializers.FloatField(allow_null=True)
    top_n_negative_pct = serializers.FloatField(allow_null=True)


class NarrativeDriverOut(serializers.Serializer[Any]):
    """A row of the top drivers; weight and cumulative_pct are percents."""

    rank = serializers.IntegerField(allow_null=True)
    dimension = serializers.CharField(allow_null=True)
    segment = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    weight = serializers.FloatField(allow_null=True)
    excess = serializers.FloatField(allow_null=True)
    trend = serializers.CharField(allow_null=True)
    slope_percentile = serializers.FloatField(allow_null=True)
    mean_z = serializers.FloatField(allow_null=True)
    z_score = serializers.FloatField(allow_null=True)
    peer_status = serializers.CharField(allow_null=True)
    multi_kpi = serializers.CharField(allow_null=True)
    interpretation = serializers.CharField(allow_null=True)
    cumulative_pct = serializers.FloatField(allow_null=True)


class TopDriversOut(serializers.Serializer[Any]):
    """The drivers in both directions."""

    higher = NarrativeDriverOut(many=True)
    lower = NarrativeDriverOut(many=True)


class InsightOut(serializers.Serializer[Any]):
    """A segment beside how its peers do."""

    segment = serializers.CharField()
    excess = serializers.FloatField()
    z_score = serializers.FloatField(allow_null=True)
    peer_status = serializers.CharField(allow_null=True)


class InsightsOut(serializers.Serializer[Any]):
    """Excess that is unusual among peers, and excess that is not."""

    double_trouble = InsightOut(many=True)
    internal_issue = InsightOut(many=True)


class BreakdownChildOut(serializers.Serializer[Any]):
    """A sub-service line."""

    level = serializers.CharField()
    segment = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    weight = serializers.FloatField(allow_null=True)
    excess = serializers.FloatField(allow_null=True)
    z_score = serializers.FloatField(allow_null=True)
    peer_status = serializers.CharField(allow_null=True)
    interpretation = serializers.CharField(allow_null=True)


class BreakdownRowOut(BreakdownChildOut):
    """A service line with its sub-service lines."""

    children = BreakdownChildOut(many=True)


class NarrativeSummaryOut(serializers.Serializer[Any]):
    """The head of a narrative."""

    facility_id = serializers.CharField()
    run = RunReference()
    metric_value = serializers.FloatField(source="narrative.metric_value", allow_null=True)
    generated_at = TimeField(source="narrative.generated_at", allow_null=True)
    executive_summary = ExecutiveSummaryOut(source="narrative.executive_summary")
    warnings = serializers.ListField(
        source="narrative.warnings",
        child=serializers.CharField(),
        help_text="What is missing or was not understood.",
    )


class NarrativeOut(NarrativeSummaryOut):
    """A whole narrative."""

    cross_metric_comparison = MetricComparisonOut(source="narrative.cross_metric_comparison", many=True)
    pareto_analysis = ParetoOut(source="narrative.pareto_analysis")
    top_drivers = TopDriversOut(source="narrative.top_drivers")
    insights = InsightsOut(source="narrative.insights")
    hierarchical_breakdown = BreakdownRowOut(source="narrative.hierarchical_breakdown", many=True)
