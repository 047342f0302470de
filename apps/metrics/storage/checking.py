"""Questions about what is stored that only verification asks."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.metrics.storage import columns
from apps.metrics.storage.chunks import MetricDay
from apps.metrics.storage.columns import BigInts

_DAY_OF_START = "date '1970-01-01' + (start_at / 86400000000)::integer"


def metric_days(
    shard_id: int, *, numbers: Sequence[int] | None, first: dt.date | None, after: dt.date | None
) -> list[MetricDay]:
    """Return the metric-days of a shard that have chunks or rollups, by day and number."""
    wanted = None if numbers is None else BigInts(np.array(numbers, np.int64))
    rows = columns.read_all(
        f"""
        SELECT number, day FROM (
            SELECT number, day FROM metrics_point_chunk WHERE shard_id = %s
            UNION
            SELECT number, {_DAY_OF_START} FROM metrics_rollup WHERE shard_id = %s
        ) AS stored
        WHERE (%s::boolean OR number = ANY(%b::bigint[]))
          AND day >= coalesce(%s::date, '-infinity') AND day < coalesce(%s::date, 'infinity')
        ORDER BY day, number
        """,  # noqa: S608 - a term of ours
        [
            shard_id,
            shard_id,
            wanted is None,
            wanted or BigInts(np.zeros(0, np.int64)),
            first,
            after,
        ],
    )
    return [(number, day) for number, day in rows]


def random_metric_days(count: int, shard_ids: Sequence[int]) -> dict[int, list[MetricDay]]:
    """Return up to so many metric-days with chunks by shard: shard-days by dice, then metrics."""
    days = columns.read_all(
        "SELECT shard_id, day FROM metrics_shard_day WHERE point_count > 0 AND shard_id = ANY(%b::bigint[])",
        [BigInts(np.array(shard_ids, np.int64))],
    )
    found: dict[int, set[MetricDay]] = {}
    for _ in range(count if days else 0):
        shard_id, day = random.choice(days)  # noqa: S311 - a sample, no secret
        number = _random_number(shard_id, day)
        if number is not None:
            found.setdefault(shard_id, set()).add((number, day))
    return {shard_id: sorted(chosen) for shard_id, chosen in sorted(found.items())}


def _random_number(shard_id: int, day: dt.date) -> int | None:
    """Return a metric of a shard-day: the first at or above a random number, found by the key."""
    ends = columns.read_all(
        "SELECT min(number), max(number) FROM metrics_point_chunk WHERE shard_id = %s AND day = %s",
        [shard_id, day],
    )
    low, high = ends[0]
    if low is None:
        return None
    rows = columns.read_all(
        "SELECT min(number) FROM metrics_point_chunk WHERE shard_id = %s AND day = %s AND number >= %s",
        [shard_id, day, random.randint(low, high)],  # noqa: S311 - a sample, no secret
    )
    number: int | None = rows[0][0]
    return number


def day_disagreements(shard_id: int) -> list[tuple[dt.date, int, int]]:
    """Return days whose number of points is said wrong: the day, what is said, what lies in chunks."""
    rows = columns.read_all(
        """
        SELECT day, coalesce(said.point_count, 0)::bigint, coalesce(stored.point_count, 0)::bigint
        FROM (SELECT day, point_count FROM metrics_shard_day WHERE shard_id = %s) AS said
        FULL JOIN (
            SELECT day, sum(point_count) AS point_count FROM metrics_point_chunk
            WHERE shard_id = %s GROUP BY day
        ) AS stored USING (day)
        WHERE coalesce(said.point_count, 0) <> coalesce(stored.point_count, 0)
        ORDER BY day
        """,
        [shard_id, shard_id],
    )
    return [(day, said, stored) for day, said, stored in rows]


def stats_of(shard_id: int, numbers: Sequence[int]) -> dict[int, tuple[int, int, float]]:
    """Return first_at, last_at and last_value of metrics by number."""
    rows = columns.read_all(
        "SELECT number, first_at, last_at, last_value FROM metrics_metric_stat"
        " WHERE shard_id = %s AND number = ANY(%b::bigint[])",
        [shard_id, BigInts(np.array(numbers, np.int64))],
    )
    return {number: (first_at, last_at, last_value) for number, first_at, last_at, last_value in rows}


def chunk_owners(shard_id: int) -> list[tuple[int, dt.date]]:
    """Return each metric's number that has chunks in a shard, with its first day there."""
    rows = columns.read_all(
        "SELECT number, min(day) FROM metrics_point_chunk WHERE shard_id = %s GROUP BY number ORDER BY 1",
        [shard_id],
    )
    return [(number, day) for number, day in rows]


def stray_shards() -> list[Any]:
    """Return the ids under which points are stored although there is no such shard."""
    rows = columns.read_all(
        """
        SELECT shard_id FROM (
            SELECT shard_id FROM metrics_point_chunk UNION SELECT shard_id FROM metrics_point_segment
            UNION SELECT shard_id FROM metrics_rollup
        ) AS stored
        WHERE shard_id NOT IN (SELECT shard_id FROM metrics_shard) ORDER BY shard_id
        """
    )
    return [shard_id for (shard_id,) in rows]
