"""The job boundary: the one place where any exception becomes an end of the job."""

import time
import traceback
import uuid
from datetime import timedelta
from typing import Any

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now

from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.common.jobs.errors import (
    AttemptsExhausted,
    InternalError,
    JobCancelled,
    JobTimeout,
    LeaseLost,
    Transient,
    WorkerStopping,
)
from apps.common.jobs.kinds import JobKind, R, find_kind, iter_kinds
from apps.common.jobs.lifecycle import (
    backoff,
    claim,
    fail,
    lease_lock,
    notify_end,
    postpone,
    release,
    requeue,
)
from apps.common.jobs.reaper import take_over
from apps.common.jobs.room import start_next
from apps.common.jobs.run import Run
from apps.common.locks import session_lock
from apps.common.metrics import job_seconds
from apps.common.origin import Origin, served_for
from apps.common.outbound.errors import CircuitOpen, OutboundFailed

CIRCUIT_S = 60
TRANSIENT = (Transient, OutboundFailed, OperationalError, InterfaceError, ConnectionError, TimeoutError)

logger = structlog.get_logger(__name__)


def execute(kind_name: str, row_id: uuid.UUID) -> None:
    """Run one job if its row can be claimed; never raises for what the job does."""
    kind = find_kind(kind_name)
    token = uuid.uuid4()
    # Held before the claim, so that nobody ever sees the lease without the lock.
    with session_lock(lease_lock(token)):
        row = claim(kind, row_id, token) or _claim_abandoned(kind, row_id, token)
        if row is not None:
            _run_claimed(kind, row)
            start_next(kind, row)


def _claim_abandoned(kind: JobKind[R], row_id: uuid.UUID, token: uuid.UUID) -> R | None:
    """Claim a running row whose worker is gone: its message came again because the worker died with it."""
    row = kind.rows.filter(pk=row_id, status=JobStatus.RUNNING).first()
    if row is None or not take_over(kind, row):
        return None
    return claim(kind, row_id, token)


def _run_claimed(kind: JobKind[R], row: R) -> None:
    # What the job does is recorded as done for the request that queued it.
    origin = Origin(request_id=row.request_id)
    with structlog.contextvars.bound_contextvars(**_log_context(kind, row)), served_for(origin):
        logger.info("job_started", attempt=row.attempt)
        started_s = time.monotonic()
        _attempt(Run(kind, row))
        job_seconds.labels(kind=kind.kind, outcome=row.status).observe(time.monotonic() - started_s)
        logger.info("job_ended", status=row.status, error_code=row.error_code)


def _log_context(kind: JobKind[R], row: R) -> dict[str, str]:
    """Return what every line of a job says: which it is, and for whom and where it is done."""
    found = {
        "job_kind": kind.kind,
        "job_id": str(row.pk),
        "request_id": row.request_id,
        "organization_id": kind.organization_of(row),
        "user_id": getattr(row, "created_by_id", None),
    }
    return {name: str(value) for name, value in found.items() if value}


def _attempt(run: Run[Any]) -> None:
    try:
        with run.heartbeat():
            run.kind.body(run)
        if run.row.status == JobStatus.RUNNING:
            run.succeed()
    except Exception as error:
        _end(run, error)
        return
    run.row.refresh_from_db()
    if JobStatus(run.row.status).is_final:
        notify_end(run.kind, run.row)
    else:
        run.kind.tell(run.row)


def _end(run: Run[Any], error: Exception) -> None:
    """Write down how the attempt ended."""
    kind, row = run.kind, run.row
    match error:
        case LeaseLost():
            logger.warning("job_lease_lost")
        case JobCancelled():
            if release(kind, row, JobStatus.CANCELLED):
                row.refresh_from_db()
                notify_end(kind, row)
        case WorkerStopping():
            requeue(kind, row)
        case SoftTimeLimitExceeded() if kind.is_resumable:
            requeue(kind, row)
        case SoftTimeLimitExceeded():
            fail(kind, row, JobTimeout())
        case CircuitOpen():
            # Nothing was tried: the host is left alone, and the job waits with it.
            postpone(kind, row, timedelta(seconds=error.retry_after_s or CIRCUIT_S), is_counted=False)
        case _ if isinstance(error, TRANSIENT):
            _retry_or_fail(kind, row, error)
        case DomainError():
            fail(kind, row, error)
        case _:
            logger.error("job_internal_error", exc_info=error)
            fail(kind, row, InternalError(), trace="".join(traceback.format_exception(error)))


def _retry_or_fail(kind: JobKind[R], row: R, error: Exception) -> None:
    if row.attempt < row.max_attempts:
        logger.warning("job_retried", attempt=row.attempt, error=repr(error))
        asked_s = error.retry_after_s if isinstance(error, DomainError) else None
        postpone(kind, row, timedelta(seconds=asked_s) if asked_s is not None else backoff(row.attempt))
        return
    trace = "".join(traceback.format_exception(error))
    cause = error if isinstance(error, DomainError) else AttemptsExhausted()
    fail(kind, row, cause, trace=trace)


def run_due(*, queue: str | None = None, limit: int = 1_000) -> int:
    """Run the due rows of all kinds here and now, without a broker; return how many were tried."""
    tried = 0
    for kind in list(iter_kinds()):
        due = kind.rows.filter(status=JobStatus.QUEUED).exclude(run_after__gt=Now())
        if queue is not None:
            due = due.filter(queue=queue)
        in_order = due.order_by("priority", "queued_at", "pk").values_list("pk", flat=True)
        for row_id in list(in_order[: limit - tried]):
            execute(kind.kind, row_id)
            tried += 1
    return tried
