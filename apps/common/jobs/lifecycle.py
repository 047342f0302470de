"""The moves of a job's row, each one conditional UPDATE whose row count decides races."""

import random
import uuid
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.common.db import JobState, JobStatus
from apps.common.errors import DomainError
from apps.common.jobs.errors import JobNotCancellable, JobNotRetryable, PermissionLost
from apps.common.jobs.kinds import JobKind, R
from apps.common.jobs.room import has_room

LEASE: Final = timedelta(seconds=60)
BACKOFF_S: Final = (5, 20, 60, 300, 900)
DETAIL_CHARS: Final = 500
TRACE_CHARS: Final = 16_384

logger = structlog.get_logger(__name__)


def lease_lock(token: uuid.UUID) -> str:
    """Return the name of the lock that a lease's holder has for as long as its connection lives."""
    return f"lease:{token}"


def claim(kind: JobKind[R], row_id: uuid.UUID, token: uuid.UUID) -> R | None:
    """Move a queued row to running under the lease `token`; None when there is nothing to claim.

    Double delivery is normal: the second claim finds no queued row. An IntegrityError is a constraint of the
    row's own (one running import per dataset): the row stays queued.
    """
    try:
        with transaction.atomic():
            if not has_room(kind, row_id):
                return None
            claimed = kind.claimable(
                kind.rows.filter(pk=row_id, status=JobStatus.QUEUED).exclude(run_after__gt=Now())
            )
            # Two workers may get the same message: one UPDATE sees the row queued, the other none.
            if not claimed.update(**_running(token)):
                return None
    except IntegrityError:
        return None
    row: R = kind.rows.get(pk=row_id)
    kind.tell(row)
    if not kind.may_run(row):
        fail(kind, row, PermissionLost())
        return None
    return row


def _running(token: uuid.UUID) -> dict[str, Any]:
    return {
        "status": JobStatus.RUNNING,
        "attempt": F("attempt") + 1,
        "lease_token": token,
        "lease_until": Now() + LEASE,
        "started_at": Now(),
        "heartbeat_at": Now(),
        "finished_at": None,
        "run_after": None,
        "progress": 0.0,
        "stage": "",
        "error_code": "",
        "error_detail": "",
        "error_trace": "",
    }


def write_leased(kind: JobKind[R], row: R, **fields: Any) -> bool:
    """Write to a running row if it is still held under the row's lease; tell whether it was."""
    held = kind.rows.filter(pk=row.pk, lease_token=row.lease_token, status=JobStatus.RUNNING)
    if not held.update(**fields):
        return False
    for name, value in fields.items():
        # The token stays: if the caller's transaction is undone, the lease is still held.
        if name != "lease_token" and not hasattr(value, "resolve_expression"):
            setattr(row, name, value)
    return True


def release(kind: JobKind[R], row: R, status: JobStatus, **fields: Any) -> bool:
    """Leave running for `status`; tell whether the lease was still held."""
    fields |= {"status": status, "lease_token": None, "lease_until": None}
    if status.is_final:
        fields["finished_at"] = Now()
    if not write_leased(kind, row, **fields):
        logger.warning("job_lease_lost", job_kind=kind.kind, job_id=str(row.pk))
        return False
    return True


def fail(kind: JobKind[R], row: R, error: DomainError, *, trace: str = "") -> None:
    """Move a running row to failed with the error's code and detail."""
    ended = release(
        kind,
        row,
        JobStatus.FAILED,
        error_code=error.code,
        error_detail=error.detail[:DETAIL_CHARS],
        error_trace=trace[-TRACE_CHARS:],
    )
    if ended:
        logger.warning(
            "job_failed", job_kind=kind.kind, job_id=str(row.pk), code=error.code, detail=error.detail
        )
        notify_end(kind, row)


def requeue(kind: JobKind[R], row: R) -> None:
    """Put a running row back to be run at once; the attempt does not count."""
    if release(kind, row, JobStatus.QUEUED, run_after=None, queued_at=Now(), attempt=F("attempt") - 1):
        kind.enqueue(row.pk)


def postpone(kind: JobKind[R], row: R, wait: timedelta, *, is_counted: bool = True) -> None:
    """Put a running row back to be run after a while; the attempt counts unless nothing was tried."""
    attempt = F("attempt") - (0 if is_counted else 1)
    if release(kind, row, JobStatus.QUEUED, run_after=Now() + wait, queued_at=Now(), attempt=attempt):
        row.refresh_from_db()
        kind.tell(row)


def backoff(attempt: int) -> timedelta:
    """Return how long to wait after the nth attempt: the table's step, x 0.5..1.5 so that retries spread."""
    step_s = BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1]
    return timedelta(seconds=step_s * random.uniform(0.5, 1.5))  # noqa: S311 - jitter


def cancel(kind: JobKind[R], row: R) -> None:
    """Cancel a queued or waiting job at once, ask a running one to stop; repeatable.

    Raises JobNotCancellable for a job that has ended.
    """
    idle = kind.rows.filter(pk=row.pk, status__in=[JobStatus.QUEUED, JobStatus.WAITING])
    # A worker may claim the row at this moment: then the UPDATE matches nothing and the request below stands.
    if idle.update(status=JobStatus.CANCELLED, cancel_requested_at=Now(), finished_at=Now()):
        row.refresh_from_db()
        transaction.on_commit(lambda: notify_end(kind, row))
        return
    running = kind.rows.filter(pk=row.pk, status=JobStatus.RUNNING)
    if not running.update(cancel_requested_at=Now()):
        row.refresh_from_db()
        if row.status != JobStatus.CANCELLED:
            raise JobNotCancellable
    row.refresh_from_db()


def retry(kind: JobKind[R], row: R) -> None:
    """Queue a failed job again, its attempts counted from none; raises JobNotRetryable."""
    failed = kind.rows.filter(pk=row.pk, status=JobStatus.FAILED, discarded_at=None)
    try:
        with transaction.atomic():
            is_queued = failed.update(**_fresh())
    except IntegrityError as error:
        # A constraint of the row's own: one that does the same is queued or running.
        raise JobNotRetryable("The same is queued or running already.") from error
    if not is_queued:
        raise JobNotRetryable
    row.refresh_from_db()
    kind.enqueue(row.pk)


def _fresh() -> dict[str, Any]:
    """Return the columns of a failed job that is to begin anew."""
    return {
        "status": JobStatus.QUEUED,
        "attempt": 0,
        "workers_lost": 0,
        "run_after": None,
        "queued_at": Now(),
        "finished_at": None,
        "cancel_requested_at": None,
        "error_code": "",
        "error_detail": "",
        "error_trace": "",
    }


def discard(kind: JobKind[R], row: R) -> None:
    """Take a failed job out of the dead letters; raises JobNotRetryable if it has not failed."""
    if not kind.rows.filter(pk=row.pk, status=JobStatus.FAILED).update(discarded_at=Now()):
        raise JobNotRetryable
    row.refresh_from_db()


def notify_end(kind: JobKind[Any], row: JobState) -> None:
    """Call the kind's change hooks, then its end hooks."""
    kind.tell(row)
    for hook in kind.end_hooks:
        hook(row)
