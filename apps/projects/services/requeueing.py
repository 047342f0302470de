"""Jobs that got stuck or are dead letters, put back to their queues by an operator."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.jobs import JobKind, iter_kinds

PREFIXES: Final = ("projects.", "previews.")


@dataclass(frozen=True, slots=True)
class Requeued:
    """A job that was found, and why; `is_done` unless it may not run beside another that is live."""

    kind: str
    id: uuid.UUID
    status: str
    is_done: bool


def requeue_jobs(
    *, kind: str = "", older_than: dt.timedelta, with_dead: bool = False, dry_run: bool = False
) -> list[Requeued]:
    """Queue stuck jobs of projects and previews again, dead letters too if asked; attempts count from none.

    Stuck is what has been queued, or without its lease, for longer than `older_than`. Raises KeyError for a
    kind that is none of them.
    """
    found = []
    for each in _kinds(kind):
        for row in _stuck(each, older_than, with_dead=with_dead):
            status = row.status
            found.append(Requeued(each.kind, row.pk, status, dry_run or _requeue(each, row)))
    return found


def _kinds(name: str) -> Iterator[JobKind[Any]]:
    known = [kind for kind in iter_kinds() if kind.kind.startswith(PREFIXES)]
    if name and all(kind.kind != name for kind in known):
        raise KeyError(name)
    yield from (kind for kind in known if name in {"", kind.kind})


def _stuck(kind: JobKind[Any], older_than: dt.timedelta, *, with_dead: bool) -> QuerySet[Any]:
    waiting = Q(status=JobStatus.QUEUED, queued_at__lt=Now() - older_than)
    lost = Q(status=JobStatus.RUNNING, lease_until__lt=Now() - older_than)
    dead = Q(status=JobStatus.FAILED, discarded_at__isnull=True)
    return kind.rows.filter(waiting | lost | dead if with_dead else waiting | lost).order_by(
        "queued_at", "pk"
    )


def _requeue(kind: JobKind[Any], row: Any) -> bool:
    try:
        with transaction.atomic():
            if row.status == JobStatus.FAILED:
                jobs.retry(kind, row)
                return True
            # As it was found: a worker may have taken it up meanwhile.
            held = kind.rows.filter(pk=row.pk, status=row.status, lease_token=row.lease_token)
            done = held.update(
                status=JobStatus.QUEUED,
                attempt=0,
                workers_lost=0,
                run_after=None,
                queued_at=Now(),
                lease_token=None,
                lease_until=None,
            )
            kind.enqueue(row.pk)
    except (IntegrityError, jobs.JobNotRetryable):
        return False
    return bool(done)
