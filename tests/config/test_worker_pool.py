"""The worker's pool: a process for each job that has to wait, and one when nothing is to do."""

import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from kombu.asynchronous import Hub
from kombu.asynchronous.semaphore import DummyLock

from config import worker_pool
from config.schedule import MESSAGE_NAME
from config.worker_pool import PatientAutoscaler

MAXIMUM = 3


class Pool:
    """Celery's pool as far as its scaling sees it."""

    num_processes = 1

    def grow(self, n: int) -> None:
        """Take more processes."""
        self.num_processes += n

    def shrink(self, n: int) -> None:
        """End processes."""
        self.num_processes -= n

    def maintain_pool(self) -> None:
        """Do nothing: there are none."""


class Job:
    """A message that the worker took, as far as its state is concerned."""

    def __init__(self, name: str) -> None:
        self.id, self.name = uuid.uuid4().hex, name


@pytest.fixture
def pool() -> Pool:
    """Return a pool of one process."""
    return Pool()


@pytest.fixture
def scaler(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Iterator[PatientAutoscaler]:
    """Return what scales the pool, without patience."""
    monkeypatch.setattr(worker_pool, "PATIENCE_S", 0.0)
    monkeypatch.setattr(worker_pool, "IDLE_AFTER_S", 0.0)
    hub = Hub()
    yield PatientAutoscaler(pool, MAXIMUM, 1, worker=SimpleNamespace(hub=hub), mutex=DummyLock())
    state.reset_state()
    hub.close()


def take(scaler: PatientAutoscaler, name: str) -> Any:
    """Let the worker take a message."""
    job = Job(name)
    state.task_reserved(job)
    scaler.maybe_scale(job)
    return job


def pass_time(scaler: PatientAutoscaler) -> None:
    """Let the worker's loop look at what is due."""
    scaler.worker.hub.fire_timers()
    scaler.maybe_scale()


def test_a_job_alone_needs_no_other_process(scaler: PatientAutoscaler, pool: Pool) -> None:
    take(scaler, "first")
    pass_time(scaler)

    assert pool.num_processes == 1


def test_each_job_that_waits_gets_a_process_up_to_the_limit(scaler: PatientAutoscaler, pool: Pool) -> None:
    state.task_accepted(take(scaler, "first"))
    for name in ("second", "third", "fourth"):
        take(scaler, name)
    pass_time(scaler)

    assert pool.num_processes == MAXIMUM


def test_clocks_wait_longer_for_one_another(scaler: PatientAutoscaler, pool: Pool) -> None:
    state.task_accepted(take(scaler, MESSAGE_NAME))
    take(scaler, MESSAGE_NAME)
    pass_time(scaler)

    assert pool.num_processes == 1


def test_a_job_that_got_its_turn_meanwhile_needs_none(scaler: PatientAutoscaler, pool: Pool) -> None:
    first, second = take(scaler, "first"), take(scaler, "second")
    state.task_ready(first)
    state.task_accepted(second)
    pass_time(scaler)

    assert pool.num_processes == 1


def test_idle_processes_end_but_for_one(scaler: PatientAutoscaler, pool: Pool) -> None:
    pool.num_processes = MAXIMUM
    job = take(scaler, "only")
    pass_time(scaler)
    assert pool.num_processes == MAXIMUM

    state.task_ready(job)
    pass_time(scaler)

    assert pool.num_processes == 1
