"""What people do with signals: give, take, move, comment, annotate, read the feed."""

from apps.signals.triage_services.annotations import annotate_signal
from apps.signals.triage_services.assigning import AssigneeInvalid, assign_signal, unassign_signal
from apps.signals.triage_services.comments import (
    CommentSettled,
    add_comment,
    delete_comment,
    edit_comment,
    may_delete,
    may_edit,
)
from apps.signals.triage_services.markdown import rendered_comment
from apps.signals.triage_services.moving import RESOLUTIONS, first_observed_month, move_signal
from apps.signals.triage_services.reading import read_event, read_events_through
from apps.signals.triage_services.workflows import TransitionNotAllowed, is_assignee, lock_workflow

__all__ = [
    "RESOLUTIONS",
    "AssigneeInvalid",
    "CommentSettled",
    "TransitionNotAllowed",
    "add_comment",
    "annotate_signal",
    "assign_signal",
    "delete_comment",
    "edit_comment",
    "first_observed_month",
    "is_assignee",
    "lock_workflow",
    "may_delete",
    "may_edit",
    "move_signal",
    "read_event",
    "read_events_through",
    "rendered_comment",
    "unassign_signal",
]
