"""What goes in and out of the API of datasets."""

import base64
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.db import JobStatus
from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.datasets.api.import_sources import ImportSourceIn
from apps.datasets.importing.announcing import Pace, pace
from apps.datasets.importing.inspecting import Proposal
from apps.datasets.importing.options import PARTITION_MAX_CHARS
from apps.datasets.models import Dataset, Import, ImportFile, Reject, Term, Version
from apps.datasets.states import DuplicatePolicy, ImportMode

AREA_LENGTH = 4


class PersonOut(serializers.Serializer[Any]):
    """Who did something."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class AreaField(serializers.ListField):
    """West, south, east, north in degrees."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.FloatField(), min_length=AREA_LENGTH, max_length=AREA_LENGTH, **kwargs
        )


class DatasetOut(OutSerializer):
    """A dataset and the facts of its current version."""

    importing = serializers.BooleanField(help_text="An import is queued, running or waiting.")
    current_version = serializers.IntegerField(source="current_version.number", default=None, allow_null=True)
    event_count = serializers.IntegerField(source="current_version.event_count", default=0)
    extent = AreaField(source="current_version.extent", default=None, allow_null=True)
    first_at = TimeField(source="current_version.first_at", default=None, allow_null=True)
    last_at = TimeField(source="current_version.last_at", default=None, allow_null=True)
    precision_counts = serializers.DictField(
        source="current_version.precision_counts", child=serializers.IntegerField(), default=dict
    )
    quality_score = serializers.SerializerMethodField()
    created_by = PersonOut(allow_null=True)

    class Meta:
        model = Dataset
        fields = [
            "id", "name", "description", "zone", "area", "status", "importing", "current_version",
            "event_count", "extent", "first_at", "last_at", "precision_counts", "privacy_k", "keep_versions",
            "quality_score", "created_by", "created_at", "updated_at",
        ]  # fmt: skip

    def get_quality_score(self, row: Dataset) -> float | None:
        """Return the score of the current version's quality report, 0..100."""
        return row.current_version.quality.get("score") if row.current_version else None


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "object"}]})
class MappingField(serializers.JSONField):
    """Which column holds what; the service checks it against the file."""


@extend_schema_field({"type": "object"})
class ObjectField(serializers.JSONField):
    """A JSON object that the service checks."""


class ImportIn(StrictSerializer):
    """Import options; the service settles the defaults."""

    mode = serializers.ChoiceField(choices=ImportMode.choices, required=False)
    partition = serializers.CharField(max_length=PARTITION_MAX_CHARS, required=False, allow_null=True)
    mapping = MappingField(required=False, help_text="`auto`, the id of a profile, or a mapping.")
    dialect = ObjectField(required=False, allow_null=True)
    member_pattern = serializers.CharField(max_length=255, required=False, allow_null=True)
    duplicates = serializers.ChoiceField(choices=DuplicatePolicy.choices, required=False)
    reject_limit = serializers.FloatField(min_value=0, max_value=1, required=False)
    dry_run = serializers.BooleanField(required=False)
    force = serializers.BooleanField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `source` is a word of serializers and cannot be declared like the others."""
        return {"source": ImportSourceIn(required=False, allow_null=True), **super().get_fields()}


class DatasetIn(ImportIn):
    """A new dataset, with the options of its first import."""

    name = serializers.CharField(max_length=255, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    zone = serializers.CharField(max_length=64, required=False)
    area = AreaField(required=False, allow_null=True)
    privacy_k = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    keep_versions = serializers.IntegerField(min_value=1, max_value=50, required=False)


class DatasetPatch(StrictSerializer):
    """A change of a dataset."""

    name = serializers.CharField(max_length=255, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    zone = serializers.CharField(max_length=64, required=False)
    area = AreaField(required=False, allow_null=True)
    privacy_k = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    keep_versions = serializers.IntegerField(min_value=1, max_value=50, required=False)


class RejectCount(serializers.Serializer[Any]):
    """How many rows were rejected for one reason in one column."""

    code = serializers.CharField()
    column = serializers.CharField(allow_null=True)
    n = serializers.IntegerField()


class JobError(serializers.Serializer[Any]):
    """Why a job failed."""

    code = serializers.CharField()
    detail = serializers.CharField()


class ImportOut(OutSerializer):
    """An import: a job with four counts that always reconcile."""

    dataset = serializers.UUIDField(source="dataset_id")
    version = serializers.IntegerField(source="version.number", default=None, allow_null=True)
    reject_counts = RejectCount(many=True)
    warnings = serializers.DictField(child=serializers.IntegerField())
    rows_per_s = serializers.SerializerMethodField()
    eta_s = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    created_by = PersonOut(allow_null=True)

    class Meta:
        model = Import
        fields = [
            "id", "dataset", "mode", "options", "mapping", "dialect", "status", "stage", "progress",
            "outcome", "version", "rows_read", "accepted", "rejected", "duplicates", "blank_lines",
            "reject_counts", "warnings", "rows_per_s", "eta_s", "error", "attempt", "max_attempts",
            "cancel_requested_at", "created_by", "created_at", "started_at", "finished_at",
        ]  # fmt: skip

    def get_rows_per_s(self, row: Import) -> float | None:
        """Return how fast rows are, or were, read."""
        return self._pace(row).rows_per_s

    def get_eta_s(self, row: Import) -> float | None:
        """Return how long the import may still take."""
        return self._pace(row).eta_s

    @extend_schema_field(JobError(allow_null=True))
    def get_error(self, row: Import) -> dict[str, str] | None:
        """Return why the import failed."""
        if row.status != JobStatus.FAILED:
            return None
        return {"code": row.error_code, "detail": row.error_detail}

    def _pace(self, row: Import) -> Pace:
        return pace(row, timezone.now())


class StartedOut(serializers.Serializer[Any]):
    """A dataset and the import that fills it."""

    dataset = DatasetOut()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `import` is a word of Python and cannot be declared like the other."""
        return {**super().get_fields(), "import": ImportOut(source="started")}


class ImportFileOut(OutSerializer):
    """One file of an import; an archive's member is a file of its own."""

    sha256 = serializers.SerializerMethodField()

    class Meta:
        model = ImportFile
        fields = [
            "file_no", "name", "member", "bytes", "sha256", "dialect", "header", "rows_read", "accepted",
            "rejected", "duplicates", "blank_lines", "state",
        ]  # fmt: skip

    def get_sha256(self, row: ImportFile) -> str:
        """Return the digest in hexadecimal."""
        return bytes(row.sha256).hex()


class MappingIn(StrictSerializer):
    """The decision that a waiting import needs."""

    mapping = MappingField()
    dialect = ObjectField(required=False, allow_null=True)
    save_as = serializers.CharField(
        max_length=120, required=False, help_text="The name of a profile to make of it."
    )


class RejectOut(OutSerializer):
    """A row that was not accepted; `raw` is base64 of its bytes in the file."""

    column = serializers.CharField(source="column_name", allow_null=True)
    raw = serializers.SerializerMethodField()

    class Meta:
        model = Reject
        fields = [
            "seq", "kind", "file_no", "record", "line", "line_end", "byte_offset", "column", "code", "also",
            "detail", "raw", "raw_truncated", "kept_line",
        ]  # fmt: skip

    def get_raw(self, row: Reject) -> str:
        """Return the bytes in base64."""
        return base64.b64encode(bytes(row.raw)).decode()


class VersionOut(OutSerializer):
    """A version's facts."""

    is_current = serializers.SerializerMethodField()
    quality_score = serializers.SerializerMethodField()
    extent = AreaField(allow_null=True)
    precision_counts = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = Version
        fields = [
            "number", "is_current", "event_count", "extent", "first_at", "last_at",
            "precision_counts", "occupied", "changed_from", "changed_to", "mapping", "quality_score",
            "published_at", "dropped_at",
        ]  # fmt: skip

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; `import` is a word of Python and `parent` one of serializers."""
        return {
            **super().get_fields(),
            "parent": serializers.IntegerField(source="parent.number", default=None, allow_null=True),
            "import": serializers.UUIDField(source="source_import_id", allow_null=True),
        }

    def get_is_current(self, row: Version) -> bool:
        """Tell whether maps read this version now."""
        return row.dataset.current_version_id == row.pk

    def get_quality_score(self, row: Version) -> float | None:
        """Return the score of the quality report, 0..100."""
        score: float | None = row.quality.get("score")
        return score


class RowsByName(serializers.Serializer[Any]):
    """Rows added and removed under one name."""

    name = serializers.CharField(allow_null=True)
    added = serializers.IntegerField()
    removed = serializers.IntegerField()


class DiffOut(serializers.Serializer[Any]):
    """What a version changed against its parent; kept rows lie in segments that both list."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    kept = serializers.IntegerField()
    by_partition = RowsByName(many=True)
    by_category = RowsByName(many=True)


class VersionDetailOut(VersionOut):
    """A version's facts and its diff to the parent."""

    diff = DiffOut()

    class Meta(VersionOut.Meta):
        fields = [*VersionOut.Meta.fields, "diff"]


class CategoryOut(OutSerializer):
    """A category or label of the current version."""

    count = serializers.IntegerField()

    class Meta:
        model = Term
        fields = ["no", "text", "count", "aliases"]


class CategoryPatch(StrictSerializer):
    """Other names of a category, as questions may use them."""

    aliases = serializers.ListField(child=serializers.CharField(max_length=200), max_length=20)


class TermOut(OutSerializer):
    """A category with its other names."""

    class Meta:
        model = Term
        fields = ["no", "text", "aliases"]


class RejectQuery(serializers.Serializer[Any]):
    """How evidence is sent."""

    format = serializers.ChoiceField(choices=["json", "csv", "ndjson", "raw"], default="json")


class ImportForm(serializers.Serializer[Any]):
    """An import as multipart/form-data."""

    meta = ImportIn(required=False)
    file = serializers.ListField(child=serializers.FileField(), min_length=1, max_length=100)


class DatasetForm(serializers.Serializer[Any]):
    """A dataset and its first files as multipart/form-data."""

    meta = DatasetIn(required=False)
    file = serializers.ListField(child=serializers.FileField(), min_length=1, max_length=100)


class ProposalOut(serializers.Serializer[Any]):
    """What was found in the first file of a waiting import, and what is suggested."""

    file = serializers.CharField(source="file.name")
    dialect = serializers.SerializerMethodField()
    encoding = serializers.SerializerMethodField()
    header = serializers.ListField(source="inspection.header", child=serializers.CharField())
    preview = serializers.SerializerMethodField()
    suggestion = serializers.SerializerMethodField()
    sample = serializers.SerializerMethodField()

    def get_dialect(self, found: Proposal) -> dict[str, Any]:
        """Return the dialect that was found."""
        return found.inspection.dialect.to_json()

    def get_encoding(self, found: Proposal) -> dict[str, Any]:
        """Return the encoding, whether it is sure, and why."""
        encoding = found.inspection.encoding
        return {"name": encoding.name, "decided": encoding.is_decided, "evidence": encoding.evidence}

    def get_preview(self, found: Proposal) -> list[list[str]]:
        """Return the first rows as they stand."""
        return [list(row) for row in found.inspection.preview]

    def get_suggestion(self, found: Proposal) -> dict[str, Any]:
        """Return mapping, scores, evidence and what is open."""
        return found.suggestion.to_json()

    def get_sample(self, found: Proposal) -> dict[str, Any] | None:
        """Return what the suggested mapping makes of the sample."""
        return found.outcome
