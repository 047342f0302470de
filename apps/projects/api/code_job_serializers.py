"""What goes in and out of the API of code jobs."""

from typing import Any, Final

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer
from apps.projects.documenting.outgoing import SentFile
from apps.projects.documenting.wishes import Selection, Wish
from apps.projects.models import CodeJob
from apps.projects.services.code_jobs import Order
from apps.projects.states import CodeJobType, Completeness, Engine

PATH_CHARS: Final = 4_096
LINE_MAX: Final = 10_000_000


class JobAnchorIn(StrictSerializer):
    """Lines that a job is about; with `window` they are found again in a later version."""

    path = serializers.CharField(max_length=PATH_CHARS, trim_whitespace=False)
    blob_id = serializers.RegexField(r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    line_start = serializers.IntegerField(min_value=1, max_value=LINE_MAX)
    line_end = serializers.IntegerField(min_value=1, max_value=LINE_MAX)
    window = serializers.RegexField(r"^[0-9a-f]{16}$", required=False)
    symbol = serializers.CharField(max_length=1_024, required=False)


class JobTargetsIn(StrictSerializer):
    """What a job is about; none of them is the whole project."""

    paths = serializers.ListField(
        child=serializers.CharField(max_length=PATH_CHARS, trim_whitespace=False),
        max_length=200,
        default=list,
    )
    globs = serializers.ListField(
        child=serializers.CharField(max_length=255, trim_whitespace=False), max_length=20, default=list
    )
    anchors = serializers.ListField(child=JobAnchorIn(), max_length=20, default=list)


class JobSelectionIn(StrictSerializer):
    """Lines of one file; `content` is the file's text as an editor holds it unsaved."""

    path = serializers.CharField(max_length=PATH_CHARS, trim_whitespace=False)
    line_start = serializers.IntegerField(min_value=1, max_value=LINE_MAX)
    line_end = serializers.IntegerField(min_value=1, max_value=LINE_MAX)
    content = serializers.CharField(
        max_length=65_536, allow_blank=True, trim_whitespace=False, required=False, allow_null=True
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse lines that end before they start."""
        if attrs["line_end"] < attrs["line_start"]:
            raise serializers.ValidationError({"line_end": "The selection ends before it starts."})
        return attrs


class JobClientIn(StrictSerializer):
    """The program that asks."""

    editor = serializers.CharField(max_length=64, required=False)
    version = serializers.CharField(max_length=32, required=False)


class CodeJobIn(StrictSerializer):
    """What is asked for."""

    project_id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=CodeJobType.choices)
    targets = JobTargetsIn(required=False)
    selection = JobSelectionIn(required=False, allow_null=True)
    instructions = serializers.CharField(max_length=2_000, allow_blank=True, default="")
    engine = serializers.ChoiceField(choices=Engine.choices, default=Engine.AUTO)
    client = JobClientIn(required=False, allow_null=True)
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would be sent.")


def order_of(values: dict[str, Any]) -> Order:
    """Return the order that a checked body holds."""
    targets = values.get("targets") or {}
    selection = values.get("selection")
    wish = Wish(
        paths=tuple(sorted(set(targets.get("paths", ())))),
        globs=tuple(sorted(set(targets.get("globs", ())))),
        anchors=tuple(dict(anchor) for anchor in targets.get("anchors", ())),
        selection=Selection(**selection) if selection else None,
        instructions=values["instructions"],
    )
    return Order(
        type=CodeJobType(values["type"]),
        wish=wish,
        engine=Engine(values["engine"]),
        client=values.get("client"),
    )


class CodeJobStarterOut(serializers.Serializer[Any]):
    """Who started a code job."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class CodeJobFaultOut(serializers.Serializer[Any]):
    """Why a code job failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class CodeJobTargetsOut(serializers.Serializer[Any]):
    """What a code job is about."""

    paths = serializers.ListField(child=serializers.CharField())
    globs = serializers.ListField(child=serializers.CharField())
    anchors = serializers.ListField(child=serializers.DictField())


class CodeJobOut(OutSerializer):
    """A code job; `stale` once the published code differs from what its result rests on."""

    project_id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=CodeJobType.choices)
    engine = serializers.ChoiceField(choices=Engine.choices)
    targets = CodeJobTargetsOut(source="request.targets")
    manifest_version = serializers.IntegerField(source="manifest.number")
    outcome = serializers.SerializerMethodField()
    degraded = serializers.BooleanField(source="is_degraded")
    stale = serializers.BooleanField(default=False)
    error = serializers.SerializerMethodField()
    cancel_requested = serializers.SerializerMethodField()
    created_by = CodeJobStarterOut(allow_null=True)

    class Meta:
        model = CodeJob
        fields = [
            "id", "project_id", "type", "targets", "engine", "status", "stage", "progress", "attempt",
            "max_attempts", "error", "cancel_requested", "manifest_version", "commit", "outcome", "degraded",
            "stale", "created_by", "created_at", "queued_at", "started_at", "finished_at",
        ]  # fmt: skip

    @extend_schema_field({"type": "string", "enum": [*Completeness.values], "nullable": True})
    def get_outcome(self, row: CodeJob) -> str | None:
        """Return whether the result covers all that was asked for, null before there is one."""
        return row.outcome or None

    @extend_schema_field(CodeJobFaultOut(allow_null=True))
    def get_error(self, row: CodeJob) -> dict[str, str] | None:
        """Return why the job failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None

    def get_cancel_requested(self, row: CodeJob) -> bool:
        """Tell whether somebody asked the job to stop."""
        return row.cancel_requested_at is not None


class ResultAnchorOut(serializers.Serializer[Any]):
    """Lines that a result speaks of."""

    path = serializers.CharField()
    blob_id = serializers.CharField()
    line_start = serializers.IntegerField()
    line_end = serializers.IntegerField()
    window = serializers.CharField(required=False)
    symbol = serializers.CharField(required=False)


class ResultSectionOut(serializers.Serializer[Any]):
    """A part of a result."""

    title = serializers.CharField()
    text_md = serializers.CharField()
    anchors = ResultAnchorOut(many=True)


class ResultSpanOut(serializers.Serializer[Any]):
    """Lines, both ends included; an end before the start is the place before that line."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()


class ResultChangeOut(serializers.Serializer[Any]):
    """A change that somebody may make."""

    file = serializers.CharField()
    range = ResultSpanOut()
    replacement = serializers.CharField()


class ResultSuggestionOut(serializers.Serializer[Any]):
    """A better name."""

    symbol = serializers.CharField()
    anchor = ResultAnchorOut()
    current = serializers.CharField()
    proposed = serializers.CharField()
    reason = serializers.CharField()
    confidence = serializers.FloatField()


class ResultUnscannedOut(serializers.Serializer[Any]):
    """A file without structure, and why."""

    path = serializers.CharField()
    reason = serializers.CharField()


class ResultSourceOut(serializers.Serializer[Any]):
    """A file that a result rests on."""

    path = serializers.CharField()
    blob_id = serializers.CharField()


class ProvenanceOut(serializers.Serializer[Any]):
    """Where a result comes from; `dropped` counts what a model named that is not in the manifest."""

    provider = serializers.CharField()
    model = serializers.CharField()
    prompt_version = serializers.CharField()
    generator = serializers.CharField()
    sources = ResultSourceOut(many=True)
    redactions = serializers.DictField(child=serializers.IntegerField())
    dropped = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cached = serializers.BooleanField()


class CodeResultOut(serializers.Serializer[Any]):
    """What a code job says; all text is a stranger's or a model's."""

    result_type = serializers.ChoiceField(
        choices=["document", "structured_diff", "explanation", "suggestions"]
    )
    text_md = serializers.CharField()
    sections = ResultSectionOut(many=True)
    changes = ResultChangeOut(many=True)
    suggestions = ResultSuggestionOut(many=True)
    facts = serializers.DictField()
    unscanned = ResultUnscannedOut(many=True)
    engine = serializers.ChoiceField(choices=["structural", "external"])
    degraded = serializers.BooleanField()
    provenance = ProvenanceOut()


class ResultQuery(StrictSerializer):
    """As what the result is answered."""

    # `as` is a word of Python.
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the one parameter."""
        return {"as": serializers.ChoiceField(choices=["json", "markdown"], default="json")}


class RehearsedSourceOut(serializers.Serializer[Any]):
    """A file that would go out."""

    path = serializers.CharField(source="file.path")
    blob_id = serializers.CharField(source="file.blob_id")
    size_bytes = serializers.SerializerMethodField()

    def get_size_bytes(self, sent: SentFile) -> int:
        """Return how much of it would go out."""
        return len(sent.text.encode())


class RehearsalOut(serializers.Serializer[Any]):
    """What a job would send to a language model; nothing was sent."""

    dry_run = serializers.BooleanField(default=True)
    is_sent = serializers.BooleanField(help_text="Whether a job would really send it, as things stand.")
    sources = RehearsedSourceOut(many=True, source="parcel.files")
    size_bytes = serializers.IntegerField(source="parcel.size_bytes")
    redactions = serializers.DictField(child=serializers.IntegerField(), source="parcel.redactions")
    held_back = ResultUnscannedOut(many=True, source="parcel.held_back")


class EngineOut(serializers.Serializer[Any]):
    """An engine for code jobs."""

    engine = serializers.ChoiceField(choices=[Engine.STRUCTURAL, Engine.EXTERNAL])
    model = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=["ok", "open", "off"])
    tokens_left_today = serializers.IntegerField(allow_null=True)


class DocsOut(CodeJobOut):
    """The newest result about some paths, with those that have changed since."""

    paths = serializers.ListField(
        child=serializers.CharField(), source="request.covers", help_text="Empty text: the whole project."
    )
    stale_paths = serializers.ListField(child=serializers.CharField())
    result_url = serializers.SerializerMethodField()

    class Meta(CodeJobOut.Meta):
        fields = [*CodeJobOut.Meta.fields, "paths", "stale_paths", "result_url"]

    @extend_schema_field({"type": "string", "format": "uri-reference"})
    def get_result_url(self, row: CodeJob) -> str:
        """Return where the result lies."""
        return reverse("code-job-result", args=[row.pk])
