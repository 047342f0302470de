"""Sessions: one preview, from its creation to its receipt."""

import datetime as dt
from typing import Any, Self

from django.db import models
from django.db.models import Case, F, Q, Value, When

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.previews.states import ENDED, LIVE, Access, Platform, SessionStatus, Stage, UploadStep
from apps.projects.models import Project


def upload_at(*steps: UploadStep, prefix: str = "") -> Q:
    """Return the condition that the upload of the session behind `prefix` has come to one of the steps.

    Of a session that is not ready yet this is its status. Beside a ready one it is `next_status`, and what is
    ready serves on.
    """
    first = Q(**{f"{prefix}status__in": steps})
    return first | Q(**{f"{prefix}status": SessionStatus.READY, f"{prefix}next_status__in": steps})


def columns_at(step: UploadStep) -> dict[str, Any]:
    """Return the columns that move the upload of live sessions to a step, for the one UPDATE that decides.

    By what stands in the row at that moment: nobody has to know before which of the two uploads it is.
    """
    is_ready, text = Q(status=SessionStatus.READY), models.TextField()
    return {
        "status": Case(When(is_ready, then=F("status")), default=Value(step.value), output_field=text),
        "next_status": Case(When(is_ready, then=Value(step.value)), default=Value(None), output_field=text),
    }


class SessionQuerySet(models.QuerySet["Session"]):
    """Reads of sessions."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the sessions of projects that the actor sees."""
        return self.filter(project__in=Project.objects.visible_to(actor))

    def live(self) -> Self:
        """Narrow to the sessions that have not ended; whether their time is over decides who asks."""
        return self.filter(status__in=LIVE)


class Session(Row):
    """A preview of a project, shared by token for a limited time.

    `uses` counts the devices that hold a slot, `failures` the bundles that were refused. `revision` is that
    of the current content, 0 before the first. `next_status` says how far the upload of the next revision has
    come, null while none is open; only a ready session has one, and it stays ready with what it has.
    `ended_at` is when the stage EXPIRED began, by time, person or failure. The project stays as long as rows
    name it (RESTRICT); it is null once the session is purged and the project deleted. `ref` is shown and
    means nothing.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.RESTRICT, related_name="previews"
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    public_id = models.CharField(max_length=12, unique=True)
    platform = models.TextField(choices=Platform.choices)
    label = models.CharField(max_length=80, default="", blank=True)
    ref = models.CharField(max_length=255, default="", blank=True)
    access = models.TextField(choices=Access.choices, default=Access.TOKEN)
    status = models.TextField(choices=SessionStatus.choices, default=SessionStatus.PENDING)
    next_status = models.TextField(null=True, blank=True, choices=UploadStep.choices)  # noqa: DJ001 - null: none
    revision = models.PositiveIntegerField(default=0)
    max_devices = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    token_prefix = models.CharField(max_length=8, default="")
    current_bundle = models.ForeignKey(
        "previews.Bundle", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    dev_server_url = models.CharField(max_length=2_048, default="", blank=True)
    error_code = models.TextField(default="", blank=True)
    error_detail = models.CharField(max_length=500, default="", blank=True)
    expires_at = models.DateTimeField()
    # Whoever writes an upload now, by this mark: a late one's writes match no row.
    upload_token = models.UUIDField(null=True, blank=True)
    upload_begun_at = models.DateTimeField(null=True, blank=True)
    first_opened_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    soft_deleted_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    # {objects, bytes, sha256s, at} once the objects are gone.
    receipt = models.JSONField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "previews_session"
        constraints = [
            models.CheckConstraint(condition=Q(uses__lte=F("max_devices")), name="previews_session_uses"),
            models.CheckConstraint(condition=Q(max_devices__range=(1, 5)), name="previews_session_devices"),
            models.CheckConstraint(
                condition=Q(project__isnull=False) | Q(status=SessionStatus.PURGED),
                name="previews_session_project",
            ),
            status_check("previews_session_status", "status", SessionStatus),
            status_check("previews_session_next_status", "next_status", UploadStep),
            status_check("previews_session_platform", "platform", Platform),
            status_check("previews_session_access", "access", Access),
        ]
        indexes = [
            models.Index(fields=["status", "expires_at"], name="previews_session_due"),
            models.Index(fields=["project", "status"], name="previews_session_by_project"),
        ]

    def __str__(self) -> str:
        return self.label or self.public_id

    @property
    def stage(self) -> Stage | None:
        """Return how far clean-up has come, None before it began."""
        if self.purged_at is not None:
            return Stage.PURGED
        if self.soft_deleted_at is not None:
            return Stage.SOFT_DELETED
        return Stage.EXPIRED if self.status in ENDED else None

    def status_at(self, now: dt.datetime) -> str:
        """Return the status, `expired` as soon as the time is over, whenever the clock looks."""
        is_over = SessionStatus(self.status).is_live and self.expires_at <= now
        return SessionStatus.EXPIRED if is_over else self.status

    @property
    def upload_step(self) -> UploadStep | None:
        """Return how far its upload has come, the first one or that of a next revision; None without one."""
        step = self.next_status if self.status == SessionStatus.READY else self.status
        return UploadStep(step) if step in UploadStep.values else None

    @property
    def last_error(self) -> dict[str, Any] | None:
        """Return why the last bundle was refused, None if none was or a later one is good."""
        return {"code": self.error_code, "detail": self.error_detail} if self.error_code else None


class SessionPartQuerySet(models.QuerySet[Any]):
    """Reads of what belongs to a session."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to what belongs to sessions that the actor sees."""
        return self.filter(session__in=Session.objects.visible_to(actor))
