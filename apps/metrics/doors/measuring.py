"""What doors and answers count of themselves, for `/metrics` and as points of the installation's own."""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import Histogram

from apps.metrics import figures
from apps.metrics.recording import Recorded
from apps.metrics.recording.own_points import own_points


def note_request(door: str, status: int, seconds: float) -> None:
    """Note how long a request took, from its head to the end of its answer."""
    _duration_of(door, status).observe(seconds)
    own_points.note("request_duration", seconds, door=door, status=str(status))


def count_refusal(door: str, code: str) -> None:
    """Count a refused request."""
    figures.ingestion_failures.labels(door=door, code=code).inc()
    own_points.add("ingestion_failures", door=door, code=code)


def count_items(door: str, recorded: Recorded) -> None:
    """Count the stored points of a request, and its refused items."""
    if not recorded.is_repeated:
        _points_of(door).inc(recorded.accepted)
    for refusal in recorded.refusals:
        count_refusal(door, refusal.code)


def note_depth(waiting: int) -> None:
    """Note how many requests wait for the next commit."""
    figures.queue_depth.set(waiting)
    own_points.note("queue_depth", waiting)


@contextmanager
def timed_write() -> Iterator[None]:
    """Note how long the transaction inside takes."""
    with _timed("db_write_latency", figures.db_write_latency):
        yield


@contextmanager
def timed_answer() -> Iterator[None]:
    """Note how long it takes to answer a question inside."""
    with _timed("aggregation_latency", figures.aggregation_latency):
        yield


@contextmanager
def _timed(name: str, histogram: Histogram) -> Iterator[None]:
    started_s = time.perf_counter()
    yield
    seconds = time.perf_counter() - started_s
    histogram.observe(seconds)
    own_points.note(name, seconds)


# Labels are looked up under a lock; there are few of them.
@functools.cache
def _duration_of(door: str, status: int) -> Any:
    return figures.request_duration.labels(door=door, status=str(status))


@functools.cache
def _points_of(door: str) -> Any:
    return figures.points.labels(door=door)
