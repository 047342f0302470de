"""New points on the live topics `metrics.<key>`: merged four times a second, sent where somebody listens.

A commit leaves its points here and goes on. Each process has one thread that asks Valkey which topics are
listened to, publishes their points and forgets the rest. Nothing here ever fails or delays a write.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import structlog
from django.conf import settings
from django.db import connection

from apps.common import live
from apps.common.live.streams import PREFIX
from apps.common.valkey import valkey_at
from apps.metrics.points.batch import SECOND_US, PointBatch

EVERY_S: Final = 0.25
POINTS_SHOWN: Final = 500
# While Valkey hangs, what waits must not grow.
WAITING_MAX: Final = 2_000
IDLE_S: Final = 30.0
# Commands end before anybody could listen.
SERVING_ROLES: Final = frozenset({"web", "worker"})
TOPIC: Final = "metrics."
PURPOSE: Final = "live points"

logger = structlog.get_logger(__name__)


class Tail:
    """The points of one process on their way to who listens."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[uuid.UUID, PointBatch]] = deque(maxlen=WAITING_MAX)
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(self, organization_id: uuid.UUID, batch: PointBatch) -> None:
        """Take committed points; returns at once."""
        self._waiting.append((organization_id, batch))
        self._wake.set()
        if settings.ROLE in SERVING_ROLES and not is_alive(self._thread):
            with self._lock:
                if not is_alive(self._thread):
                    self._thread = threading.Thread(target=self._run, name="live-points", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        next_s = 0.0
        while self._is_awaited():
            # A point after a pause goes at once: who watches a chart sees it while its sender still looks.
            time.sleep(max(0.0, next_s - time.monotonic()))
            self._wake.clear()
            next_s = time.monotonic() + EVERY_S
            try:
                self.flush()
            except Exception:  # the boundary of background work: the next round goes on
                logger.exception("live_points.failed")
            finally:
                connection.close()  # publishing asks it whether a transaction is open

    def _is_awaited(self) -> bool:
        """Wait for points; False ends the thread, and the next points start another."""
        if self._wake.wait(IDLE_S):
            return True
        with self._lock:
            if self._waiting:
                return True
            self._thread = None
            return False

    def flush(self) -> None:
        """Publish what waits to topics that somebody listens to."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        by_organization: dict[uuid.UUID, list[PointBatch]] = {}
        for organization_id, batch in taken:
            by_organization.setdefault(organization_id, []).append(batch)
        for organization_id, batches in by_organization.items():
            for key in _listened(organization_id):
                event = _event(key, batches)
                if event is not None:
                    topic = f"{TOPIC}{key}"
                    live.publish(
                        organization_id=organization_id, topic=topic, type="metrics.points", data=event
                    )


def is_alive(thread: threading.Thread | None) -> bool:
    """Tell whether a thread runs in this process."""
    # A fork leaves the object behind, and not the thread.
    return thread is not None and thread.is_alive()


def _listened(organization_id: uuid.UUID) -> Iterator[str]:
    """Yield the keys of an organization's metrics whose topic has a subscriber in any process."""
    start = f"{PREFIX}:{{{organization_id}}}:{TOPIC}"
    channels: Any = valkey_at(settings.CHANNEL_URL).attempt(
        lambda client: client.pubsub_channels(f"{start}*"), purpose=PURPOSE
    )
    for channel in channels or ():
        yield channel.decode().removeprefix(start)


def _event(key: str, batches: Iterable[PointBatch]) -> dict[str, Any] | None:
    """Return the newest points of a metric by time, with how many there are; None if there is none."""
    times, values = [], []
    for batch in batches:
        if key in batch.keys:
            own = batch.key_index == batch.keys.index(key)
            times.append(batch.times[own])
            values.append(batch.values[own])
    count = sum(map(len, times))
    if not count:
        return None
    all_times, all_values = np.concatenate(times), np.concatenate(values)
    order = np.lexsort((all_values, all_times))[-POINTS_SHOWN:]
    points = zip((all_times[order] / SECOND_US).tolist(), all_values[order].tolist(), strict=True)
    return {"points": [list(point) for point in points], "count": count, "truncated": count > POINTS_SHOWN}


tail: Final = Tail()
