"""Points against processes that die at the worst moments: what was acknowledged counts once, nothing twice.

A few rounds here; METRICS_KILL_ROUNDS=200 for as many as the specification proves it by.
"""

import os
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from io import StringIO
from typing import Final

import httpx
import pytest
from django.core.management import call_command

from apps.accounts.models import Role
from apps.accounts.services import create_api_key
from apps.metrics.models import Shard
from tests.furniture.people import Actors
from tests.furniture.stack import Stack
from tests.metrics.stored import stored_points

pytestmark = pytest.mark.flow

ROUNDS: Final = int(os.environ.get("METRICS_KILL_ROUNDS", "6"))
SENDERS: Final = 4
POINTS_EACH: Final = 20
KNOWN_METRICS: Final = 5
DEATH_S: Final = 120.0
PATH: Final = "/api/v1/metrics/batch"
WRITE_POINTS: Final = ("write.before_commit", "write.committed")
COMPACT_POINTS: Final = ("compact.claimed", "compact.encoded", "compact.before_commit", "compact.committed")
POINTS: Final = WRITE_POINTS + COMPACT_POINTS


@dataclass
class Load:
    """Senders that go on while servers come and go; each value is sent once and never again."""

    url: str
    key: str
    acknowledged: set[float] = field(default_factory=set)
    sent: set[float] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: int = 0

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _take(self) -> list[float]:
        with self._lock:
            values = [float(self._next + place) for place in range(POINTS_EACH)]
            self._next += POINTS_EACH
            self.sent.update(values)
        return values

    def _send(self) -> None:
        with httpx.Client(timeout=30, headers={"X-API-Key": self.key}) as client:
            while not self._stop.is_set():
                values = self._take()
                # Now and then a new metric, so that transactions that make one die, too.
                name = f"new.{uuid.uuid4().hex}" if random.random() < 0.2 else None
                points = [
                    {"metric": name or f"known.{int(value) % KNOWN_METRICS}", "type": "value", "value": value}
                    for value in values
                ]
                try:
                    answer = client.post(self.url, json={"points": points})
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                if answer.status_code == 201:
                    with self._lock:
                        self.acknowledged.update(values)


def test_what_was_acknowledged_counts_once_whatever_dies(stack: Stack, stack_actors: Actors) -> None:
    """Proof 2."""
    _, raw = create_api_key(
        actor=stack_actors.admin.actor,
        name="Sender",
        role=Role.ANALYST,
        scopes=["metrics:ingest"],
        rate_per_minute=10_000_000,
    )
    with Load(f"{stack.url}{PATH}", raw) as load:
        stack.kill("web")
        for number in range(ROUNDS):
            point = POINTS[number % len(POINTS)]
            if point in WRITE_POINTS:
                _let_web_die(stack, f"{point}:{random.randint(1, 30)}")
            else:
                if not stack.is_web_alive():
                    stack.start("web")
                time.sleep(0.3)
                ended = stack.command("compact_metrics", "--all", DEBUG="true", METRICS_FAULT=point)
                assert ended.returncode == -9, ended.stderr
                _release_leases()
            if stack.is_web_alive() and POINTS[(number + 1) % len(POINTS)] in WRITE_POINTS:
                stack.kill("web")
        if not stack.is_web_alive():
            stack.start("web")
    call_command("compact_metrics", "--all", "--until-empty", stdout=StringIO())
    call_command("metrics_verify", "--organization", stack_actors.organization.slug, stdout=StringIO())

    counts = Counter(value for _key, _at, value in stored_points(stack_actors.organization.pk))
    assert load.acknowledged
    assert load.acknowledged <= counts.keys()
    assert counts.keys() <= load.sent
    assert set(counts.values()) == {1}


def _let_web_die(stack: Stack, fault: str) -> None:
    stack.start("web", DEBUG="true", METRICS_FAULT=fault)
    deadline_s = time.monotonic() + DEATH_S
    while not stack.has_died("web"):
        assert time.monotonic() < deadline_s, "the point of death was not reached"
        time.sleep(0.01)


def _release_leases() -> None:
    """Let the lease of who died end at once; it would run for a minute."""
    Shard.objects.update(lease_until=None)
