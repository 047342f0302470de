"""What the API says of graphs, runs and what belongs to them."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.signals.api.keyset import PageOut, PageParameters
from apps.signals.models import Edge, Graph, Node, Run, RunFile, RunFinding
from apps.signals.queries.run_diffs import RunDiffKind

FACILITIES_MAX: Final = 500
FACILITY_MAX_CHARS: Final = 255
ROWS_MAX: Final = 10_000_000
REJECTED_MAX: Final = 1_000_000


class StageFaultOut(serializers.Serializer[Any]):
    """Why something failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class NamedGraphOut(serializers.Serializer[Any]):
    """A graph by name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class CurrentRunOut(OutSerializer):
    """The run that a graph's signals are of."""

    class Meta:
        model = Run
        fields = ["id", "run_id", "revision", "status", "started_at", "data_period"]


class GraphOut(OutSerializer):
    """A graph: where runs come from."""

    current_run = CurrentRunOut(allow_null=True)
    run_count = serializers.IntegerField()
    signal_count = serializers.IntegerField(help_text="Those that the current run holds.")

    class Meta:
        model = Graph
        fields = [
            "id", "name", "root", "facility_dimension", "auto_pipeline", "retention_runs", "current_run",
            "run_count", "signal_count", "created_at",
        ]  # fmt: skip


class SignalRunOut(OutSerializer):
    """A run at one revision of its files."""

    graph = NamedGraphOut()
    is_current = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id", "graph", "run_id", "revision", "status", "is_current", "started_at", "data_period",
            "manifest_sha256", "taxonomy_hash", "node_count", "entity_count", "line_count", "byte_count",
            "rejected_count", "warning_count", "error", "superseded_at", "created_at",
        ]  # fmt: skip

    def get_is_current(self, row: Run) -> bool:
        """Tell whether the graph's signals are of this run."""
        return row.graph.current_run_id == row.pk

    @extend_schema_field(StageFaultOut(allow_null=True))
    def get_error(self, row: Run) -> dict[str, str] | None:
        """Return why the run stopped, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None


class RunFileOut(OutSerializer):
    """A file of a run."""

    class Meta:
        model = RunFile
        fields = ["id", "path", "role", "bytes", "sha256", "lines"]


class RunFindingOut(OutSerializer):
    """Something noticed in a run."""

    class Meta:
        model = RunFinding
        fields = ["id", "severity", "code", "message", "file", "line", "count", "created_at"]


class RunNodeOut(OutSerializer):
    """A node of a run's graph."""

    class Meta:
        model = Node
        fields = [
            "node_id", "metric_id", "is_temporal", "display_name", "comparison_group", "entity_count",
        ]  # fmt: skip


class RunEdgeOut(OutSerializer):
    """An edge from parent to child."""

    class Meta:
        model = Edge
        fields = ["source", "target", "edge_type", "category"]


class RunGraphOut(serializers.Serializer[Any]):
    """The graph of a run, as its hydration found it; empty before."""

    nodes = RunNodeOut(many=True)
    edges = RunEdgeOut(many=True)
    truncated = serializers.BooleanField()


class NodeFactsOut(serializers.Serializer[Any]):
    """The node asked about."""

    node_id = serializers.CharField()
    metric_id = serializers.CharField(allow_null=True)
    is_temporal = serializers.BooleanField()
    entity_results_count = serializers.IntegerField()


class EntityResultOut(serializers.Serializer[Any]):
    """One entity of a node."""

    facility_id = serializers.CharField(allow_null=True)
    system_name = serializers.CharField(allow_null=True)
    dimensions = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_null=True)),
        help_text="Pairs of name and value, by name.",
    )
    value = serializers.FloatField(allow_null=True)
    encounters = serializers.FloatField(allow_null=True)
    observed_count = serializers.IntegerField(allow_null=True)
    z = serializers.DictField(child=serializers.FloatField(allow_null=True), help_text="By statistic.")
    labels = serializers.DictField(
        child=serializers.CharField(allow_null=True), help_text="By anomaly method."
    )
    signal_id = serializers.UUIDField(allow_null=True)
    file_id = serializers.UUIDField()
    line = serializers.IntegerField(source="line_no")


class NodeResultsOut(PageOut):
    """A page of a node's entities, in the order of their lines."""

    node = NodeFactsOut()
    results = EntityResultOut(many=True)


class RunDiffParameters(PageParameters):
    """Which runs are compared, and what is shown of it."""

    against = serializers.UUIDField(required=False, help_text="By default the run before.")
    kind = serializers.MultipleChoiceField(choices=RunDiffKind.choices, required=False)
    format = serializers.ChoiceField(choices=["json", "csv"], default="json")


class RunDiffItemOut(serializers.Serializer[Any]):
    """A signal in two runs."""

    kind = serializers.ChoiceField(choices=RunDiffKind.choices)
    signal_id = serializers.UUIDField()
    signal_key = serializers.UUIDField()
    node_id = serializers.CharField()
    metric_id = serializers.CharField()
    facility_id = serializers.CharField(allow_null=True)
    facility_name = serializers.CharField(allow_null=True)
    groupby_label = serializers.CharField()
    group_value = serializers.CharField()
    signal_type_before = serializers.CharField(allow_null=True)
    signal_type = serializers.CharField(allow_null=True)
    severity_before = serializers.IntegerField(allow_null=True)
    severity = serializers.IntegerField(allow_null=True)
    metric_value_before = serializers.FloatField(allow_null=True)
    metric_value = serializers.FloatField(allow_null=True)


class RunDiffOut(PageOut):
    """What differs between two runs; each signal is of one kind, severity decides worse and better."""

    run = CurrentRunOut()
    against = CurrentRunOut(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By kind.")
    results = RunDiffItemOut(many=True)


class LoadIn(StrictSerializer):
    """How a load is started."""

    accept_validation = serializers.BooleanField(
        default=False, help_text="Load although the run's own validation failed."
    )


class BuildIn(StrictSerializer):
    """How a build is started."""

    full_refresh = serializers.BooleanField(default=False, help_text="Needs the permission to configure.")


class HydrateIn(StrictSerializer):
    """How a hydration is started."""

    facility_id = serializers.ListField(
        child=serializers.CharField(max_length=FACILITY_MAX_CHARS),
        max_length=FACILITIES_MAX,
        default=list,
        help_text="These facilities alone; then nothing vanishes.",
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=ROWS_MAX, allow_null=True, default=None, help_text="So many rows alone."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Say what would change, and change nothing.")
    force = serializers.BooleanField(
        default=False, help_text="Let signals vanish past the guard. Needs the permission to configure."
    )


class StageJobOut(serializers.Serializer[Any]):
    """The job of a stage that was started; `/jobs/{id}` follows it."""

    id = serializers.UUIDField(source="pk")
    kind = serializers.SerializerMethodField()
    status = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.FloatField()
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    error = serializers.SerializerMethodField()
    runs = serializers.SerializerMethodField()
    created_at = TimeField()

    @extend_schema_field({"type": "string", "enum": ["signals.load", "signals.build", "signals.hydrate"]})
    def get_kind(self, row: Any) -> str:
        """Return the kind of the job."""
        return {"runload": "signals.load", "dbtbuild": "signals.build"}.get(
            row._meta.model_name,  # noqa: SLF001 - Django's own way
            "signals.hydrate",
        )

    @extend_schema_field(StageFaultOut(allow_null=True))
    def get_error(self, row: Any) -> dict[str, str] | None:
        """Return why the job failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_runs(self, row: Any) -> list[str]:
        """Return the ids of the runs it works on."""
        return [str(each) for each in getattr(row, "run_ids", None) or [row.run_id]]
