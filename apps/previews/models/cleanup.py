"""What clean-up did: one event per session and stage, and what each run found."""

from django.db import models

from apps.accounts.models import Organization
from apps.common.db import Row, status_check
from apps.previews.models.session import Session, SessionPartQuerySet
from apps.previews.states import Stage


class CleanupEvent(Row):
    """That a session entered a stage: once, whoever else tried."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events")
    stage = models.TextField(choices=Stage.choices)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    objects = SessionPartQuerySet.as_manager()

    class Meta:
        db_table = "previews_cleanup_event"
        constraints = [
            models.UniqueConstraint(fields=["session", "stage"], name="previews_cleanup_event_unique"),
            status_check("previews_cleanup_event_stage", "stage", Stage),
        ]

    def __str__(self) -> str:
        return f"{self.stage} of {self.session_id}"


class CleanupRun(Row):
    """One run of clean-up over the whole installation; `report` is what it did, or would do, by stage."""

    at = models.DateTimeField()
    dry_run = models.BooleanField(default=False)
    failed = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict)

    class Meta:
        db_table = "previews_cleanup_run"
        indexes = [models.Index(fields=["-at"], name="previews_cleanup_run_newest")]

    def __str__(self) -> str:
        return f"clean-up at {self.at:%Y-%m-%d %H:%M}"
