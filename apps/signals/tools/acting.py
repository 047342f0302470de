"""Tools that act on signals: one service call each."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from apps.accounts.permissions import Actor
from apps.common.tools import Arguments
from apps.signals import triage_services
from apps.signals.states import WorkflowStatus
from apps.signals.tools.facts import CommentFacts, WorkflowFacts, comment_facts, workflow_facts
from apps.signals.tools.reading import SignalId, found_signal

Notes = Annotated[str, msgspec.Meta(max_length=4_000, description="A few words about it.")]
Version = Annotated[
    int, msgspec.Meta(ge=1, description="The workflow's version that you read; of another one it is refused.")
]


class Assigning(Arguments):
    """Who gets a signal."""

    id: SignalId
    assignee_id: Annotated[uuid.UUID, msgspec.Meta(description="A member who may work on signals.")]
    role_type: Annotated[
        str, msgspec.Meta(max_length=80, description="Such as clinical_leadership, nursing_leadership.")
    ]
    notes: Notes = ""
    version: Version | None = None


class Moving(Arguments):
    """Where a signal shall stand; code and date go with `resolved` alone."""

    id: SignalId
    status: WorkflowStatus
    notes: Notes = ""
    resolution_code: Annotated[
        str,
        msgspec.Meta(max_length=20, description=f"When resolving: {', '.join(triage_services.RESOLUTIONS)}."),
    ] = ""
    effective_date: Annotated[
        dt.date | None, msgspec.Meta(description="The day from which the remedy works; today unless given.")
    ] = None
    version: Version | None = None


class Commenting(Arguments):
    """What to say about a signal."""

    id: SignalId
    body: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=10_000, description="Markdown; @ and a member's address mentions them."
        ),
    ]


def assign_signal(actor: Actor, wanted: Assigning) -> WorkflowFacts:
    """Give a signal to somebody; raises NotFound, and what the service raises."""
    workflow = triage_services.assign_signal(
        actor=actor,
        signal=found_signal(actor, wanted.id),
        assignee_id=wanted.assignee_id,
        role_type=wanted.role_type,
        notes=wanted.notes,
        expected_version=wanted.version,
    )
    return workflow_facts(workflow)


def move_signal(actor: Actor, wanted: Moving) -> WorkflowFacts:
    """Move a signal to another status; raises NotFound, and what the service raises."""
    workflow = triage_services.move_signal(
        actor=actor,
        signal=found_signal(actor, wanted.id),
        status=wanted.status,
        notes=wanted.notes,
        resolution_code=wanted.resolution_code,
        effective_date=wanted.effective_date,
        expected_version=wanted.version,
    )
    return workflow_facts(workflow)


def comment_signal(actor: Actor, wanted: Commenting) -> CommentFacts:
    """Write a comment; raises NotFound, and what the service raises."""
    signal = found_signal(actor, wanted.id)
    return comment_facts(triage_services.add_comment(actor=actor, signal=signal, body=wanted.body))
