"""Jobs whose truth is a database row; the broker carries only nudges.

    @job(kind="datasets.import", model="datasets.Import", queue="default")
    def run_import(run: Run[Import]) -> None: ...

    run_import.enqueue(row.pk)      # a message after commit

`kinds` declares, `queues` and `nudges` are its messages, `lifecycle` moves rows by conditional UPDATEs,
`room` keeps to each organization's share, `run` is what a job's body holds, `execution` is the boundary that
turns exceptions into ends, `reaper` finds rows that nobody works on.
"""

from apps.common.jobs.errors import (
    JobCancelled,
    JobNotCancellable,
    JobNotRetryable,
    JobTimeout,
    LeaseLost,
    PermissionLost,
    Transient,
    WorkerStopping,
)
from apps.common.jobs.execution import execute, run_due
from apps.common.jobs.kinds import JobKind, Listing, find_kind, iter_kinds, job
from apps.common.jobs.lifecycle import cancel, discard, retry
from apps.common.jobs.reaper import reap_jobs
from apps.common.jobs.run import Run

__all__ = [
    "JobCancelled",
    "JobKind",
    "JobNotCancellable",
    "JobNotRetryable",
    "JobTimeout",
    "LeaseLost",
    "Listing",
    "PermissionLost",
    "Run",
    "Transient",
    "WorkerStopping",
    "cancel",
    "discard",
    "execute",
    "find_kind",
    "iter_kinds",
    "job",
    "reap_jobs",
    "retry",
    "run_due",
]
