"""Work without a broker: rows straight from the database, for as long as no message can be sent."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import structlog
from celery import current_app
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from apps.common.jobs.execution import run_due
from apps.common.jobs.reaper import reap_jobs
from apps.common.jobs.run import worker_is_stopping

IDLE_S: Final = 1.0
REAP_EVERY_S: Final = 10.0
LOST_AFTER_S: Final = 30.0

logger = structlog.get_logger(__name__)


def has_broker() -> bool:
    """Tell whether the broker takes messages just now."""
    try:
        with current_app.connection_for_write() as connection:
            connection.default_channel  # noqa: B018 - opening it asks the server
    except (BrokerError, RedisError, OSError):
        return False
    return True


def work_until(is_over: Callable[[], bool], *, queue: str | None = None) -> int:
    """Run what is due, and whatever comes due, until `is_over`; return how many rows were tried."""
    tried = 0
    reap_at_s = 0.0
    while not is_over() and not is_stopping():
        if time.monotonic() >= reap_at_s:
            reap_jobs()
            reap_at_s = time.monotonic() + REAP_EVERY_S
        found = run_due(queue=queue)
        tried += found
        if not found:
            time.sleep(IDLE_S)
    return tried


def stand_by(*, queue: str | None = None) -> None:
    """Work whenever the broker is lost for half a minute, to the end; for the unit beside a worker."""
    lost_at_s: float | None = None
    while not is_stopping():
        if has_broker():
            lost_at_s = None
        else:
            lost_at_s = lost_at_s or time.monotonic()
            if time.monotonic() - lost_at_s >= LOST_AFTER_S:
                logger.warning("broker_lost")
                tried = work_until(has_broker, queue=queue)
                logger.info("broker_found", jobs_tried=tried)
        time.sleep(IDLE_S)


def stop_when_asked() -> None:
    """Take SIGTERM and SIGINT as a worker does: the job at work goes back to its queue, uncounted."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        worker_is_stopping.value = 1

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def is_stopping() -> bool:
    """Tell whether the process was asked to end."""
    return bool(worker_is_stopping.value)
