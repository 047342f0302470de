"""The job boundary: the one place where any exception becomes an end of the job."""

import traceback
import uuid
from typing import Any

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

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
from apps.common.jobs.lifecycle import claim, fail, notify_change, notify_end, release, requeue
from apps.common.jobs.run import Run

TRANSIENT = (Transient, OperationalError, InterfaceError, ConnectionError, TimeoutError)

logger = structlog.get_logger(__name__)


def execute(kind_name: str, row_id: uuid.UUID) -> None:
    """Run one job if its row can be claimed; never raises for what the job does."""
    kind = find_kind(kind_name)
    row = claim(kind, row_id)
    if row is None:
        return
    with structlog.contextvars.bound_contextvars(
        job_kind=kind.kind, job_id=str(row.pk), request_id=row.request_id
    ):
        logger.info("job_started", attempt=row.attempt)
        _attempt(Run(kind, row))
        logger.info("job_ended", status=row.status, error_code=row.error_code)


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
        notify_change(run.kind, run.row)


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
            requeue(kind, row, counted=False)
        case SoftTimeLimitExceeded() if kind.is_resumable:
            requeue(kind, row, counted=False)
        case SoftTimeLimitExceeded():
            fail(kind, row, JobTimeout())
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
        requeue(kind, row, counted=True)
        return
    trace = "".join(traceback.format_exception(error))
    cause = error if isinstance(error, DomainError) else AttemptsExhausted()
    fail(kind, row, cause, trace=trace)


def run_due(*, queue: str | None = None, limit: int = 1_000) -> int:
    """Run the due rows of all kinds here and now, without a broker; return how many were tried."""
    tried = 0
    for kind in list(iter_kinds()):
        if queue is not None and kind.queue.name != queue:
            continue
        due = kind.rows.filter(status=JobStatus.QUEUED).order_by("queued_at", "pk")
        for row_id in list(due.values_list("pk", flat=True)[: limit - tried]):
            execute(kind.kind, row_id)
            tried += 1
    return tried
