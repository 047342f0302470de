"""Bundles: the zip archives that sessions share."""

from django.db import models

from apps.accounts.models import Organization, User
from apps.common.db import JobState, JobStatus, Row, status_check
from apps.previews.models.session import Session, SessionPartQuerySet


class Bundle(Row, JobState):
    """One upload of a session, and the job that validates it.

    `storage_key` is where the bytes lie, empty once they are deleted. `entry` is the path that opens first,
    empty where the platform needs none.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="bundles")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    revision = models.PositiveIntegerField()
    storage_key = models.CharField(max_length=255, default="", blank=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    expanded_bytes = models.PositiveBigIntegerField(default=0)
    entries = models.PositiveIntegerField(default=0)
    entry = models.CharField(max_length=255, default="", blank=True)

    objects = SessionPartQuerySet.as_manager()

    class Meta:
        db_table = "previews_bundle"
        constraints = [
            models.UniqueConstraint(fields=["session", "revision"], name="previews_bundle_revision"),
            status_check("previews_bundle_status", "status", JobStatus),
        ]
        indexes = [
            models.Index(
                fields=["storage_key"], condition=~models.Q(storage_key=""), name="previews_bundle_object"
            )
        ]

    def __str__(self) -> str:
        return f"revision {self.revision} of {self.session_id}"
