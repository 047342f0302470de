"""How many jobs there are, and how they stand."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Q

from apps.accounts.models.job import DEAD, JobQuerySet
from apps.common.db import JobStatus


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs there are by status, and how many are dead letters; `kind` is empty for all together."""

    kind: str
    queued: int = 0
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    dead: int = 0
    oldest_queued_at: dt.datetime | None = None
    kinds: "tuple[JobCounts, ...]" = ()


def summarize_jobs(jobs: JobQuerySet) -> JobCounts:
    """Count jobs by status, all together and by kind. Issues one query."""
    counts: dict[str, Any] = {
        str(status): Count("pk", filter=Q(status=status)) for status in JobStatus.values
    }
    oldest = Min("queued_at", filter=Q(status=JobStatus.QUEUED))
    rows = (
        jobs.order_by("kind")
        .values("kind")
        .annotate(**{f"n_{name}": count for name, count in counts.items()})
        .annotate(n_dead=Count("pk", filter=DEAD), oldest_queued_at=oldest)
    )
    named: list[dict[str, Any]] = [
        {name.removeprefix("n_"): value for name, value in row.items()} for row in rows
    ]
    kinds = tuple(JobCounts(**values) for values in named)
    totals = {name: sum(getattr(kind, name) for kind in kinds) for name in (*counts, "dead")}
    times = [kind.oldest_queued_at for kind in kinds if kind.oldest_queued_at is not None]
    return JobCounts(kind="", **totals, oldest_queued_at=min(times, default=None), kinds=kinds)
