"""What `/metrics` shows of queues and breakers; of jobs the rows are asked, which are the truth."""

from collections.abc import Iterator

from django.db.models import Count
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.jobs import iter_kinds
from apps.common.metrics import Figure, register_figure
from apps.common.outbound.breaker import breaker_states
from apps.common.probes import disk_facts


def register_figures() -> None:
    """Show jobs by kind and state, the oldest due one of each queue, and the breakers."""
    register_figure(
        Figure("sextant_jobs", "Jobs by kind and state.", _jobs_by_state, labels=("kind", "status"))
    )
    register_figure(
        Figure(
            "sextant_breaker_state",
            "How far the worst breaker of a purpose is open in this process: 0, 0.5 or 1.",
            breaker_states,
            labels=("purpose",),
        )
    )
    register_figure(
        Figure("sextant_disk_free_ratio", "Free share of the data folder's disk, 0..1.", _disk_free)
    )
    register_figure(
        Figure(
            "sextant_queue_oldest_seconds",
            "How long the oldest due job of a queue has been waiting.",
            _oldest_s,
            labels=("queue",),
        )
    )


def _disk_free() -> list[tuple[tuple[str, ...], float]]:
    facts = disk_facts()
    return [((), facts["free_bytes"] / facts["total_bytes"])]


def _jobs_by_state() -> Iterator[tuple[tuple[str, ...], float]]:
    for kind in iter_kinds():
        counts = dict(kind.rows.order_by().values_list("status").annotate(Count("pk")))
        for status in JobStatus:
            yield (kind.kind, status.value), counts.get(status.value, 0)


def _oldest_s() -> Iterator[tuple[tuple[str, ...], float]]:
    now = timezone.now()
    oldest_s: dict[str, float] = {}
    for kind in iter_kinds():
        due = kind.rows.filter(status=JobStatus.QUEUED).exclude(run_after__gt=now)
        # The row's own queue: a mail of one kind may be urgent, another not.
        for queue, queued_at in (
            due.order_by("queue", "queued_at").distinct("queue").values_list("queue", "queued_at")
        ):
            oldest_s[queue] = max(oldest_s.get(queue, 0.0), (now - queued_at).total_seconds())
    for queue, waited_s in sorted(oldest_s.items()):
        yield (queue,), round(waited_s, 3)
