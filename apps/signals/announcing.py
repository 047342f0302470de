"""What subscribers hear about runs, signals and their triage, after the commit (signals.md section 8).

The topic `signals` names runs alone: who watches it need not see every signal.
"""

import uuid
from typing import Final

from django.conf import settings
from django.db import transaction

from apps.common import live
from apps.common.valkey import valkey_at
from apps.signals.models import Comment, Hydration, Run, Workflow

SIGNALS: Final = "signals"
STALE_EVERY_MS: Final = 2_000


def topic_of(signal_id: uuid.UUID) -> str:
    """Return the topic of one signal."""
    return f"{SIGNALS}.{signal_id}"


def announce_run(run: Run) -> None:
    """Publish how far a run has come."""
    data = {"run": str(run.pk), "status": run.status}
    live.publish(topic=SIGNALS, type="run.status", data=data, organization_id=run.organization_id)


def announce_hydration(hydration: Hydration) -> None:
    """Publish that a hydration has ended, and unless it was a dry run that lists are stale."""
    data = {"run": str(hydration.run_id), "status": hydration.status, "dry_run": hydration.dry_run}
    organization_id = hydration.organization_id
    live.publish(topic=SIGNALS, type="hydration.finished", data=data, organization_id=organization_id)
    if not hydration.dry_run:
        announce_lists_stale(organization_id)


def announce_lists_stale(organization_id: uuid.UUID) -> None:
    """Publish, at most once per STALE_EVERY_MS and organization, that lists of signals have changed.

    What changes in the rest of that time is not told any more: `settles_in_ms` says when to read once again.
    """

    def tell_once() -> None:
        # All processes share the mark. Set before it is told, so that a reader who waits reads after its end.
        key = f"sextant:signals:{{{organization_id}}}:stale"
        is_first = valkey_at(settings.CHANNEL_URL).attempt(
            lambda client: client.set(key, 1, nx=True, px=STALE_EVERY_MS), purpose="signals lists.stale"
        )
        if is_first:
            data = {"settles_in_ms": STALE_EVERY_MS}
            live.publish(topic=SIGNALS, type="lists.stale", data=data, organization_id=organization_id)

    transaction.on_commit(tell_once, robust=True)


def announce_signal(signal_id: uuid.UUID, organization_id: uuid.UUID) -> None:
    """Publish to those who watch a signal that its content or its texts have changed."""
    data = {"id": str(signal_id)}
    live.publish(topic=topic_of(signal_id), type="signal.changed", data=data, organization_id=organization_id)


def announce_workflow(workflow: Workflow) -> None:
    """Publish where a signal stands now to those who watch it, and that lists are stale."""
    data = {
        "id": str(workflow.signal_id),
        "status": workflow.status,
        "assignee": str(workflow.assignee_id) if workflow.assignee_id else None,
        "version": workflow.version,
    }
    live.publish(
        topic=topic_of(workflow.signal_id),
        type="workflow.changed",
        data=data,
        organization_id=workflow.organization_id,
    )
    announce_lists_stale(workflow.organization_id)


def announce_comment(comment: Comment) -> None:
    """Publish to those who watch a signal that a comment on it was written, changed or deleted."""
    live.publish(
        topic=topic_of(comment.signal_id),
        type="comment.changed",
        data={"id": str(comment.pk), "deleted": comment.deleted_at is not None},
        organization_id=comment.organization_id,
    )
