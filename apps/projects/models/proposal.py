"""Rename proposals, their files, and their application."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.projects.models.content import Manifest
from apps.projects.models.project import PartQuerySet, Project
from apps.projects.states import Completeness, Decision, ProposalState, RenameKind, RenameMode


class Proposal(Row, JobState):
    """A rename that was asked for; the job is its analysis, `state` its own way.

    `request` is what was asked ({symbol, include, exclude, options}), `symbol` what was found ({name,
    qualified_name, kind, path, line, column}). `counts` is {files, certain, unsure, refused, residual,
    unscanned}; `conflicts` is [{code, path, line, detail}]; `residual` [{path, line, column, text, reason}];
    `unscanned` [{path, reason}]; `scanned` {path: blob id}, by which a later publication makes it stale.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="proposals")
    manifest = models.ForeignKey(Manifest, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.TextField(choices=ProposalState.choices, default=ProposalState.ANALYSING)
    kind = models.TextField(choices=RenameKind.choices, default=RenameKind.SYMBOL)
    mode = models.TextField(choices=RenameMode.choices, default=RenameMode.SEMANTIC)
    request = models.JSONField(default=dict)
    symbol = models.JSONField(default=dict)
    new_name = models.CharField(max_length=255)
    base_ref = models.CharField(max_length=300)
    base_commit = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    conflicts = models.JSONField(default=list)
    residual = models.JSONField(default=list)
    unscanned = models.JSONField(default=list)
    scanned = models.JSONField(default=dict)
    outcome = models.TextField(choices=Completeness.choices, default="", blank=True)
    proposal_digest = models.BinaryField(default=b"", blank=True)
    # Raised by every decision; what If-Match compares.
    version = models.PositiveIntegerField(default=1)
    lineage_depth = models.PositiveSmallIntegerField(default=0)
    parent = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="child"
    )
    applied_commit = models.CharField(max_length=64, default="", blank=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_proposal"
        constraints = [
            status_check("projects_proposal_status", "status", JobStatus),
            status_check("projects_proposal_state", "state", ProposalState),
            status_check("projects_proposal_kind", "kind", RenameKind),
            status_check("projects_proposal_mode", "mode", RenameMode),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(status=JobStatus.RUNNING),
                name="projects_proposal_one_running",
            ),
        ]
        indexes = [models.Index(fields=["project", "state"], name="projects_proposal_by_state")]

    def __str__(self) -> str:
        return f"rename to {self.new_name}"


class ProposalFile(models.Model):
    """A file that a proposal changes.

    `edits` is [{id, bucket, reason, group, line, column, start, end, before, after, selected}]: offsets are
    bytes in the blob, `before` and `after` text, lines and columns from 1, columns in code points.
    """

    pk = models.CompositePrimaryKey("organization_id", "proposal_id", "ordinal")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="files")
    ordinal = models.PositiveIntegerField()
    path = models.BinaryField()
    path_hash = models.BinaryField()
    # Where a module itself is renamed: the file's new path.
    new_path = models.BinaryField(default=b"", blank=True)
    blob = models.CharField(max_length=64)
    encoding = models.CharField(max_length=40)
    decision = models.TextField(choices=Decision.choices, default=Decision.PENDING)
    edits = models.JSONField(default=list)

    class Meta:
        db_table = "projects_proposal_file"
        constraints = [status_check("projects_proposal_file_decision", "decision", Decision)]

    def __str__(self) -> str:
        return bytes(self.path).decode("utf-8", "replace")


class Application(Row, JobState):
    """The job that makes the one commit of a proposal, from exactly the patch that was previewed."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="applications")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    patch_digest = models.BinaryField()
    tree_id = models.CharField(max_length=64)
    # The patch in the storage: the commit can be made again from it, with the same id.
    storage_key = models.CharField(max_length=255)
    message = models.CharField(max_length=500)
    # `Name <address>` of the approver as it stood then: what makes the commit's id reproducible.
    author = models.CharField(max_length=600)
    approved_at = models.DateTimeField()
    commit = models.CharField(max_length=64, default="", blank=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_application"
        constraints = [
            models.UniqueConstraint(
                fields=["proposal"],
                condition=~Q(status__in=[JobStatus.FAILED, JobStatus.CANCELLED]),
                name="projects_application_one",
            ),
            status_check("projects_application_status", "status", JobStatus),
        ]

    def __str__(self) -> str:
        return f"application of {self.proposal_id}"
