"""Mirrors of git repositories: their runs, what was published, old tips, credentials."""

from typing import Final

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.projects.models.project import PartQuerySet, Project
from apps.projects.states import MirrorState, RefKind, RunKind, RunOutcome, RunTrigger

LIVE: Final = Q(status__in=[JobStatus.QUEUED, JobStatus.WAITING, JobStatus.RUNNING])
# Of these a mirror has one at a time: they write its repository or publish.
WRITING_KINDS: Final = (RunKind.CLONE, RunKind.FETCH, RunKind.RECLONE, RunKind.MANIFEST)


class Credential(Row):
    """A secret for one host and port, sealed; used for that address alone."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=10, default="https")
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=443)
    label = models.CharField(max_length=80)
    username = models.CharField(max_length=255, default="", blank=True)
    # Sealed for organization, project, id and host:port (see `vault`), so that it opens nowhere else.
    ciphertext = models.BinaryField()
    last4 = models.CharField(max_length=4, default="", blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_result = models.CharField(max_length=40, default="", blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_credential"
        constraints = [
            models.UniqueConstraint(fields=["project", "label"], name="projects_credential_label_unique")
        ]

    def __str__(self) -> str:
        return self.label


class Mirror(Row):
    """A bare copy of a remote repository, and which state of it is published.

    `generation` names the repository that is read (0: none yet), `snapshot` the fence whose
    refs/snapshots/<snapshot>/ are published (0: nothing yet), `fence` is raised by every claim of a writing
    run. `head_ref` is `heads/<branch>` of the published `head_commit`; both empty without a tracked commit.
    `rewritten` is [{ref, old, new, at}], `lfs` {files, bytes}. `error_cause` is for operators only.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="mirror")
    url = models.CharField(max_length=2_048)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField()
    credential = models.ForeignKey(
        Credential, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.TextField(choices=MirrorState.choices, default=MirrorState.NEW)
    default_branch = models.CharField(max_length=255, default="", blank=True)
    head_ref = models.CharField(max_length=300, default="", blank=True)
    head_commit = models.CharField(max_length=64, default="", blank=True)
    index_commit = models.CharField(max_length=64, default="", blank=True)
    ref_count = models.PositiveIntegerField(default=0)
    file_count = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    # None: PROJECTS_MIRROR_MAX_BYTES.
    quota_bytes = models.BigIntegerField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)
    snapshot = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    refs_digest = models.BinaryField(default=b"", blank=True)
    missing_objects = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    last_synced_at = models.DateTimeField(null=True, blank=True)
    last_changed_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    recloned_at = models.DateTimeField(null=True, blank=True)
    next_due_at = models.DateTimeField(null=True, blank=True)
    due_reason = models.CharField(max_length=20, default="", blank=True)
    rewritten = models.JSONField(default=list, blank=True)
    lfs = models.JSONField(default=dict, blank=True)
    error_code = models.TextField(default="", blank=True)
    error_detail = models.CharField(max_length=500, default="", blank=True)
    error_cause = models.CharField(max_length=500, default="", blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    unlinked_at = models.DateTimeField(null=True, blank=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_mirror"
        constraints = [status_check("projects_mirror_state", "state", MirrorState)]
        indexes = [models.Index(fields=["next_due_at"], name="projects_mirror_due")]

    def __str__(self) -> str:
        return f"mirror of {self.project_id}"


class MirrorRun(Row, JobState):
    """One job on a mirror.

    `refs` counts {added, updated, deleted, rewritten}; `ref_changes` is [{ref, old, new,
    forced}], at most 200.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="runs")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.TextField(choices=RunKind.choices)
    trigger = models.TextField(choices=RunTrigger.choices, default=RunTrigger.USER)
    is_override = models.BooleanField(default=False)
    fence = models.BigIntegerField(default=0)
    outcome = models.TextField(choices=RunOutcome.choices, default="", blank=True)
    commit_before = models.CharField(max_length=64, default="", blank=True)
    commit_after = models.CharField(max_length=64, default="", blank=True)
    refs = models.JSONField(default=dict, blank=True)
    ref_changes = models.JSONField(default=list, blank=True)
    bytes_received = models.BigIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    generation = models.PositiveIntegerField(default=0)
    manifest_version = models.PositiveIntegerField(null=True, blank=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_run"
        constraints = [
            models.UniqueConstraint(
                fields=["mirror"],
                condition=LIVE & Q(kind__in=WRITING_KINDS),
                name="projects_run_one_writing",
            ),
            status_check("projects_run_status", "status", JobStatus),
            status_check("projects_run_kind", "kind", RunKind),
        ]
        indexes = [models.Index(fields=["mirror", "-created_at", "-id"], name="projects_run_by_mirror")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.mirror_id}"


class ArchivedTip(Row):
    """A tip that the remote rewrote or deleted, kept readable as refs/sextant/archive/<number>."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="archived_tips")
    number = models.PositiveIntegerField()
    ref = models.CharField(max_length=300)
    commit = models.CharField(max_length=64)
    reason = models.CharField(max_length=20)
    expires_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_archived_tip"
        constraints = [
            models.UniqueConstraint(fields=["mirror", "number"], name="projects_archived_tip_number"),
            models.UniqueConstraint(fields=["mirror", "ref", "commit"], name="projects_archived_tip_commit"),
        ]

    def __str__(self) -> str:
        return f"archived/{self.number}"


class Ref(models.Model):
    """A published branch or tag by its name below `refs/`, say `heads/main`.

    What of the name is no UTF-8 is percent-escaped.

    `commit` is what a tag leads to in the end, `target` what the ref itself names.
    """

    pk = models.CompositePrimaryKey("organization_id", "project_id", "name")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=1_024)
    kind = models.TextField(choices=RefKind.choices)
    commit = models.CharField(max_length=64)
    target = models.CharField(max_length=64)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_ref"
        constraints = [status_check("projects_ref_kind", "kind", RefKind)]

    def __str__(self) -> str:
        return self.name
