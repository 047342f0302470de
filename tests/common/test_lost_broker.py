"""Nudging without a broker: nothing is raised, nobody waits long, and the row stays for the reaper."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery

from apps.common.jobs import JobKind
from apps.common.jobs.queues import QUEUES
from apps.common.reachability import reachability_at
from apps.datasets.models import Import
from config.celery import app as products_own
from config.embedded import valkey as valkey_server
from config.embedded.processes import StartFailed
from tests.furniture.own_valkey import OwnValkey
from tests.furniture.stopwatch import seconds_waited

# A call may take 0.5 s (platform.md section 14); the rest is for a busy machine.
PATIENCE_S = 1.5


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[OwnValkey]:
    """Return a broker of its own, which messages go to for the time of the test."""
    try:
        valkey_server.program()
    except StartFailed as error:
        pytest.skip(str(error))
    server = OwnValkey(tmp_path)
    server.start()
    app = Celery("lost_broker")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.update(broker_url=f"redis+socket://{server.socket}")
    yield server
    products_own.set_current()
    app.close()
    server.stop(and_forget=True)


@pytest.fixture
def kind() -> JobKind[Import]:
    return JobKind("test.nudged", "datasets.Import", QUEUES["default"], body=lambda _run: None)


def seconds_to_nudge(kind: JobKind[Import]) -> float:
    return seconds_waited(lambda: kind.nudge(uuid.uuid4(), "default"))


def waiting(broker: OwnValkey) -> int:
    """Return how many messages lie in the queue."""
    with redis.Redis.from_url(broker.url) as client:
        return sum(client.llen(key) for key in client.scan_iter("default*"))


def test_a_broker_that_stops_answering_holds_nobody_up(broker: OwnValkey, kind: JobKind[Import]) -> None:
    kind.nudge(uuid.uuid4(), "default")
    assert waiting(broker) == 1

    broker.freeze()
    try:
        assert seconds_to_nudge(kind) < PATIENCE_S
        assert seconds_to_nudge(kind) < 0.4  # left alone for a second
    finally:
        broker.thaw()

    reachability_at(broker.url).note_answer()
    before = waiting(broker)
    kind.nudge(uuid.uuid4(), "default")
    assert waiting(broker) == before + 1


def test_a_broker_that_died_holds_nobody_up(broker: OwnValkey, kind: JobKind[Import]) -> None:
    kind.nudge(uuid.uuid4(), "default")

    broker.stop(and_forget=True)

    assert seconds_to_nudge(kind) < PATIENCE_S
