"""Results leave 90 days after their job ended, but for the newest of each type and path."""

import datetime as dt
from typing import Any, Final

from django.db.models import Exists, Q, QuerySet

from apps.common.db import JobStatus
from apps.common.keeping import KeepingRule
from apps.projects.documenting.storing import drop_result
from apps.projects.models import CodeJob
from apps.projects.queries.docs import newer_results

KEPT_FOR: Final = dt.timedelta(days=90)
ENDED: Final = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


def past_jobs(now: dt.datetime) -> QuerySet[CodeJob, Any]:
    """Return the jobs whose time is over."""
    old: QuerySet[CodeJob, Any] = CodeJob.objects.filter(status__in=ENDED, finished_at__lt=now - KEPT_FOR)
    return old.filter(~Q(status=JobStatus.SUCCEEDED) | Exists(newer_results()))


def drop_past_jobs(now: dt.datetime) -> int:
    """Delete past jobs with their results; return how many."""
    return sum(_drop(row) for row in past_jobs(now).order_by("pk").iterator())


def _drop(row: CodeJob) -> int:
    # The file first: killed in between, the row still says where it lies.
    drop_result(row)
    return CodeJob.objects.filter(pk=row.pk).delete()[0]


RULE: Final = KeepingRule("projects.results", count=lambda now: past_jobs(now).count(), drop=drop_past_jobs)
