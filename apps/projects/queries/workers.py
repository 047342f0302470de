"""Reads of how the queues are served: by whom, since when, and what waits."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Count, Min

from apps.common.db import JobStatus
from apps.common.jobs import iter_kinds
from apps.common.jobs.beats import ALIVE_FOR, WorkerBeat, read_beats
from apps.common.jobs.queues import QUEUES

DOWN_AFTER: Final = dt.timedelta(seconds=120)


class QueueHealth(StrEnum):
    """How a queue is served."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class QueueService:
    """One queue: its living workers, their last sign of life, and the jobs that wait."""

    queue: str
    workers: int
    last_beat_at: dt.datetime | None
    state: QueueHealth
    queued: int
    oldest_queued_s: float


def queue_services(*, now: dt.datetime) -> list[QueueService]:
    """Return every queue in the order of the table of queues. Issues one query a kind of job."""
    beats, waiting = read_beats(now=now), _waiting(now)
    return [_service(name, beats, waiting.get(name, (0, now)), now) for name in QUEUES]


def _service(
    name: str, beats: Sequence[WorkerBeat], waiting: tuple[int, dt.datetime], now: dt.datetime
) -> QueueService:
    own = [beat for beat in beats if name in beat.queues]
    last = max((beat.at for beat in own), default=None)
    queued, oldest = waiting
    return QueueService(
        queue=name,
        workers=sum(beat.at >= now - ALIVE_FOR for beat in own),
        last_beat_at=last,
        state=_state(last, now),
        queued=queued,
        oldest_queued_s=round(max((now - oldest).total_seconds(), 0.0), 1),
    )


def _state(last: dt.datetime | None, now: dt.datetime) -> QueueHealth:
    if last is None or last < now - DOWN_AFTER:
        return QueueHealth.DOWN
    return QueueHealth.OK if last >= now - ALIVE_FOR else QueueHealth.DEGRADED


def _waiting(now: dt.datetime) -> dict[str, tuple[int, dt.datetime]]:
    """Return by queue how many jobs could run now, and since when the oldest waits."""
    found: dict[str, tuple[int, dt.datetime]] = {}
    for kind in iter_kinds():
        rows = kind.rows.filter(status=JobStatus.QUEUED).exclude(run_after__gt=now).order_by()
        for name, queued, oldest in rows.values_list("queue").annotate(Count("pk"), Min("queued_at")):
            before = found.get(name, (0, now))
            found[name] = (before[0] + queued, min(before[1], oldest))
    return found
