"""What runs for a project, of any kind of job."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from django.db.models import QuerySet

from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.jobs import JobKind, JobNotCancellable, iter_kinds
from apps.projects.models import Application, CodeJob, MirrorRun, Project, Proposal

LIVE: Final = (JobStatus.QUEUED, JobStatus.WAITING, JobStatus.RUNNING)
PREFIX: Final = "projects."
TABLES: Final = (MirrorRun, CodeJob, Proposal, Application)


def cancel_work(project: Project) -> None:
    """Cancel all jobs of a project that have not ended; running ones stop as soon as they notice."""
    for kind, rows in _jobs_of(project):
        for row in rows.filter(status__in=LIVE, cancel_requested_at__isnull=True):
            with suppress(JobNotCancellable):  # it has just ended
                jobs.cancel(kind, row)


def is_worked_on(project: Project) -> bool:
    """Tell whether a job of the project still runs. At most one query a table."""
    rows = (model.objects.filter(project=project, status=JobStatus.RUNNING) for model in TABLES)
    return any(running.exists() for running in rows)


def _jobs_of(project: Project) -> Iterator[tuple[JobKind[Any], QuerySet[Any]]]:
    """Yield each kind of job with its rows."""
    for kind in iter_kinds():
        if kind.kind.startswith(PREFIX):
            yield kind, kind.rows.filter(project=project)
