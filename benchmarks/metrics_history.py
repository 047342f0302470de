"""Points of the past for the queries: one metric of a million points in 30 days, a hundred of one a minute.

All get the same line protocol. Windows slide by whole buckets from one query to the next, so that nobody
answers from a cache what is measured without one.
"""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.metrics_bodies import walk
from benchmarks.metrics_candidates import Candidate
from benchmarks.metrics_load import Target

HOUR_S, DAY_S = 3_600, 86_400
BODY_LINES: Final = 10_000
BIG: Final = "history.big"
BIG_DAYS, SLIDING_DAYS = 30, 3
BIG_POINTS: Final = 1_000_000
SMALL_METRICS, SMALL_DAYS, SMALL_STEP_S = 100, 7, 60
# How much smaller all of it is in a quick run.
QUICK_PART: Final = 10


def small(number: int) -> str:
    """Return the name of one of the hundred."""
    return f"history.small.h{number:03d}"


@dataclass(frozen=True, slots=True)
class History:
    """Where in time the points lie; the windows end at `end_s`, a midnight, or earlier."""

    part: int = 1
    end_s: int = field(default_factory=lambda: int(time.time()) // DAY_S * DAY_S)

    @property
    def big_points(self) -> int:
        """Return how many points the one metric has, those that windows slide over included."""
        return BIG_POINTS // self.part * (BIG_DAYS + SLIDING_DAYS) // BIG_DAYS

    @property
    def small_step_s(self) -> int:
        """Return how far apart the points of each of the hundred are."""
        return SMALL_STEP_S * self.part

    @property
    def small_points(self) -> int:
        """Return how many points each of the hundred has."""
        return (SMALL_DAYS + SLIDING_DAYS) * DAY_S // self.small_step_s

    def bodies(self) -> Iterator[bytes]:
        """Yield the bodies, in the order of time for each metric."""
        yield from self._big_bodies()
        yield from self._small_bodies()

    def _big_bodies(self) -> Iterator[bytes]:
        count = self.big_points
        span_ms = (BIG_DAYS + SLIDING_DAYS) * DAY_S * 1_000
        jitter = np.random.default_rng(1).random(count)
        times = (
            self.end_s * 1_000 - span_ms + ((np.arange(count) + jitter) * span_ms / count).astype(np.int64)
        )
        readings = walk((count, 1))[:, 0]
        for start in range(0, count, BODY_LINES):
            stop = min(count, start + BODY_LINES)
            yield _lines(
                (BIG, reading, at_ms)
                for reading, at_ms in zip(
                    readings[start:stop].tolist(), times[start:stop].tolist(), strict=True
                )
            )

    def _small_bodies(self) -> Iterator[bytes]:
        count = self.small_points
        readings = walk((count, SMALL_METRICS))
        jitter = np.random.default_rng(2).integers(0, 1_000, (count, SMALL_METRICS))
        first_s = self.end_s - count * self.small_step_s
        steps = BODY_LINES // SMALL_METRICS
        for start in range(0, count, steps):
            yield _lines(
                (
                    small(metric),
                    int(readings[step, metric]),
                    (first_s + step * self.small_step_s) * 1_000 + int(jitter[step, metric]),
                )
                for step in range(start, min(count, start + steps))
                for metric in range(SMALL_METRICS)
            )


def _lines(points: Iterator[tuple[str, int, int]]) -> bytes:
    return "".join(
        f"{name} value={cents // 100}.{cents % 100:02d} {at_ms}000000\n" for name, cents, at_ms in points
    ).encode()


def send_history(candidate: Candidate, target: Target, bodies: list[bytes]) -> None:
    """Send the bodies one after the other. Raises RuntimeError if one is not accepted."""
    client = http.client.HTTPConnection("127.0.0.1", candidate.port, timeout=60)
    headers = {"Host": "localhost", **dict(header.split(": ", 1) for header in target.headers)}
    for body in bodies:
        client.request("POST", target.path, body, headers)
        answer = client.getresponse()
        content = answer.read()
        if answer.status != target.status:
            raise RuntimeError(f"{candidate.name}: {answer.status} {content[:500]!r}")
    client.close()
