"""The ends of metrics: first and last point, and when something last came in."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.metrics.storage import columns
from apps.metrics.storage.columns import BigInts, Doubles

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StatColumns:
    """The ends of some points of each metric, by column; instants are microseconds since 1970."""

    numbers: Numbers
    first_ats: Numbers
    last_ats: Numbers
    last_values: npt.NDArray[np.float64]
    received_ats: Numbers


def widen_stats(shard_id: int, stats: StatColumns) -> None:
    """Let the ends of metrics take in these points, in the caller's transaction."""
    columns.run(
        """
        INSERT INTO metrics_metric_stat AS old
            (shard_id, number, first_at, last_at, last_value, last_received_at)
        SELECT %s, number, first_at, last_at, last_value,
               timestamptz 'epoch' + received_at * interval '1 microsecond'
        FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::double precision[], %b::bigint[])
             AS new (number, first_at, last_at, last_value, received_at)
        ON CONFLICT (shard_id, number) DO UPDATE
        SET first_at = least(old.first_at, excluded.first_at),
            last_at = greatest(old.last_at, excluded.last_at),
            last_value = CASE WHEN (excluded.last_at, excluded.last_value) > (old.last_at, old.last_value)
                              THEN excluded.last_value ELSE old.last_value END,
            last_received_at = greatest(old.last_received_at, excluded.last_received_at)
        """,
        [
            shard_id,
            BigInts(stats.numbers),
            BigInts(stats.first_ats),
            BigInts(stats.last_ats),
            Doubles(stats.last_values),
            BigInts(stats.received_ats),
        ],
    )
