"""What goes in and out about manifests."""

import base64
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.pagination import PAGE_SIZE, PAGE_SIZE_MAX
from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.projects.manifests.signing import ALGORITHM
from apps.projects.models import Manifest
from apps.projects.reading.paths import path_key, shown_path
from apps.projects.states import FileKind, ManifestState

COMMIT_CHARS = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
VERSION_MAX = 2**31 - 1
PATH_MAX_CHARS = 4_096
LANGUAGE_MAX_CHARS = 40


@extend_schema_field(str)
class HexField(serializers.Field[Any, Any, str, Any]):
    """Bytes as hex; written only."""

    def to_representation(self, value: Any) -> str:
        """Return the hex digits."""
        return bytes(value).hex()


@extend_schema_field(str)
class Base64Field(serializers.Field[Any, Any, str, Any]):
    """Bytes as base64; written only."""

    def to_representation(self, value: Any) -> str:
        """Return the text."""
        return base64.b64encode(bytes(value)).decode()


class VersionParameters(StrictSerializer):
    """Which version: by default the current one; of a commit the newest."""

    version = serializers.IntegerField(required=False, min_value=1, max_value=VERSION_MAX)
    commit = serializers.RegexField(COMMIT_CHARS, required=False)


class ManifestEntryParameters(VersionParameters):
    """Which entries of which version."""

    prefix = serializers.CharField(
        required=False, max_length=PATH_MAX_CHARS, trim_whitespace=False, help_text="How the path begins."
    )
    kind = serializers.ListField(child=serializers.ChoiceField(FileKind.choices), required=False)
    language = serializers.ListField(
        child=serializers.CharField(max_length=LANGUAGE_MAX_CHARS), required=False
    )
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)
    cursor = serializers.CharField(required=False, help_text="From `next`; it keeps the version.")


class ManifestDiffParameters(StrictSerializer):
    """Between which versions."""

    to = serializers.IntegerField(
        required=False, min_value=1, max_value=VERSION_MAX, help_text="By default the current one."
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, with one whose name is a word of the language."""
        return {"from": serializers.IntegerField(min_value=1, max_value=VERSION_MAX), **super().get_fields()}


class ManifestOut(OutSerializer):
    """A version of a manifest."""

    version = serializers.IntegerField(source="number")
    state = serializers.ChoiceField(ManifestState.choices)
    digest = HexField(help_text="SHA-256 of the document's bytes, hex.")
    signature = Base64Field(
        help_text="Ed25519 over `sextant-manifest/1`, a line end and the digest in hex; base64."
    )
    header = serializers.JSONField(help_text="The first line of the document.")
    facts = serializers.SerializerMethodField(help_text="What changes without a new version.")

    class Meta:
        model = Manifest
        fields = (
            "version",
            "state",
            "commit",
            "ref",
            "digest",
            "key_id",
            "signature",
            "size_bytes",
            "header",
            "facts",
            "created_at",
        )

    def get_facts(self, row: Manifest) -> dict[str, Any]:
        """Return the facts beside the document, of the current version with the last sync."""
        mirror = getattr(row.project, "mirror", None)
        is_current = row.state == ManifestState.CURRENT and mirror is not None
        synced_at = mirror.last_synced_at if is_current and mirror is not None else None
        shown = TimeField().to_representation(synced_at) if synced_at is not None else None
        return {**row.facts, "last_synced_at": shown}


class ManifestEntryOut(serializers.Serializer[Any]):
    """An entry of a manifest; null where the document says nothing."""

    path = serializers.SerializerMethodField(help_text="Null if it is not UTF-8.")
    path_key = serializers.SerializerMethodField(help_text="base64url of the path's bytes.")
    kind = serializers.ChoiceField(FileKind.choices)
    mode = serializers.CharField()
    blob_id = serializers.CharField(source="blob")
    sha256 = serializers.SerializerMethodField()
    size_bytes = serializers.IntegerField(source="size", allow_null=True)
    lines = serializers.IntegerField(allow_null=True)
    language = serializers.SerializerMethodField()
    encoding = serializers.SerializerMethodField()
    eol = serializers.SerializerMethodField()
    symbols = serializers.SerializerMethodField(help_text="SHA-256 over the definition lines, hex.")
    is_binary = serializers.BooleanField(source="binary")
    is_generated = serializers.BooleanField(source="generated")
    is_vendored = serializers.BooleanField(source="vendored")
    is_excluded = serializers.BooleanField(source="excluded")

    def get_path(self, row: Any) -> str | None:
        """Return the path as text."""
        return shown_path(row.raw_path)

    def get_path_key(self, row: Any) -> str:
        """Return the key that names the path."""
        return path_key(row.raw_path)

    def get_sha256(self, row: Any) -> str | None:
        """Return the digest of the content."""
        return row.sha256 or None

    def get_language(self, row: Any) -> str | None:
        """Return the language."""
        return row.language or None

    def get_encoding(self, row: Any) -> str | None:
        """Return the encoding."""
        return row.encoding or None

    def get_eol(self, row: Any) -> str | None:
        """Return the kind of line ends."""
        return row.eol or None

    def get_symbols(self, row: Any) -> str | None:
        """Return the digest of the definitions."""
        return row.symbols or None


class ManifestEntryPageOut(serializers.Serializer[Any]):
    """A page of entries by the bytes of their paths; `previous` is always null."""

    version = serializers.IntegerField()
    commit = serializers.CharField(allow_null=True)
    results = ManifestEntryOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ManifestChangeOut(serializers.Serializer[Any]):
    """What became of one path."""

    path = serializers.SerializerMethodField(help_text="Null if it is not UTF-8.")
    path_key = serializers.SerializerMethodField()
    old_path = serializers.SerializerMethodField(help_text="Where a renamed file lay.")
    old_path_key = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(FileKind.choices)
    old_blob_id = serializers.SerializerMethodField()
    blob_id = serializers.SerializerMethodField()

    def get_path(self, row: Any) -> str | None:
        """Return the path as text."""
        return shown_path(row.path)

    def get_path_key(self, row: Any) -> str:
        """Return the key that names the path."""
        return path_key(row.path)

    def get_old_path(self, row: Any) -> str | None:
        """Return the old path as text."""
        return shown_path(row.old_path) if row.old_path is not None else None

    def get_old_path_key(self, row: Any) -> str | None:
        """Return the key that names the old path."""
        return path_key(row.old_path) if row.old_path is not None else None

    def get_old_blob_id(self, row: Any) -> str | None:
        """Return the blob that was there."""
        return row.old_blob or None

    def get_blob_id(self, row: Any) -> str | None:
        """Return the blob that is there."""
        return row.blob or None


class ManifestChangeCountsOut(serializers.Serializer[Any]):
    """How many paths changed, whole even where a list is cut."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    renamed = serializers.IntegerField()


class ManifestDiffOut(serializers.Serializer[Any]):
    """What changed between two versions, each list by the bytes of its paths."""

    from_version = serializers.IntegerField(source="older.number")
    to_version = serializers.IntegerField(source="newer.number")
    counts = ManifestChangeCountsOut()
    added = ManifestChangeOut(many=True)
    removed = ManifestChangeOut(many=True)
    changed = ManifestChangeOut(many=True)
    renamed = ManifestChangeOut(many=True)
    truncated = serializers.BooleanField(source="is_truncated", help_text="A list holds 2,000 at most.")


class ManifestKeyOut(serializers.Serializer[Any]):
    """A key that verifies manifests."""

    key_id = serializers.CharField()
    algorithm = serializers.ChoiceField([(ALGORITHM, ALGORITHM)])
    public_key = serializers.CharField(help_text="The 32 bytes of the key, base64.")
    active = serializers.BooleanField(help_text="Whether new manifests are signed with it.")


class ManifestKeysOut(serializers.Serializer[Any]):
    """All keys that verify manifests, the active one first."""

    results = ManifestKeyOut(many=True)
