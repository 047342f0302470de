"""The reaper: finds rows that nobody works on, whatever became of their message or their worker."""

import uuid
from datetime import timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, F, Func, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.common.db import JobState, JobStatus
from apps.common.errors import DomainError
from apps.common.jobs.errors import AttemptsExhausted, JobExpired, JobTimeout, WorkerLost
from apps.common.jobs.kinds import JobKind, iter_kinds
from apps.common.jobs.lifecycle import lease_lock, notify_end
from apps.common.jobs.queues import QUEUES
from apps.common.locks import try_lock_in_transaction
from apps.common.valkey import valkey_at

UNNOTICED: Final = timedelta(seconds=60)
WORKERS_LOST_MAX: Final = 3
BATCH: Final = 200

logger = structlog.get_logger(__name__)


class ServerStart(Func):
    """When PostgreSQL was started."""

    function = "pg_postmaster_start_time"
    output_field = DateTimeField()


def reap_jobs() -> int:
    """Take over lost leases, end expired rows, nudge queued ones again; return how many rows were touched."""
    return sum(_take_over_lost(kind) + _expire(kind) + _nudge(kind) for kind in iter_kinds())


def _take_over_lost(kind: JobKind[Any]) -> int:
    running = kind.rows.filter(status=JobStatus.RUNNING).order_by("lease_until", "pk")
    return sum(take_over(kind, row) for row in running[:BATCH])


def take_over(kind: JobKind[Any], row: JobState) -> bool:
    """Queue a running row whose worker is lost, fail it if that happened too often; tell whether it was lost.

    A worker is lost when its lease ran out, or at once when its connection to the database is gone: then the
    lease's lock is free. One that is only paused keeps both for up to a minute. After a restart of PostgreSQL
    all locks are free, so only locks taken since then count. Should a living worker lose no more than that
    connection, its later writes match no row.
    """
    error = _verdict(kind, row)
    with transaction.atomic():
        held = kind.rows.filter(pk=row.pk, lease_token=row.lease_token, status=JobStatus.RUNNING)
        lost = Q(lease_until__lt=Now())
        if row.lease_token is not None and try_lock_in_transaction(lease_lock(row.lease_token)):
            lost |= Q(started_at__gt=ServerStart())
        # The worker may have renewed or finished since the look: then the token or the time does not match.
        if not held.filter(lost).update(**_given_back(error)):
            return False
    logger.warning("job_worker_lost", job_kind=kind.kind, job_id=str(row.pk), attempt=row.attempt)
    if error is None:
        kind.enqueue(row.pk)
    else:
        row.refresh_from_db()
        notify_end(kind, row)
    return True


def _verdict(kind: JobKind[Any], row: JobState) -> DomainError | None:
    """Return why a lost row is not queued again, None if it is."""
    hard_limit_s = QUEUES.get(row.queue, kind.queue).hard_limit_s
    ran_s = (timezone.now() - row.started_at).total_seconds() if row.started_at else 0.0
    if ran_s >= hard_limit_s and not kind.is_resumable:
        return JobTimeout()
    if row.workers_lost + 1 >= WORKERS_LOST_MAX:
        return WorkerLost()
    if row.attempt >= row.max_attempts:
        return AttemptsExhausted()
    return None


def _given_back(error: DomainError | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "lease_token": None,
        "lease_until": None,
        "workers_lost": F("workers_lost") + 1,
    }
    if error is not None:
        return fields | _failed(error)
    return fields | {"status": JobStatus.QUEUED, "queued_at": Now(), "run_after": None}


def _failed(error: DomainError) -> dict[str, Any]:
    return {
        "status": JobStatus.FAILED,
        "error_code": error.code,
        "error_detail": error.detail,
        "finished_at": Now(),
    }


def _expire(kind: JobKind[Any]) -> int:
    expired = list(kind.rows.filter(status=JobStatus.QUEUED, expires_at__lt=Now())[:BATCH])
    for row in expired:
        if kind.rows.filter(pk=row.pk, status=JobStatus.QUEUED).update(**_failed(JobExpired())):
            row.refresh_from_db()
            notify_end(kind, row)
    return len(expired)


def _nudge(kind: JobKind[Any]) -> int:
    """Send a message again for rows queued over a minute and for retries that are due."""
    unnoticed = Q(run_after__isnull=True, queued_at__lt=Now() - UNNOTICED) | Q(run_after__lte=Now())
    due = kind.claimable(kind.rows.filter(unnoticed, status=JobStatus.QUEUED))
    found: list[tuple[uuid.UUID, str]] = list(
        due.order_by("queued_at", "pk").values_list("pk", "queue")[:BATCH]
    )
    # A busy worker must not find the same nudge six times a minute.
    fresh = [row for row in found if _is_first_nudge(f"sextant:nudged:{kind.kind}:{row[0]}")]
    for row_id, queue in fresh:
        kind.nudge(row_id, queue)
    return len(fresh)


def _is_first_nudge(key: str) -> bool:
    """Tell whether nobody sent this nudge within the last minute; without Valkey nobody can know."""
    is_first = valkey_at(settings.CACHE_URL).attempt(
        lambda client: bool(client.set(key, 1, nx=True, ex=60)), purpose="nudges again"
    )
    return is_first is not False
