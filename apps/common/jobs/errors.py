"""How a job can end other than by success, and what callers of jobs may be told."""

from apps.common.errors import Conflict, DomainError, Forbidden


class Transient(DomainError):
    """A passing fault; the job is tried again, after `retry_after_s` or the time of its attempt."""

    code = "job.transient"


class JobExpired(DomainError):
    """The job waited too long and was not started."""

    code = "job.expired"


class JobTimeout(DomainError):
    """The job took longer than its queue allows."""

    code = "job.timeout"


class LeaseLost(DomainError):
    """Another worker took the job over; this one's writes match no row any more."""

    code = "job.lease_lost"


class WorkerLost(DomainError):
    """Three workers died while they ran the job."""

    code = "job.worker_lost"


class AttemptsExhausted(DomainError):
    """The job failed as often as it may be tried."""

    code = "job.attempts_exhausted"


class PermissionLost(Forbidden):
    """Whoever started the job may not do this any more."""

    code = "job.permission_lost"


class InternalError(DomainError):
    """An unforeseen error; the operators see its trace."""

    code = "job.internal"


class JobNotCancellable(Conflict):
    """The job has ended already."""

    code = "job.not_cancellable"


class JobNotRetryable(Conflict):
    """Only a failed job can be retried."""

    code = "job.not_retryable"


class JobCancelled(Exception):
    """Somebody asked for the job to stop; raised inside the body."""


class WorkerStopping(Exception):
    """The worker is shutting down; the job goes back to its queue, uncounted."""
