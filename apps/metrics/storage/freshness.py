"""What an answer depends on, read in a millisecond: it changes whenever stored points of the window do."""

from collections.abc import Sequence
from typing import Final

from django.db import connection

from apps.metrics.storage.partitions import day_of
from apps.metrics.storage.reading import Span

_STATE: Final = """
SELECT shard, coalesce((SELECT catalog_version FROM metrics_shard WHERE shard_id = shard), 0),
       (SELECT max(epoch) FROM metrics_shard_day WHERE shard_id = shard AND day BETWEEN %s AND %s),
       (SELECT string_agg(id::text, ',' ORDER BY id) FROM metrics_point_segment
         WHERE shard_id = shard AND min_at < %s AND max_at >= %s)
  FROM unnest(%s::bigint[]) AS shard
"""


def window_state(shard_ids: Sequence[int], window: Span) -> str:
    """Return catalog version, highest epoch of the days and pending segments of each shard. One query."""
    start, end = window
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [day_of(start), day_of(end - 1), end, start, list(shard_ids)])
        return repr(sorted(cursor.fetchall()))
