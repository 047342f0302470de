"""The reaper: finds rows that nobody works on, whatever became of their message or their worker."""

import uuid
from datetime import timedelta
from typing import Any, Final

import structlog
from django.core.cache import cache
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.common.db import JobState, JobStatus
from apps.common.errors import DomainError
from apps.common.jobs.errors import AttemptsExhausted, JobExpired, WorkerLost
from apps.common.jobs.kinds import JobKind, iter_kinds
from apps.common.jobs.lifecycle import notify_change, notify_end

UNNOTICED: Final = timedelta(seconds=60)
WORKERS_LOST_MAX: Final = 3
BATCH: Final = 200

logger = structlog.get_logger(__name__)


def reap_jobs() -> int:
    """Take over lost leases, end expired rows, nudge queued ones again; return how many rows were touched."""
    return sum(_take_over(kind) + _expire(kind) + _nudge(kind) for kind in iter_kinds())


def _take_over(kind: JobKind[Any]) -> int:
    """Queue the rows whose worker let the lease run out; fail those that lost too many."""
    lost = list(kind.rows.filter(status=JobStatus.RUNNING, lease_until__lt=Now())[:BATCH])
    for row in lost:
        error = _verdict(row)
        fields: dict[str, Any] = {
            "lease_token": None,
            "lease_until": None,
            "workers_lost": F("workers_lost") + 1,
        }
        if error is None:
            fields |= {"status": JobStatus.QUEUED, "queued_at": Now(), "run_after": None}
        else:
            fields |= _failed(error)
        # The worker may have renewed or finished since the look: then the token or the time does not match.
        held = kind.rows.filter(pk=row.pk, lease_token=row.lease_token, lease_until__lt=Now())
        if held.update(**fields):
            logger.warning("job_worker_lost", job_kind=kind.kind, job_id=str(row.pk), attempt=row.attempt)
            _tell(kind, row)
    return len(lost)


def _verdict(row: JobState) -> DomainError | None:
    if row.workers_lost + 1 >= WORKERS_LOST_MAX:
        return WorkerLost()
    if row.attempt >= row.max_attempts:
        return AttemptsExhausted()
    return None


def _failed(error: DomainError) -> dict[str, Any]:
    return {
        "status": JobStatus.FAILED,
        "error_code": error.code,
        "error_detail": error.detail,
        "finished_at": Now(),
    }


def _tell(kind: JobKind[Any], row: JobState) -> None:
    row.refresh_from_db()
    if row.status == JobStatus.QUEUED:
        notify_change(kind, row)
        kind.enqueue(row.pk)
    else:
        notify_end(kind, row)


def _expire(kind: JobKind[Any]) -> int:
    expired = list(kind.rows.filter(status=JobStatus.QUEUED, expires_at__lt=Now())[:BATCH])
    for row in expired:
        if kind.rows.filter(pk=row.pk, status=JobStatus.QUEUED).update(**_failed(JobExpired())):
            _tell(kind, row)
    return len(expired)


def _nudge(kind: JobKind[Any]) -> int:
    """Send a message again for rows queued over a minute and for retries that are due."""
    unnoticed = Q(run_after__isnull=True, queued_at__lt=Now() - UNNOTICED) | Q(run_after__lte=Now())
    due = kind.claimable(kind.rows.filter(unnoticed, status=JobStatus.QUEUED))
    row_ids: list[uuid.UUID] = list(due.order_by("queued_at", "pk").values_list("pk", flat=True)[:BATCH])
    # A busy worker must not find the same nudge six times a minute.
    fresh = [row_id for row_id in row_ids if cache.add(f"nudged:{kind.kind}:{row_id}", 1, timeout=60)]
    for row_id in fresh:
        kind.nudge(row_id)
    return len(fresh)
