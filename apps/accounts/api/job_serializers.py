"""What the API says of jobs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.models import Job
from apps.common.serializers import OutSerializer, TimeField


class JobPerson(serializers.Serializer[Any]):
    """Who started a job."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class JobFault(serializers.Serializer[Any]):
    """Why a job failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class JobTarget(serializers.Serializer[Any]):
    """What a job works on."""

    type = serializers.CharField(source="target_type")
    id = serializers.UUIDField(source="target_id")
    url = serializers.CharField(source="target_url")


class JobOut(OutSerializer):
    """A job of any kind, by its one vocabulary; the product's own resource says more."""

    next_attempt_at = TimeField(allow_null=True)
    error = serializers.SerializerMethodField()
    target = JobTarget(source="*")
    cancel_requested = serializers.SerializerMethodField()
    dead = serializers.BooleanField(source="is_dead")
    created_by = JobPerson(allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id", "kind", "queue", "status", "stage", "progress", "attempt", "max_attempts",
            "next_attempt_at", "error", "target", "cancel_requested", "dead", "created_by", "created_at",
            "queued_at", "started_at", "finished_at", "expires_at", "discarded_at",
        ]  # fmt: skip

    @extend_schema_field(JobFault(allow_null=True))
    def get_error(self, row: Job) -> dict[str, str] | None:
        """Return why the job failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None

    def get_cancel_requested(self, row: Job) -> bool:
        """Tell whether somebody asked the job to stop."""
        return row.cancel_requested_at is not None


class KindSummaryOut(serializers.Serializer[Any]):
    """The jobs of one kind, by status."""

    kind = serializers.CharField()
    queued = serializers.IntegerField()
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    dead = serializers.IntegerField()
    oldest_queued_at = TimeField(allow_null=True)


class JobSummaryOut(KindSummaryOut):
    """All jobs by status, and by kind."""

    kind = None  # type: ignore[assignment]
    kinds = KindSummaryOut(many=True)
