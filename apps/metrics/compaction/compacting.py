"""Compaction of a shard: claim, step by step, merge what has become many, release."""

import time
from dataclasses import asdict, dataclass
from typing import Final

import structlog
from django.conf import settings

from apps.metrics.compaction.leasing import hold
from apps.metrics.compaction.merging import merge_levels
from apps.metrics.compaction.moving import Moved, move_step
from apps.metrics.storage import segments
from apps.metrics.storage.faults import reach
from apps.metrics.storage.partitions import PartitionsBusy
from apps.metrics.storage.segments import Pending
from apps.metrics.storage.shards import Lease, LeaseLost

# A message's work: whoever has more to do is asked again, so that a worker can be stopped in between.
BUDGET_S: Final = 240.0

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one compaction of a shard did. `skipped` segments are unreadable and stay."""

    shard_id: int
    points: int = 0
    segments: int = 0
    parts: int = 0
    merged_parts: int = 0
    skipped: int = 0
    seconds: float = 0.0


def is_due(pending: Pending) -> bool:
    """Tell whether what waits in a shard is much, in many pieces, or old."""
    return (
        pending.points >= settings.METRICS_COMPACT_POINTS
        or pending.segments >= settings.METRICS_COMPACT_SEGMENTS
        or pending.oldest_age_s >= settings.METRICS_COMPACT_AGE_S
    )


def compact_shard(shard_id: int, *, force: bool) -> Compacted | None:
    """Move what waits in a shard into chunks and rollups, if that is due or `force` says so.

    Takes what had been written when it began. None if another holds the shard or nothing is to be done. Runs
    outside of transactions. Two at once, or one that dies or wakes late, have one effect. Raises
    CorruptPayload if a stored rollup cannot be read: `rebuild_rollups` repairs it.
    """
    newest = segments.newest_id(shard_id)
    if newest is None or not (force or _is_shard_due(shard_id)):
        return None
    with hold(shard_id) as lease:
        if lease is None:
            return None
        reach("compact.claimed")
        done = _compact(lease, newest)
    logger.info("metrics.compacted", **asdict(done))
    return done


def _is_shard_due(shard_id: int) -> bool:
    return any(is_due(pending) for pending in segments.pending_by_shard(shard_id))


def _compact(lease: Lease, newest: int) -> Compacted:
    began_s = time.monotonic()
    steps: list[Moved] = []
    merged = 0
    try:
        while time.monotonic() - began_s < BUDGET_S:
            moved = move_step(lease, up_to_id=newest, after_id=steps[-1].last_id if steps else 0)
            if moved is None:
                break
            steps.append(moved)
            merged += merge_levels(lease, moved.numbers, moved.days)
    except (LeaseLost, PartitionsBusy) as error:
        # The steps before stay; the next tick goes on.
        logger.warning("metrics.compaction_ended_early", shard_id=lease.shard_id, code=error.code)
    return Compacted(
        shard_id=lease.shard_id,
        points=sum(step.points for step in steps),
        segments=sum(step.segments for step in steps),
        parts=sum(step.parts for step in steps),
        merged_parts=merged,
        skipped=sum(step.skipped for step in steps),
        seconds=round(time.monotonic() - began_s, 3),
    )
