"""What is in the published state: manifests, files, facts of blobs, symbols.

All large tables lead every key with the organization, by which Citus distributes them.
"""

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Lower

from apps.accounts.models import Organization
from apps.common.db import Row, status_check
from apps.projects.models.project import PartQuerySet, Project
from apps.projects.states import FileKind, ManifestState


class Manifest(Row):
    """A signed list of the files of one commit; the document itself lies in the storage.

    `digest` is the SHA-256 of its bytes, `signature` the Ed25519 signature (64 bytes) by the key `key_id`.
    `header` is the document's first line, `facts` what stands beside it.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="manifests")
    number = models.PositiveIntegerField()
    state = models.TextField(choices=ManifestState.choices, default=ManifestState.BUILDING)
    commit = models.CharField(max_length=64, default="", blank=True)
    ref = models.CharField(max_length=300, default="", blank=True)
    generator = models.CharField(max_length=40)
    settings_digest = models.BinaryField()
    digest = models.BinaryField(default=b"")
    key_id = models.CharField(max_length=40, default="", blank=True)
    signature = models.BinaryField(default=b"")
    storage_key = models.CharField(max_length=255, default="", blank=True)
    size_bytes = models.BigIntegerField(default=0)
    header = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_manifest"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="projects_manifest_number"),
            models.UniqueConstraint(
                fields=["project", "commit", "ref", "generator", "settings_digest"],
                name="projects_manifest_identity",
            ),
            status_check("projects_manifest_state", "state", ManifestState),
        ]

    def __str__(self) -> str:
        return f"{self.project_id} v{self.number}"


class File(models.Model):
    """An entry of the published tree, folders among them; paths are bytes, keyed by their SHA-256.

    `parent_hash` is that of the folder's path (of b"" at the root), `ordinal` the place in its listing:
    folders first, then by bytes. `blob` is a tree's id for a folder, a commit's for a submodule.
    """

    pk = models.CompositePrimaryKey("organization_id", "project_id", "path_hash")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    path_hash = models.BinaryField()
    path = models.BinaryField()
    parent_hash = models.BinaryField()
    ordinal = models.PositiveIntegerField()
    kind = models.TextField(choices=FileKind.choices)
    mode = models.CharField(max_length=6)
    blob = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField(null=True)
    language = models.CharField(max_length=40, default="", blank=True)
    is_generated = models.BooleanField(default=False)
    is_vendored = models.BooleanField(default=False)
    is_excluded = models.BooleanField(default=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_file"
        constraints = [status_check("projects_file_kind", "kind", FileKind)]
        indexes = [
            models.Index(
                fields=["organization", "project", "parent_hash", "ordinal"], name="projects_file_listing"
            ),
            models.Index(fields=["organization", "project", "blob"], name="projects_file_by_blob"),
        ]

    def __str__(self) -> str:
        return bytes(self.path).decode("utf-8", "replace")


class BlobFact(models.Model):
    """What the bytes of a blob say, by one generator; equal for all names it has.

    `encoding` is ascii, utf-8, utf-16le, utf-16be, a Python cookie's, or unknown-8bit; `eol` lf, crlf, cr,
    mixed or none. `symbols` is {language: hex of SHA-256}; `lfs` the size that a pointer names.
    """

    pk = models.CompositePrimaryKey("organization_id", "blob", "generator")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    blob = models.CharField(max_length=64)
    generator = models.CharField(max_length=40)
    size_bytes = models.BigIntegerField()
    sha256 = models.BinaryField()
    lines = models.PositiveIntegerField(null=True)
    encoding = models.CharField(max_length=40, default="", blank=True)
    eol = models.CharField(max_length=5, default="none")
    has_bom = models.BooleanField(default=False)
    is_binary = models.BooleanField(default=False)
    shebang = models.CharField(max_length=80, default="", blank=True)
    lfs_size_bytes = models.BigIntegerField(null=True)
    symbols = models.JSONField(default=dict)

    class Meta:
        db_table = "projects_blob_fact"

    def __str__(self) -> str:
        return self.blob


class Symbol(models.Model):
    """A definition in a text blob; `line_start` to `line_end` count from 1, both included."""

    pk = models.CompositePrimaryKey("organization_id", "project_id", "blob", "ordinal")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    blob = models.CharField(max_length=64)
    ordinal = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    qualified_name = models.CharField(max_length=1_024)
    kind = models.CharField(max_length=20)
    line_start = models.PositiveIntegerField()
    line_end = models.PositiveIntegerField()
    signature = models.CharField(max_length=2_000, default="", blank=True)
    has_docstring = models.BooleanField(default=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_symbol"
        indexes = [
            models.Index(
                "organization",
                "project",
                OpClass(Lower("name"), name="text_pattern_ops"),
                name="projects_symbol_by_name",
            )
        ]

    def __str__(self) -> str:
        return self.qualified_name
