"""What the API says of builds and hydrations."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer
from apps.signals.api.run_serializers import CurrentRunOut, NamedGraphOut, StageFaultOut
from apps.signals.models import DbtBuild, DbtResult, Hydration, HydrationDiff


class StarterOut(serializers.Serializer[Any]):
    """Who started it."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class DbtResultOut(OutSerializer):
    """A dbt node that did not pass."""

    class Meta:
        model = DbtResult
        fields = ["unique_id", "resource_type", "status", "execution_s", "failures", "message"]


class BuildOut(OutSerializer):
    """A dbt build, with the nodes that did not pass."""

    run_ids = serializers.ListField(child=serializers.UUIDField())
    created_by = StarterOut(allow_null=True)
    error = serializers.SerializerMethodField()
    not_passed = DbtResultOut(many=True)

    class Meta:
        model = DbtBuild
        fields = [
            "id", "status", "stage", "progress", "attempt", "max_attempts", "error", "run_ids", "select",
            "full_refresh", "dbt_version", "exit_code", "node_count", "not_passed", "created_by",
            "created_at", "started_at", "finished_at",
        ]  # fmt: skip

    @extend_schema_field(StageFaultOut(allow_null=True))
    def get_error(self, row: DbtBuild) -> dict[str, str] | None:
        """Return why the build failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None


class HydrationOut(OutSerializer):
    """A hydration with its ten counters."""

    graph = NamedGraphOut()
    run = CurrentRunOut()
    facilities = serializers.ListField(child=serializers.CharField())
    created_by = StarterOut(allow_null=True)
    error = serializers.SerializerMethodField()

    class Meta:
        model = Hydration
        fields = [
            "id", "graph", "run", "trigger", "dry_run", "partial", "force", "facilities", "limit", "status",
            "stage", "progress", "attempt", "max_attempts", "error", "incoming", "created", "changed",
            "unchanged", "skipped", "vanished", "returned", "reopened", "auto_resolved", "events",
            "created_by", "created_at", "started_at", "finished_at",
        ]  # fmt: skip

    @extend_schema_field(StageFaultOut(allow_null=True))
    def get_error(self, row: Hydration) -> dict[str, str] | None:
        """Return why the hydration failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None


class HydrationDiffOut(OutSerializer):
    """What a hydration tried without effect would do to a signal: the columns that differ."""

    signal_id = serializers.UUIDField(allow_null=True, help_text="Null while there is no such signal.")
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)

    class Meta:
        model = HydrationDiff
        fields = ["id", "kind", "signal_key", "signal_id", "before", "after"]
