"""What the API says of mirrors, their runs and refs, and what it is told."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.pagination import PAGE_SIZE, PAGE_SIZE_MAX
from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.projects.models import Mirror, MirrorRun
from apps.projects.queries.mirrors import quota_of, schedule_of
from apps.projects.states import RunOutcome, SyncMode

URL_CHARS: Final = 2_048
REF_CHARS: Final = 255
SEARCH_CHARS: Final = 200
REF_KINDS: Final = ("branch", "tag", "archived", "applied")


class LinkIn(StrictSerializer):
    """Which repository is to be mirrored."""

    url = serializers.CharField(
        max_length=URL_CHARS, trim_whitespace=False, help_text="`https://host/path`, nothing secret in it."
    )
    tracked_ref = serializers.CharField(
        max_length=REF_CHARS,
        required=False,
        allow_null=True,
        help_text="The branch that is read; by default the repository's own default branch.",
    )
    credential_id = serializers.UUIDField(required=False, allow_null=True)
    sync_mode = serializers.ChoiceField(choices=SyncMode.choices, required=False)


class SyncIn(StrictSerializer):
    """How to sync."""

    override = serializers.BooleanField(
        default=False, help_text="Fetch even if the repository lists the same refs; for those in charge."
    )


class MirrorFaultOut(serializers.Serializer[Any]):
    """Why something of a mirror failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class MirrorScheduleOut(serializers.Serializer[Any]):
    """When a mirror is looked at next."""

    mode = serializers.ChoiceField(choices=SyncMode.choices)
    interval_s = serializers.IntegerField(allow_null=True, help_text="In the mode `fixed`.")
    next_due_at = TimeField(allow_null=True, help_text="Null: when a person acts.")
    reason = serializers.CharField()
    detail = serializers.CharField(help_text="The same in words.")
    failures = serializers.IntegerField(help_text="How many runs failed in a row.")


class RewrittenRefOut(serializers.Serializer[Any]):
    """A ref whose history was rewritten."""

    ref = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()
    at = serializers.DateTimeField()


class LfsOut(serializers.Serializer[Any]):
    """Files that are only pointers to a large file storage."""

    files = serializers.IntegerField()
    bytes = serializers.IntegerField()


class MirrorOut(OutSerializer):
    """The mirror of a project: what is published, and when it is looked at next."""

    url_display = serializers.CharField(source="url")
    tracked_ref = serializers.CharField(source="project.tracked_ref", allow_null=True)
    quota_bytes = serializers.SerializerMethodField()
    schedule = serializers.SerializerMethodField()
    rewritten = RewrittenRefOut(many=True, help_text="The last 20.")
    lfs = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    class Meta:
        model = Mirror
        fields = [
            "state", "url_display", "host", "default_branch", "tracked_ref", "head_commit", "ref_count",
            "file_count", "size_bytes", "quota_bytes", "generation", "missing_objects", "last_synced_at",
            "last_changed_at", "verified_at", "schedule", "rewritten", "lfs", "error",
        ]  # fmt: skip

    def get_quota_bytes(self, row: Mirror) -> int:
        """Return what the mirror may take."""
        return quota_of(row)

    @extend_schema_field(MirrorScheduleOut)
    def get_schedule(self, row: Mirror) -> Any:
        """Return when the mirror is looked at next, and why."""
        return MirrorScheduleOut(schedule_of(row, now=timezone.now())).data

    @extend_schema_field(LfsOut)
    def get_lfs(self, row: Mirror) -> dict[str, int]:
        """Return how many pointers there are, and how large what they point to is."""
        return {"files": row.lfs.get("files", 0), "bytes": row.lfs.get("bytes", 0)}

    @extend_schema_field(MirrorFaultOut(allow_null=True))
    def get_error(self, row: Mirror) -> dict[str, str] | None:
        """Return why the last run failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None


class RefCountsOut(serializers.Serializer[Any]):
    """How many refs a run found changed."""

    added = serializers.IntegerField()
    updated = serializers.IntegerField()
    deleted = serializers.IntegerField()
    rewritten = serializers.IntegerField()


class RefChangeOut(serializers.Serializer[Any]):
    """A ref that changed; `old` or `new` is empty where it was not there."""

    ref = serializers.CharField()
    old = serializers.CharField(allow_blank=True)
    new = serializers.CharField(allow_blank=True)
    forced = serializers.BooleanField()


class MirrorRunOut(OutSerializer):
    """A run of a mirror."""

    outcome = serializers.SerializerMethodField()
    refs = serializers.SerializerMethodField()
    ref_changes = RefChangeOut(many=True, help_text="At most 200.")
    error = serializers.SerializerMethodField()
    cancel_requested = serializers.SerializerMethodField()

    class Meta:
        model = MirrorRun
        fields = [
            "id", "project_id", "kind", "trigger", "status", "stage", "progress", "attempt", "max_attempts",
            "error", "cancel_requested", "outcome", "commit_before", "commit_after", "refs", "ref_changes",
            "bytes_received", "duration_ms", "generation", "manifest_version", "created_at", "queued_at",
            "started_at", "finished_at",
        ]  # fmt: skip

    @extend_schema_field({"type": "string", "enum": [*RunOutcome.values], "nullable": True})
    def get_outcome(self, row: MirrorRun) -> str | None:
        """Return what the run found, null before its end."""
        return row.outcome or None

    @extend_schema_field(RefCountsOut)
    def get_refs(self, row: MirrorRun) -> dict[str, int]:
        """Return how many refs changed."""
        return {name: row.refs.get(name, 0) for name in ("added", "updated", "deleted", "rewritten")}

    @extend_schema_field(MirrorFaultOut(allow_null=True))
    def get_error(self, row: MirrorRun) -> dict[str, str] | None:
        """Return why the run failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None

    def get_cancel_requested(self, row: MirrorRun) -> bool:
        """Tell whether somebody asked the run to stop."""
        return row.cancel_requested_at is not None


class StartedRunOut(MirrorRunOut):
    """A run that was queued, or one that was joined because it was live already."""

    joined = serializers.BooleanField()

    class Meta(MirrorRunOut.Meta):
        fields = [*MirrorRunOut.Meta.fields, "joined"]


class RefsParameters(StrictSerializer):
    """Which refs, and which page of them."""

    kind = serializers.MultipleChoiceField(choices=REF_KINDS, required=False)
    search = serializers.CharField(required=False, max_length=SEARCH_CHARS)
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)
    cursor = serializers.CharField(required=False, help_text="From `next`.")


class ListedRefOut(serializers.Serializer[Any]):
    """A branch, a tag, an archived tip or an applied proposal."""

    name = serializers.CharField(help_text="As other calls take it: `heads/main`, `archived/3`.")
    kind = serializers.ChoiceField(choices=REF_KINDS)
    commit = serializers.CharField()
    tracked = serializers.BooleanField(source="is_tracked")
    archived_at = TimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    expires_at = TimeField(allow_null=True)


class RefPageOut(serializers.Serializer[Any]):
    """A page of refs by kind and name; `previous` is always null: the list is walked forward."""

    results = ListedRefOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
