"""Code jobs: documentation, explanations, suggestions."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.projects.models.content import Manifest
from apps.projects.models.mirror import LIVE
from apps.projects.models.project import PartQuerySet, Project
from apps.projects.states import CodeJobType, Completeness, Engine


class CodeJob(Row, JobState):
    """A job that reads code of one manifest and says something about it.

    `request` is {targets, selection, instructions, client} as it was asked; `input_digest` is the SHA-256 of
    all that makes two requests equal. A result over 256 KiB lies in the storage under `storage_key`.
    `source_blobs` is {path: blob id} of what the result rests on: it is stale once one differs.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="code_jobs")
    manifest = models.ForeignKey(Manifest, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    type = models.TextField(choices=CodeJobType.choices)
    engine = models.TextField(choices=Engine.choices, default=Engine.AUTO)
    request = models.JSONField(default=dict)
    input_digest = models.BinaryField()
    cache_key = models.BinaryField(default=b"", blank=True)
    commit = models.CharField(max_length=64)
    outcome = models.TextField(choices=Completeness.choices, default="", blank=True)
    is_degraded = models.BooleanField(default=False)
    result = models.JSONField(null=True, blank=True)
    storage_key = models.CharField(max_length=255, default="", blank=True)
    source_blobs = models.JSONField(default=dict)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "projects_code_job"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "input_digest"], condition=LIVE, name="projects_code_job_live"
            ),
            status_check("projects_code_job_status", "status", JobStatus),
            status_check("projects_code_job_type", "type", CodeJobType),
        ]
        indexes = [
            models.Index(fields=["project", "type", "id"], name="projects_code_job_by_type"),
            models.Index(
                fields=["organization", "cache_key"],
                condition=~Q(cache_key=b""),
                name="projects_code_job_cache",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.project_id}"
