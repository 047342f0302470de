"""Triage: what people do with signals. Only its services write here; no hydration's upsert touches a row."""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.signals.models.run import Run
from apps.signals.models.signal import Signal
from apps.signals.states import EventType, Resolution, WorkflowStatus


class TriageQuerySet(models.QuerySet[Any]):
    """Reads of what hangs on signals."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


class Workflow(Row):
    """Where a signal stands; one row a signal, made by its first hydration.

    `version` grows with every change and is part of the ETag. Snooze and due times are columns for later.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    signal = models.OneToOneField(Signal, on_delete=models.CASCADE, related_name="workflow")
    status = models.TextField(choices=WorkflowStatus.choices, default=WorkflowStatus.NEW)
    assignee = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    role_type = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001 - null: unassigned
    assigned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution_code = models.TextField(choices=Resolution.choices, default="", blank=True)
    resolution_notes = models.CharField(max_length=4_000, default="", blank=True)
    effective_date = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reopen_count = models.PositiveIntegerField(default=0)
    reopened_at = models.DateTimeField(null=True, blank=True)
    snooze_until = models.DateTimeField(null=True, blank=True)
    snooze_next_run = models.BooleanField(default=False)
    snooze_severity = models.SmallIntegerField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    due_kind = models.CharField(max_length=20, default="", blank=True)
    breached_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = TriageQuerySet.as_manager()

    class Meta:
        db_table = "signals_workflow"
        constraints = [
            models.UniqueConstraint(fields=["organization", "signal"], name="signals_workflow_identity"),
            status_check("signals_workflow_status", "status", WorkflowStatus),
            status_check("signals_workflow_resolution", "resolution_code", Resolution),
        ]
        indexes = [
            models.Index(fields=["organization", "assignee", "status"], name="signals_workflow_by_assignee"),
            models.Index(fields=["organization", "status"], name="signals_workflow_by_status"),
            models.Index(
                fields=["organization", "role_type"],
                condition=Q(role_type__isnull=False),
                name="signals_workflow_by_role_type",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(breached_at__isnull=True, due_at__isnull=False),
                name="signals_workflow_due",
            ),
        ]

    def __str__(self) -> str:
        return self.status


class Annotation(Row):
    """What people wrote over a signal's generated texts."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    signal = models.OneToOneField(Signal, on_delete=models.CASCADE, related_name="annotation")
    description_override = models.CharField(max_length=4_000, null=True, blank=True)  # noqa: DJ001 - null: none
    why_matters = models.CharField(max_length=4_000, null=True, blank=True)  # noqa: DJ001 - null: none
    edited_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = TriageQuerySet.as_manager()

    class Meta:
        db_table = "signals_annotation"
        constraints = [
            models.UniqueConstraint(fields=["organization", "signal"], name="signals_annotation_identity")
        ]

    def __str__(self) -> str:
        return f"annotation of {self.signal_id}"


class Comment(Row):
    """A comment in Markdown without raw HTML; a deleted one keeps its place and loses its body."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    body = models.CharField(max_length=10_000, blank=True)
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = TriageQuerySet.as_manager()

    class Meta:
        db_table = "signals_comment"
        indexes = [models.Index(fields=["signal", "created_at", "id"], name="signals_comment_by_signal")]

    def __str__(self) -> str:
        return f"comment on {self.signal_id}"


class Assignment(Row):
    """Who had a signal, from when to when; at most one open row a signal."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="assignments")
    assignee = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    assigner = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    role_type = models.CharField(max_length=80)
    notes = models.CharField(max_length=4_000, default="", blank=True)
    assigned_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=40, default="", blank=True)

    objects = TriageQuerySet.as_manager()

    class Meta:
        db_table = "signals_assignment"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "signal"],
                condition=Q(ended_at__isnull=True),
                name="signals_assignment_open",
            )
        ]

    def __str__(self) -> str:
        return f"assignment of {self.signal_id}"


class Event(Row):
    """One line of the feed; `dedupe_key` makes what happens twice told once."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    event_type = models.TextField(choices=EventType.choices)
    signal = models.ForeignKey(Signal, null=True, blank=True, on_delete=models.CASCADE, related_name="events")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    dedupe_key = models.CharField(max_length=200)

    objects = TriageQuerySet.as_manager()

    class Meta:
        db_table = "signals_event"
        constraints = [
            models.UniqueConstraint(fields=["organization", "dedupe_key"], name="signals_event_once"),
            status_check("signals_event_type", "event_type", EventType),
        ]
        indexes = [
            models.Index(fields=["organization", "occurred_at", "id"], name="signals_event_by_time"),
            models.Index(fields=["signal", "occurred_at", "id"], name="signals_event_by_signal"),
        ]

    def __str__(self) -> str:
        return self.event_type


class ReadMark(Row):
    """How far a person has read the feed: every event up to `read_through_at`, `read_through_id`."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    read_through_at = models.DateTimeField()
    read_through_id = models.UUIDField()

    class Meta:
        db_table = "signals_read_mark"
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="signals_read_mark_user")
        ]

    def __str__(self) -> str:
        return f"read mark of {self.user_id}"


class EventRead(Row):
    """One event beyond the mark that a person has read by itself."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="reads")

    class Meta:
        db_table = "signals_event_read"
        constraints = [
            models.UniqueConstraint(fields=["organization", "user", "event"], name="signals_event_read_once")
        ]

    def __str__(self) -> str:
        return f"read of {self.event_id}"
