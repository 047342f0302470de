"""Messages to the workers: each says which row to look at, and may be lost."""

import uuid
from typing import Final

from celery import current_app

from apps.common.jobs.queues import Queue
from apps.common.reachability import reachability_at

MESSAGE_NAME: Final = "sextant.run_job"


def send_nudge(kind: str, row_id: uuid.UUID, queue: Queue) -> None:
    """Send the message that a row waits in `queue`; without a broker say so in the log."""
    broker = reachability_at(current_app.conf.broker_url)
    if broker.may_call():
        with broker.watch(f"nudge of {kind} {row_id}"):
            _send(kind, row_id, queue)


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
