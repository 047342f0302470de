"""The two messages that a worker takes: run a job, tick a clock."""

import ctypes
import os
import signal
import socket
import time
import uuid
from typing import Any, Final

import structlog
from celery import shared_task
from celery.signals import (
    heartbeat_sent,
    task_postrun,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)
from django.utils import timezone
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from apps.common.jobs import execute
from apps.common.jobs.beats import BEAT_S, note_beat
from apps.common.jobs.nudges import MESSAGE_NAME
from apps.common.jobs.run import worker_is_stopping
from apps.common.locks import try_session_lock
from config import schedule
from config.celery import app

PR_SET_PDEATHSIG: Final = 1

logger = structlog.get_logger(__name__)


@shared_task(name=MESSAGE_NAME)
def run_job(*, kind: str, id: str) -> None:  # noqa: A002 - the message's own words
    """Run one job; the row decides whether there is anything to do."""
    execute(kind, uuid.UUID(id))


@shared_task(name=schedule.MESSAGE_NAME)
def tick(*, name: str, is_asked: bool = False) -> None:
    """Run one clock function, unless the same tick came twice or a worker runs it at this moment."""
    entry = schedule.ENTRIES[name]
    with try_session_lock(f"clock:{name}") as held:
        if not held:
            return
        with schedule.recorded_run(name, is_asked=is_asked) as is_due:
            if is_due:
                import_string(entry.function)()


@task_postrun.connect
def give_memory_back(**_kwargs: Any) -> None:
    """Hand what a task has freed back to the system, which glibc would keep for the next one."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@worker_process_init.connect
def die_with_parent(**_kwargs: Any) -> None:
    """Ask the kernel to end a pool process whose worker was killed; else it would wait for work for ever."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@worker_shutting_down.connect
def stop_jobs(**_kwargs: Any) -> None:
    """Tell the jobs in the pool processes to go back to their queue."""
    worker_is_stopping.value = 1


_beaten_s = -BEAT_S


@heartbeat_sent.connect
def note_life(**_kwargs: Any) -> None:
    """Note every few of Celery's own heartbeats that this worker lives, and which queues it serves."""
    global _beaten_s  # noqa: PLW0603 - one worker is one process
    now_s = time.monotonic()
    if now_s - _beaten_s >= BEAT_S:
        _beaten_s = now_s
        queues = app.amqp.queues.consume_from
        note_beat(f"{socket.gethostname()}:{os.getpid()}", queues, now=timezone.now())


@worker_ready.connect
def look_for_lost_jobs(**_kwargs: Any) -> None:
    """Have the reaper look at once: whoever worked here before may have been killed at work."""
    ask_for("reap_jobs")


@worker_ready.connect
def look_for_runs(**_kwargs: Any) -> None:
    """Have an installation that has no signals yet find its runs at once."""
    ask_for("discover_runs")


def ask_for(name: str) -> None:
    """Let a worker tick a clock now; without a broker say so: the clock itself comes later."""
    try:
        tick.apply_async(
            kwargs={"name": name, "is_asked": True},
            queue=schedule.ENTRIES[name].queue,
            expires=schedule.URGENT_S,
        )
    except (BrokerError, RedisError, OSError) as error:
        logger.warning("clock_not_asked_for", clock=name, error=str(error))
