"""Messages to the workers: each says which row to look at, and may be lost."""

import time
import uuid
from typing import Final

import structlog
from celery import current_app
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from apps.common.jobs.queues import Queue

MESSAGE_NAME: Final = "sextant.run_job"
# After a failed call the broker is left alone this long, so that its loss slows no request down twice.
BROKER_PAUSE_S: Final = 1.0

_broker_untried_until_s = 0.0

logger = structlog.get_logger(__name__)


def send_nudge(kind: str, row_id: uuid.UUID, queue: Queue) -> None:
    """Send the message that a row waits in `queue`; without a broker say so in the log."""
    global _broker_untried_until_s  # noqa: PLW0603 - one broker per process
    if time.monotonic() < _broker_untried_until_s:
        return
    try:
        _send(kind, row_id, queue)
    except (BrokerError, RedisError, OSError) as error:
        _broker_untried_until_s = time.monotonic() + BROKER_PAUSE_S
        logger.warning("job_not_nudged", job_kind=kind, job_id=str(row_id), error=str(error))


def _send(kind: str, row_id: uuid.UUID, queue: Queue) -> None:
    current_app.send_task(
        MESSAGE_NAME,
        kwargs={"kind": kind, "id": str(row_id)},
        queue=queue.name,
        priority=queue.priority,
        expires=queue.message_expiry_s,
        soft_time_limit=queue.soft_limit_s,
        time_limit=queue.hard_limit_s,
        retry=False,
        ignore_result=True,
    )
