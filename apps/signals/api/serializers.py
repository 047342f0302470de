"""What goes in and out of the API of signals: the signal itself."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.serializers import OutSerializer, rfc3339
from apps.signals.api.triage_serializers import WorkflowOut
from apps.signals.models import CONTENT_COLUMNS, Signal
from apps.signals.queries.detail import SignalDetail
from apps.signals.queries.listing import HEAVY, Shown

LIGHT: Final = tuple(name for name in CONTENT_COLUMNS if name not in {*HEAVY, "description"})


class PairField(serializers.ListField):
    """The name of a dimension and its value, null if missing."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(allow_null=True)
        super().__init__(child=child, min_length=2, max_length=2, **kwargs)


class SignalOut(OutSerializer):
    """A signal as lists show it: what the newest run that holds it says, and where it stands.

    Content columns are JSON values as they are: to walk 50 fields of 50 rows takes longer than the query.
    """

    graph = serializers.CharField(help_text="The name of the graph.")
    dimensions = serializers.ListField(child=PairField(), help_text="Pairs of name and value, by name.")
    quality_flags = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(help_text="What people wrote, else what was generated.")
    metric_name = serializers.CharField(help_text="What the metric is called, else its id.")
    attention = serializers.BooleanField(help_text="The type is one that somebody should look at.")
    days_open = serializers.IntegerField(help_text="Whole days until it was resolved, or now.")
    absent_since_run = serializers.UUIDField(allow_null=True)
    parent_id = serializers.UUIDField(allow_null=True)
    workflow = WorkflowOut()

    class Meta:
        model = Signal
        fields = [
            "id", "signal_key", "graph", *LIGHT, "description", "metric_name", "attention",
            "first_detected_at", "last_changed_at", "days_open", "absent_since_run", "absent_runs",
            "parent_id", "child_count", "workflow",
        ]  # fmt: skip

    def to_representation(self, instance: Shown) -> dict[str, Any]:
        """Return what goes out for a signal."""
        signal = instance.signal
        return {
            "id": str(signal.pk),
            "signal_key": str(signal.signal_key),
            "graph": signal.graph.name,
            **{name: getattr(signal, name) for name in LIGHT},
            "data_period": signal.data_period.isoformat() if signal.data_period else None,
            "description": instance.description,
            "metric_name": instance.metric_name,
            "attention": instance.needs_attention,
            "first_detected_at": rfc3339(signal.first_detected_at),
            "last_changed_at": rfc3339(signal.last_changed_at),
            "days_open": instance.days_open,
            "absent_since_run": _text(signal.absent_since_run_id),
            "absent_runs": signal.absent_runs,
            "parent_id": _text(signal.parent_id),
            "child_count": signal.child_count,
            "workflow": WorkflowOut(instance.workflow).data,
        }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


class TimelinePointOut(serializers.Serializer[Any]):
    """One month of a signal: the first day, the value and the cases it stands on."""

    period = serializers.DateField()
    value = serializers.FloatField(allow_null=True)
    encounters = serializers.FloatField(allow_null=True, required=False)


class RefinementOut(serializers.Serializer[Any]):
    """What one factor adds to a severity, and the label of the band that says so."""

    factor = serializers.CharField()
    adjustment = serializers.FloatField()
    reason = serializers.CharField(allow_null=True)


class SeverityCalculationOut(serializers.Serializer[Any]):
    """How a severity came about: the type's base, what was added, and what stands after clamping."""

    base = serializers.FloatField()
    refinements = RefinementOut(many=True)
    final = serializers.FloatField()


class SignalDetailOut(SignalOut):
    """One signal with everything."""

    timeline = TimelinePointOut(many=True, allow_null=True)
    monthly_z_scores = serializers.ListField(child=serializers.FloatField(allow_null=True), allow_null=True)
    anomaly_labels = serializers.DictField(child=serializers.CharField(), allow_null=True)
    severity_calculation = SeverityCalculationOut()
    generated_description = serializers.CharField()
    why_matters = serializers.CharField(allow_null=True)
    unread = serializers.IntegerField(help_text="Events of the feed about it that you have not read.")

    class Meta:
        model = Signal
        fields = [
            *SignalOut.Meta.fields, "timeline", "monthly_z_scores", "anomaly_labels", "severity_calculation",
            "generated_description", "why_matters", "unread",
        ]  # fmt: skip

    def to_representation(self, instance: SignalDetail) -> dict[str, Any]:  # type: ignore[override]
        """Return what goes out for a signal on its own."""
        signal = instance.shown.signal
        return {
            **super().to_representation(instance.shown),
            **{name: getattr(signal, name) for name in HEAVY},
            "generated_description": signal.description,
            "why_matters": instance.why_matters,
            "unread": instance.unread,
        }
