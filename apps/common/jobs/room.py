"""An organization's share of the workers: beyond it rows stay queued, and start as soon as there is room."""

import uuid
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.common.db import JobState, JobStatus
from apps.common.jobs.kinds import JobKind, iter_kinds
from apps.common.jobs.queues import TRAINING
from apps.common.locks import lock_in_transaction

TRAINING_LIMIT: Final = 1


def has_room(kind: JobKind[Any], row_id: uuid.UUID) -> bool:
    """Tell whether a row may start beside those of its organization that run, until the transaction ends.

    Counted under a lock, so that two claims at once cannot both take the last place.
    """
    if not kind.organization_path:
        return True
    found = kind.rows.filter(pk=row_id).values_list(kind.organization_path, "queue").first()
    if found is None:
        return False
    organization_id, queue = found
    if organization_id is None:
        return True
    lock_in_transaction(f"jobs:{organization_id}")
    return queue not in _closed_queues(running_queues(organization_id), {queue})


def running_queues(organization_id: uuid.UUID) -> list[str]:
    """Return the queue of each job that an organization runs."""
    return [
        queue
        for kind in iter_kinds()
        if kind.organization_path
        for queue in _of(kind, organization_id, JobStatus.RUNNING).values_list("queue", flat=True)
    ]


def _closed_queues(running: list[str], queues: set[str]) -> set[str]:
    """Return those of `queues` from which nothing more may start."""
    if len(running) >= settings.JOB_ORG_CONCURRENCY:
        return queues
    return queues & {TRAINING} if running.count(TRAINING) >= TRAINING_LIMIT else set()


def start_next(kind: JobKind[Any], row: JobState) -> None:
    """Nudge the oldest job that an ended one's organization had no room for.

    Its own message may have come and gone while there was none, and the reaper looks only once a minute.
    """
    organization_id = kind.organization_of(row)
    if organization_id is None:
        return
    running = running_queues(organization_id)
    was_full = len(running) == settings.JOB_ORG_CONCURRENCY - 1
    if not was_full and row.queue != TRAINING:
        return
    queued = [
        (queued_at, row_id, queue, other)
        for other in iter_kinds()
        if other.organization_path
        for queued_at, row_id, queue in _oldest_due(other, organization_id, running)
    ]
    if queued:
        _queued_at, row_id, queue, other = min(queued, key=lambda found: found[:2])
        other.nudge(row_id, queue)


def _oldest_due(kind: JobKind[Any], organization_id: uuid.UUID, running: list[str]) -> Any:
    due = _of(kind, organization_id, JobStatus.QUEUED).exclude(run_after__gt=Now())
    if running.count(TRAINING) >= TRAINING_LIMIT:
        due = due.exclude(queue=TRAINING)
    return kind.claimable(due).order_by("queued_at", "pk").values_list("queued_at", "pk", "queue")[:1]


def _of(kind: JobKind[Any], organization_id: uuid.UUID, status: JobStatus) -> QuerySet[Any]:
    return kind.rows.filter(**{"status": status, kind.organization_path: organization_id})
