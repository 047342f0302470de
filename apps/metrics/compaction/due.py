"""Which shards are due, and the messages that say so."""

import time
import uuid
from typing import Final

from celery import current_app

from apps.common.jobs.queues import QUEUES
from apps.common.reachability import reachability_at
from apps.metrics.compaction.compacting import Compacted, compact_shard, is_due
from apps.metrics.compaction.leasing import PATIENCE_S
from apps.metrics.storage import segments, shards

MESSAGE_NAME: Final = "sextant.compact_shard"
# The next tick is the retry: a message that waited longer would only be one of several for the same shard.
MESSAGE_EXPIRY_S: Final = 30
BUSY_S: Final = 1.0


def send_due() -> list[int]:
    """Write down what waits, and send a message for each shard that is due and held by nobody."""
    shards.mark_pending()
    held = shards.held_shards()
    due = [
        each.shard_id for each in segments.pending_by_shard() if is_due(each) and each.shard_id not in held
    ]
    for shard_id in due:
        nudge(shard_id)
    return due


def nudge(shard_id: int) -> None:
    """Ask a worker to look at a shard, after the commit of what made it due; the message may be lost."""
    broker = reachability_at(current_app.conf.broker_url)
    if broker.may_call():
        with broker.watch(f"nudge of shard {shard_id}"):
            _send(shard_id)


def compact_everything(
    organization_id: uuid.UUID | None = None, *, force: bool = True, until_empty: bool = True
) -> list[Compacted]:
    """Compact here and now what waits in all shards, or in an organization's; return what was done.

    `force` takes what is not due, too; `until_empty` goes on with what comes in meanwhile. A shard that
    another holds is waited for until its lease would be over.
    """
    done: list[Compacted] = []
    for shard_id, _ in shards.shards_of(organization_id):
        done += _compact_all(shard_id, force=force, until_empty=until_empty)
    return done


def _compact_all(shard_id: int, *, force: bool, until_empty: bool) -> list[Compacted]:
    done: list[Compacted] = []
    give_up_s = time.monotonic() + PATIENCE_S
    while _has_work(shard_id, force=force) and time.monotonic() < give_up_s:
        compacted = compact_shard(shard_id, force=force)
        if compacted is None:
            time.sleep(BUSY_S)
            continue
        done.append(compacted)
        if not until_empty or not compacted.points:
            break
        give_up_s = time.monotonic() + PATIENCE_S
    return done


def _has_work(shard_id: int, *, force: bool) -> bool:
    return any(force or is_due(each) for each in segments.pending_by_shard(shard_id))


def _send(shard_id: int) -> None:
    queue = QUEUES["default"]
    current_app.send_task(
        MESSAGE_NAME,
        kwargs={"shard_id": shard_id},
        queue=queue.name,
        priority=queue.priority,
        expires=MESSAGE_EXPIRY_S,
        soft_time_limit=queue.soft_limit_s,
        time_limit=queue.hard_limit_s,
        retry=False,
        ignore_result=True,
    )
