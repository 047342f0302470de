"""What the API says of rename proposals, and what it is told."""

import base64
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.projects.models import Application, Proposal, ProposalFile
from apps.projects.proposing.previewing import Preview
from apps.projects.states import Bucket, Decision, RenameKind, RenameMode

PATH_CHARS: Final = 4_096
NAME_CHARS: Final = 255
QUALIFIED_CHARS: Final = 512
GLOBS_MAX: Final = 50
ITEMS_MAX: Final = 500
EDITS_MAX: Final = 20_000
POSITION_MAX: Final = 10_000_000
MESSAGE_CHARS: Final = 500
DECISIONS: Final = Decision.choices


class RenameSymbolIn(StrictSerializer):
    """The symbol: where it stands in the published state, or its dotted name from the root of the sources."""

    path = serializers.CharField(max_length=PATH_CHARS, trim_whitespace=False, required=False)
    line = serializers.IntegerField(min_value=1, max_value=POSITION_MAX, required=False)
    column = serializers.IntegerField(min_value=1, max_value=POSITION_MAX, required=False)
    qualified_name = serializers.CharField(max_length=QUALIFIED_CHARS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require either a whole place or a name."""
        if set(attrs) not in ({"path", "line", "column"}, {"qualified_name"}):
            raise serializers.ValidationError("Give path, line and column, or qualified_name.")
        return attrs


class RenameSuggestionIn(StrictSerializer):
    """A suggestion of a code job, by its place in the result."""

    job_id = serializers.UUIDField()
    index = serializers.IntegerField(min_value=0, max_value=POSITION_MAX)


class RenameOptionsIn(StrictSerializer):
    """Where else the name is looked for; such occurrences are never ticked at first."""

    strings = serializers.BooleanField(default=False)
    comments = serializers.BooleanField(default=False)
    docs = serializers.BooleanField(default=False)


class GlobsField(serializers.ListField):
    """Patterns on whole paths: `*` within a part, `**` over parts."""

    child = serializers.CharField(max_length=NAME_CHARS)


class RenameIn(StrictSerializer):
    """A rename that is asked for, on the published head."""

    project_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=RenameKind.choices, default=RenameKind.SYMBOL)
    symbol = RenameSymbolIn(required=False)
    suggestion = RenameSuggestionIn(required=False)
    new_name = serializers.CharField(
        max_length=NAME_CHARS, required=False, help_text="Needed, but for a suggestion, which has one."
    )
    include = GlobsField(max_length=GLOBS_MAX, default=list)
    exclude = GlobsField(max_length=GLOBS_MAX, default=list)
    mode = serializers.ChoiceField(choices=RenameMode.choices, default=RenameMode.SEMANTIC)
    options = RenameOptionsIn(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require one thing to rename, and a name for it."""
        if ("symbol" in attrs) == ("suggestion" in attrs):
            raise serializers.ValidationError("Give either symbol or suggestion.")
        if "symbol" in attrs and "new_name" not in attrs:
            raise serializers.ValidationError({"new_name": ["Say what it is to be called."]})
        return attrs


class FileDecisionIn(StrictSerializer):
    """What is decided of one file; `edits` ticks single ones by their ids."""

    file_id = serializers.IntegerField(min_value=0, max_value=POSITION_MAX)
    decision = serializers.ChoiceField(choices=DECISIONS, required=False)
    edits = serializers.DictField(child=serializers.BooleanField(), required=False)

    def validate_edits(self, value: dict[str, bool]) -> dict[str, bool]:
        """Refuse more than a proposal can hold."""
        if len(value) > EDITS_MAX:
            raise serializers.ValidationError(f"At most {EDITS_MAX:,} edits.")
        return value


class DecisionsIn(StrictSerializer):
    """Decisions file by file, or one for all."""

    items = FileDecisionIn(many=True, required=False)
    all = serializers.ChoiceField(choices=DECISIONS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require one of the two."""
        if ("items" in attrs) == ("all" in attrs):
            raise serializers.ValidationError("Give either items or all.")
        if len(attrs.get("items", ())) > ITEMS_MAX:
            raise serializers.ValidationError({"items": [f"At most {ITEMS_MAX} files at a time."]})
        return attrs


class ApplyIn(StrictSerializer):
    """The approval of what was previewed."""

    patch_digest = serializers.RegexField(r"^[0-9a-f]{64}\Z", help_text="From the preview, hexadecimal.")
    message = serializers.CharField(max_length=MESSAGE_CHARS, required=False)
    accept_unscanned = serializers.BooleanField(default=False)


class ProposalPersonOut(serializers.Serializer[Any]):
    """Who started it."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ProposalFaultOut(serializers.Serializer[Any]):
    """Why it failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class RenamedSymbolOut(serializers.Serializer[Any]):
    """The definition that is renamed."""

    name = serializers.CharField()
    qualified_name = serializers.CharField()
    kind = serializers.CharField()
    path = serializers.CharField()
    line = serializers.IntegerField()
    column = serializers.IntegerField()


class ProposalCountsOut(serializers.Serializer[Any]):
    """How much was found."""

    files = serializers.IntegerField()
    certain = serializers.IntegerField()
    unsure = serializers.IntegerField()
    refused = serializers.IntegerField()
    residual = serializers.IntegerField()
    unscanned = serializers.IntegerField()


class RenameConflictOut(serializers.Serializer[Any]):
    """Why the rename breaks code."""

    code = serializers.CharField()
    path = serializers.CharField()
    line = serializers.IntegerField()
    detail = serializers.CharField()


class RenameProposalOut(OutSerializer):
    """A rename proposal; its version goes up with every decision and every move."""

    project_id = serializers.UUIDField()
    symbol = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    conflicts = RenameConflictOut(many=True)
    proposal_digest = serializers.SerializerMethodField()
    parent_id = serializers.UUIDField(allow_null=True)
    child_id = serializers.UUIDField(source="child_pk", allow_null=True)
    created_by = ProposalPersonOut(allow_null=True)
    error = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = [
            "id", "project_id", "state", "status", "stage", "progress", "attempt", "max_attempts", "error",
            "kind", "mode", "base_ref", "base_commit", "symbol", "new_name", "counts", "conflicts", "outcome",
            "proposal_digest", "parent_id", "child_id", "applied_commit", "version", "created_by",
            "created_at", "started_at", "finished_at",
        ]  # fmt: skip

    @extend_schema_field(RenamedSymbolOut(allow_null=True))
    def get_symbol(self, row: Proposal) -> dict[str, Any] | None:
        """Return what is renamed, null until it was found."""
        return row.symbol or None

    @extend_schema_field(ProposalCountsOut(allow_null=True))
    def get_counts(self, row: Proposal) -> dict[str, int] | None:
        """Return how much was found, null until the analysis has ended."""
        return row.counts or None

    def get_proposal_digest(self, row: Proposal) -> str:
        """Return the SHA-256 of the edits' canonical JSON, hexadecimal; empty until they are there."""
        return bytes(row.proposal_digest).hex()

    @extend_schema_field(ProposalFaultOut(allow_null=True))
    def get_error(self, row: Proposal) -> dict[str, str] | None:
        """Return why the analysis failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None


class ProposalEditOut(serializers.Serializer[Any]):
    """One occurrence: offsets are bytes of the blob; lines and columns count from 1, in code points."""

    id = serializers.CharField()
    bucket = serializers.ChoiceField(choices=Bucket.choices)
    reason = serializers.CharField()
    group = serializers.CharField(help_text="Edits of one group are applied together or not at all.")
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    before = serializers.CharField()
    after = serializers.CharField()
    selected = serializers.BooleanField()


class ProposalFileOut(OutSerializer):
    """A file that a proposal changes."""

    id = serializers.IntegerField(source="ordinal")
    path = serializers.SerializerMethodField()
    path_key = serializers.SerializerMethodField()
    new_path = serializers.SerializerMethodField()
    blob_id = serializers.CharField(source="blob")
    edits = ProposalEditOut(many=True)

    class Meta:
        model = ProposalFile
        fields = ["id", "path", "path_key", "new_path", "blob_id", "encoding", "decision", "edits"]

    def get_path(self, row: ProposalFile) -> str:
        """Return the path from the root."""
        return str(row)

    def get_path_key(self, row: ProposalFile) -> str:
        """Return the path's bytes as base64url without padding."""
        return base64.urlsafe_b64encode(bytes(row.path)).decode().rstrip("=")

    def get_new_path(self, row: ProposalFile) -> str | None:
        """Return where the file itself moves, null if it stays."""
        return bytes(row.new_path).decode("utf-8", "replace") or None


class LeftOut(serializers.Serializer[Any]):
    """An occurrence of the old name that stays, or (without line) a file that was not looked at."""

    path = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    column = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()
    reason = serializers.CharField()


class SelectionCheckOut(serializers.Serializer[Any]):
    """One check of what is chosen; one that is not ok blocks."""

    code = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()


class ProposalPreviewOut(serializers.Serializer[Preview]):
    """What an application would write."""

    patch_digest = serializers.SerializerMethodField()
    tree_id = serializers.CharField(source="patch.tree_id")
    checks = SelectionCheckOut(many=True)
    blocking = serializers.BooleanField(source="is_blocking")

    def get_patch_digest(self, preview: Preview) -> str:
        """Return the SHA-256 of the patch's bytes, hexadecimal."""
        return preview.patch.digest.hex()


class ApplicationOut(OutSerializer):
    """The job that applies a proposal; `/jobs/{id}` follows it."""

    proposal_id = serializers.UUIDField()
    patch_digest = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    approved_at = TimeField()

    class Meta:
        model = Application
        fields = [
            "id", "proposal_id", "status", "stage", "progress", "attempt", "max_attempts", "error",
            "patch_digest", "tree_id", "message", "commit", "approved_at", "created_at", "started_at",
            "finished_at",
        ]  # fmt: skip

    def get_patch_digest(self, row: Application) -> str:
        """Return the SHA-256 of the approved patch, hexadecimal."""
        return bytes(row.patch_digest).hex()

    @extend_schema_field(ProposalFaultOut(allow_null=True))
    def get_error(self, row: Application) -> dict[str, str] | None:
        """Return why the application failed, null if it did not."""
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None
