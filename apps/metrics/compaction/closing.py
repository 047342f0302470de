"""Days that are over, laid out as chunks for good."""

import datetime as dt

import structlog

from apps.metrics.compaction.bounds import bounds_of
from apps.metrics.compaction.leasing import patiently_held
from apps.metrics.compaction.merging import bundles_to_close, close_day
from apps.metrics.storage import chunks, shards
from apps.metrics.storage.shards import LeaseLost

logger = structlog.get_logger(__name__)


def close_days(*, now: dt.datetime) -> int:
    """Close all days of all shards that are older than the skew; return how many parts went into chunks.

    What cannot be done now, because another holds the shard, is left for the next night.
    """
    owners = shards.shards_of()
    bounds = bounds_of(owner for _, owner in owners)
    merged = 0
    for shard_id, owner in owners:
        closed = [day for day in chunks.stored_days(shard_id) if bounds[owner].is_closed(now, day)]
        for day in closed:
            merged += _close(shard_id, day)
    return merged


def _close(shard_id: int, day: dt.date) -> int:
    if not bundles_to_close(shard_id, day):
        return 0  # as nearly every day, every night
    try:
        # Held for one day at a time, so that compaction is not kept waiting.
        with patiently_held(shard_id) as lease:
            return close_day(lease, day)
    except LeaseLost:
        logger.warning("metrics.day_not_closed", shard_id=shard_id, day=str(day))
        return 0
