"""Sextant's own figures as points of the organization `system`, so that they can be charted like any others.

Each process collects and writes them every ten seconds. They are not measured themselves, or each would bring
another. What cannot be written is dropped: figures must never be why something fails.
"""

import functools
import random
import threading
import time
from collections import defaultdict
from typing import Final

import numpy as np
import structlog
from django.conf import settings
from django.db import connection

from apps.accounts.models import Organization
from apps.accounts.models.organization import SYSTEM_SLUG
from apps.common.errors import DomainError
from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import Parsed, PointBatch
from apps.metrics.points.names import canonical_key
from apps.metrics.recording.outcomes import Mode, Submission
from apps.metrics.recording.resolving import RESERVED_PREFIX
from apps.metrics.recording.tail import SERVING_ROLES, is_alive
from apps.metrics.recording.writing import write_group

EVERY_S: Final = 10.0
SAMPLES_MAX: Final = 200
DOOR: Final = "own"

logger = structlog.get_logger(__name__)


class OwnPoints:
    """What one process has noted since the last flush: samples of readings, sums of amounts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._seen: dict[str, int] = defaultdict(int)
        self._amounts: dict[str, int] = defaultdict(int)
        self._thread: threading.Thread | None = None

    def note(self, name: str, value: float, **tags: str) -> None:
        """Note a reading; of more than 200 in ten seconds an even sample is kept."""
        key = _key_of(name, tuple(tags.items()))
        point = time.time_ns() // 1_000, float(value)
        with self._lock:
            samples = self._samples[key]
            self._seen[key] += 1
            if len(samples) < SAMPLES_MAX:
                samples.append(point)
            else:
                place = random.randrange(self._seen[key])  # noqa: S311 - a sample, no secret
                if place < SAMPLES_MAX:
                    samples[place] = point
        self._start()

    def add(self, name: str, amount: int = 1, **tags: str) -> None:
        """Add to an amount."""
        with self._lock:
            self._amounts[_key_of(name, tuple(tags.items()))] += amount
        self._start()

    def flush(self) -> None:
        """Write what was noted."""
        with self._lock:
            samples, amounts = self._samples, self._amounts
            self._samples, self._amounts = defaultdict(list), defaultdict(int)
            self._seen = defaultdict(int)
        now_us = time.time_ns() // 1_000
        rows = [(key, MetricType.VALUE, at, value) for key, points in samples.items() for at, value in points]
        rows += [
            (key, MetricType.COUNTER, now_us, float(amount)) for key, amount in amounts.items() if amount
        ]
        if rows:
            _write(rows, now_us)

    def _start(self) -> None:
        if settings.ROLE in SERVING_ROLES and not is_alive(self._thread):
            with self._lock:
                if not is_alive(self._thread):
                    self._thread = threading.Thread(target=self._run, name="own-points", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_S)
            try:
                self.flush()
            except Exception:  # the boundary of background work: figures never stop anything
                logger.exception("own_points.failed")
            finally:
                connection.close()


@functools.lru_cache(maxsize=1_024)
def _key_of(name: str, tags: tuple[tuple[str, str], ...]) -> str:
    return canonical_key(RESERVED_PREFIX + name, dict(tags))


def _write(rows: list[tuple[str, MetricType, int, float]], now_us: int) -> None:
    types = {key: kind for key, kind, _at, _value in rows}
    places = {key: place for place, key in enumerate(types)}
    batch = PointBatch(
        keys=list(types),
        types=list(types.values()),
        key_index=np.array([places[row[0]] for row in rows], dtype=np.int32),
        times=np.array([row[2] for row in rows], dtype=np.int64),
        values=np.array([row[3] for row in rows], dtype=np.float64),
    )
    organization = Organization.objects.get(slug=SYSTEM_SLUG)
    parsed = Parsed(batch, (), len(batch))
    (outcome,) = write_group([Submission(organization.pk, parsed, DOOR, now_us, mode=Mode.PARTIAL)])
    if isinstance(outcome, DomainError):
        logger.warning("own_points.refused", code=outcome.code, detail=outcome.detail)


own_points: Final = OwnPoints()
