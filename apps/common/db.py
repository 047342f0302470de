"""Abstract rows: identity and timestamps, organization, job state."""

import uuid

import uuid_utils.compat
from django.db import models
from django.db.models.functions import Now


def uuid7() -> uuid.UUID:
    """Return a new time-ordered UUID (version 7, RFC 9562); made here, so it is known before INSERT."""
    return uuid_utils.compat.uuid7()


class Row(models.Model):
    """A row with a UUIDv7 key and its times, set by the service's clock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True


class JobStatus(models.TextChoices):
    """Where a job stands; the table of moves is in `jobs.py`."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing moves the job any more but a retry."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}


class JobState(models.Model):
    """The columns of a job, on its owner's row. The row is the truth, the broker only a nudge.

    `lease_token` changes with every claim; a worker's writes carry it in their WHERE, so that a paused
    worker that wakes up late matches no row.
    """

    status = models.TextField(choices=JobStatus.choices, default=JobStatus.QUEUED)
    stage = models.TextField(default="", blank=True)
    progress = models.FloatField(default=0.0)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=5)
    workers_lost = models.PositiveSmallIntegerField(default=0)
    queue = models.TextField(default="default")
    priority = models.SmallIntegerField(default=5)
    run_after = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    error_code = models.TextField(default="", blank=True)
    error_detail = models.CharField(max_length=500, default="", blank=True)
    error_trace = models.TextField(default="", blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    discarded_at = models.DateTimeField(null=True, blank=True)
    request_id = models.TextField(default="", blank=True)
    # The key that started the job, if a key did: without a reference, as `common` knows no tables.
    initiator_key_id = models.UUIDField(null=True, blank=True)

    class Meta:
        abstract = True


def status_check(name: str, field: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    """Return the named CHECK that a text column holds one of `choices`."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": choices.values}), name=name)
