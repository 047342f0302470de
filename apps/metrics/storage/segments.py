"""Segments: the points of one commit each, until compaction takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.metrics.storage import columns
from apps.metrics.storage.columns import BigInts

# A bound on small segments, whose rows cost more than their points.
SEGMENTS_AT_ONCE: Final = 20_000


@dataclass(frozen=True, slots=True)
class Segment:
    """One row; `received_at_us` is microseconds since 1970, `payload` as `codec.payloads` says."""

    id: int
    point_count: int
    min_at: int
    max_at: int
    min_number: int
    max_number: int
    received_at_us: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits in one shard: segments, points, and since when (seconds)."""

    shard_id: int
    segments: int
    points: int
    oldest_age_s: float


def read_segments(shard_id: int, *, max_points: int, up_to_id: int, after_id: int = 0) -> list[Segment]:
    """Return segments with ids in (after_id, up_to_id] by id, until `max_points`; one at least, if any."""
    rows = columns.read_all(
        """
        SELECT id, point_count, min_at, max_at, min_number, max_number,
               (extract(epoch FROM received_at) * 1000000)::bigint, payload
        FROM metrics_point_segment
        WHERE shard_id = %s AND id IN (
            SELECT id FROM (
                SELECT id, sum(point_count) OVER (ORDER BY id) AS running,
                       row_number() OVER (ORDER BY id) AS place
                FROM (
                    SELECT id, point_count FROM metrics_point_segment
                    WHERE shard_id = %s AND id > %s AND id <= %s ORDER BY id LIMIT %s
                ) AS oldest
            ) AS counted
            WHERE running <= %s OR place = 1
        )
        ORDER BY id
        """,
        [shard_id, shard_id, after_id, up_to_id, SEGMENTS_AT_ONCE, max_points],
    )
    return [Segment(*row) for row in rows]


def newest_id(shard_id: int) -> int | None:
    """Return the highest id of a shard's segments; None where nothing waits."""
    rows = columns.read_all("SELECT max(id) FROM metrics_point_segment WHERE shard_id = %s", [shard_id])
    newest: int | None = rows[0][0]
    return newest


def delete_segments(shard_id: int, ids: Sequence[int]) -> int:
    """Delete segments in the caller's transaction; return how many there were."""
    return columns.change(
        "DELETE FROM metrics_point_segment WHERE shard_id = %s AND id = ANY(%b::bigint[])",
        [shard_id, BigInts(np.array(ids, np.int64))],
    )


def pending_by_shard(shard_id: int | None = None) -> list[Pending]:
    """Count what waits in each shard, or in one, by its id."""
    rows = columns.read_all(
        "SELECT shard_id, count(*), sum(point_count)::bigint,"
        " extract(epoch FROM now() - min(received_at))::double precision"
        " FROM metrics_point_segment WHERE %s::bigint IS NULL OR shard_id = %s"
        " GROUP BY shard_id ORDER BY shard_id",
        [shard_id, shard_id],
    )
    return [Pending(*row) for row in rows]


def oldest_age_s() -> float:
    """Return for how many seconds the oldest segment of all shards has waited; 0 if none does."""
    # The first id of each shard by its key, instead of a scan of all segments.
    rows = columns.read_all(
        "SELECT extract(epoch FROM now() - min(first.received_at))::double precision"
        " FROM metrics_shard AS shard, LATERAL ("
        "   SELECT received_at FROM metrics_point_segment AS segment"
        "   WHERE segment.shard_id = shard.shard_id ORDER BY id LIMIT 1) AS first"
    )
    return max(float(rows[0][0] or 0.0), 0.0)
