"""What goes in and out of triage: workflows, assignments, comments, annotations."""

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, rfc3339
from apps.signals.models import Assignment, Comment, Workflow
from apps.signals.states import WorkflowStatus
from apps.signals.triage_services import RESOLUTIONS, rendered_comment

NOTES_CHARS = 4_000
BODY_CHARS = 10_000
TEXT_CHARS = 4_000


class SignalPersonOut(serializers.Serializer[Any]):
    """Somebody who has to do with a signal."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class WorkflowOut(OutSerializer):
    """Where a signal stands. `version` grows with every change."""

    assignee = SignalPersonOut(allow_null=True)
    resolution_code = serializers.SerializerMethodField()

    class Meta:
        model = Workflow
        fields = [
            "status", "assignee", "role_type", "assigned_at", "started_at", "resolved_at", "resolution_code",
            "resolution_notes", "effective_date", "closed_at", "reopen_count", "reopened_at", "version",
        ]  # fmt: skip

    def to_representation(self, instance: Workflow) -> dict[str, Any]:
        """Return what goes out for a workflow."""
        # By hand: lists have one in each row, and to walk its fields takes longer than to read the rows.
        person = instance.assignee
        return {
            "status": instance.status,
            "assignee": None if person is None else {"id": str(person.pk), "name": person.name},
            "role_type": instance.role_type,
            "assigned_at": _time(instance.assigned_at),
            "started_at": _time(instance.started_at),
            "resolved_at": _time(instance.resolved_at),
            "resolution_code": self.get_resolution_code(instance),
            "resolution_notes": instance.resolution_notes,
            "effective_date": instance.effective_date.isoformat() if instance.effective_date else None,
            "closed_at": _time(instance.closed_at),
            "reopen_count": instance.reopen_count,
            "reopened_at": _time(instance.reopened_at),
            "version": instance.version,
        }

    def get_resolution_code(self, row: Workflow) -> str | None:
        """Return why it was resolved, None if it is not."""
        return row.resolution_code or None


def _time(instant: dt.datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)


class NotesField(serializers.CharField):
    """A few words about the act."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=NOTES_CHARS, allow_blank=True, required=False, **kwargs)


class StatusField(serializers.ChoiceField):
    """A status."""

    def to_internal_value(self, data: Any) -> WorkflowStatus:
        """Return the status itself, as services take it."""
        return WorkflowStatus(super().to_internal_value(data))


class AssignIn(StrictSerializer):
    """To whom the signal goes, and under which role type."""

    assignee_id = serializers.UUIDField()
    role_type = serializers.CharField(max_length=80)
    notes = NotesField()


class UnassignIn(StrictSerializer):
    """Why it is given back."""

    notes = NotesField()


class StatusPatch(StrictSerializer):
    """Where the signal shall stand; code and date go with `resolved` alone."""

    status = StatusField(choices=WorkflowStatus.choices)
    notes = NotesField(help_text="Required when resolving, unless it is fixed.")
    resolution_code = serializers.ChoiceField(
        choices=[(code.value, code.label) for code in RESOLUTIONS], required=False
    )
    effective_date = serializers.DateField(
        required=False, help_text="The day from which the remedy works; today unless given."
    )


class AnnotationPatch(StrictSerializer):
    """What people write over the generated texts; null clears."""

    description = serializers.CharField(max_length=TEXT_CHARS, allow_null=True, required=False)
    why_matters = serializers.CharField(max_length=TEXT_CHARS, allow_null=True, required=False)


class AssignmentOut(OutSerializer):
    """Who had the signal, from when to when, and why it ended; null while it lasts."""

    assignee = SignalPersonOut(allow_null=True)
    assigner = SignalPersonOut(allow_null=True)
    end_reason = serializers.SerializerMethodField()

    class Meta:
        model = Assignment
        fields = [
            "id", "assignee", "assigner", "role_type", "notes", "assigned_at", "ended_at", "end_reason",
        ]  # fmt: skip

    def get_end_reason(self, row: Assignment) -> str | None:
        """Return why it ended."""
        return row.end_reason or None


class CommentIn(StrictSerializer):
    """A comment in Markdown; `@` and the address of a member mentions them."""

    body = serializers.CharField(max_length=BODY_CHARS, trim_whitespace=False)


class CommentOut(OutSerializer):
    """A comment with its safe HTML; a deleted one is empty."""

    signal_id = serializers.UUIDField()
    author = SignalPersonOut(allow_null=True)
    html = serializers.SerializerMethodField()
    mentions = serializers.SerializerMethodField()

    class Meta:
        model = Comment
        fields = [
            "id", "signal_id", "author", "body", "html", "mentions", "created_at", "edited_at", "deleted_at",
        ]  # fmt: skip

    def get_html(self, row: Comment) -> str:
        """Return the body as HTML without scripts, images and raw HTML."""
        return rendered_comment(row.body) if row.body else ""

    @extend_schema_field(SignalPersonOut(many=True))
    def get_mentions(self, row: Any) -> Any:
        """Return whom it mentions; the view has looked the names up."""
        named: dict[Any, str] = row.names
        return [{"id": str(key), "name": named[key]} for key in row.mentions if key in named]
