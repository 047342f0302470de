"""What people do with jobs of any kind: cancel, retry, discard."""

from typing import Any

from django.db import transaction

from apps.accounts.models import Job
from apps.accounts.permissions import Actor, require
from apps.accounts.services.audit import record_audit
from apps.common import jobs
from apps.common.db import JobState
from apps.common.errors import NotFound


@transaction.atomic
def cancel_job(*, actor: Actor, job: Job) -> None:
    """Cancel a job, at once or as soon as its worker notices; repeatable.

    Raises Forbidden for others than whoever started it and `accounts.manage_jobs`, JobNotCancellable.
    """
    if not _is_own(actor, job):
        require(actor, "accounts.manage_jobs")
    row = _row(job)
    jobs.cancel(job.declared_kind, row)
    _record(actor, "accounts.job_cancelled", job, row)


@transaction.atomic
def retry_job(*, actor: Actor, job: Job) -> None:
    """Queue a failed job again, its attempts counted from none; raises Forbidden, JobNotRetryable."""
    require(actor, "accounts.manage_jobs")
    row = _row(job)
    jobs.retry(job.declared_kind, row)
    _record(actor, "accounts.job_retried", job, row)


@transaction.atomic
def discard_job(*, actor: Actor, job: Job) -> None:
    """Take a failed job out of the dead letters; raises Forbidden, JobNotRetryable."""
    require(actor, "accounts.discard_jobs")
    row = _row(job)
    jobs.discard(job.declared_kind, row)
    _record(actor, "accounts.job_discarded", job, row)


def _is_own(actor: Actor, job: Job) -> bool:
    user_id = actor.user.pk if actor.user is not None else None
    key_id = actor.api_key.pk if actor.api_key is not None else None
    return job.is_started_by(user_id, key_id)


def _row(job: Job) -> Any:
    """Return the owner's row; raises NotFound if it went meanwhile."""
    row: JobState | None = job.declared_kind.rows.filter(pk=job.pk).first()
    if row is None:
        raise NotFound
    return row


def _record(actor: Actor, verb: str, job: Job, row: Any) -> None:
    changes = {"kind": job.kind, "status": [job.status, row.status]}
    record_audit(actor=actor, verb=verb, target=row, organization=job.organization, changes=changes)
