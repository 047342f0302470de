"""Rollup rows: what is known of one metric in one bucket of 15 minutes or an hour."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from apps.metrics.codec.rollups import RollupColumns
from apps.metrics.storage import columns
from apps.metrics.storage.columns import BigInts, Doubles, Payloads, Texts
from apps.metrics.storage.partitions import DAY, start_of

WIDTHS_S: Final = (900, 3_600)
_COLUMNS: Final = "number, start_at, point_count, sum_parts, min, max, first, last, first_at, last_at, sketch"

Numbers = npt.NDArray[np.int64]


def read_rollups(shard_id: int, width_s: int, numbers: Numbers, starts: Numbers) -> RollupColumns:
    """Return the rows there are of these buckets (pairs of metric and start), by number and start."""
    # The bounds let the planner leave out the partitions of other months.
    rows = columns.read_all(
        """
        SELECT old.number, old.start_at, point_count, sum_parts, min, max, first, last, first_at, last_at,
               sketch
        FROM metrics_rollup AS old
        JOIN unnest(%b::bigint[], %b::bigint[]) AS wanted (number, start_at)
          ON old.number = wanted.number AND old.start_at = wanted.start_at
        WHERE old.shard_id = %s AND old.width_s = %s AND old.start_at BETWEEN %s AND %s
        ORDER BY old.number, old.start_at
        """,
        [BigInts(numbers), BigInts(starts), shard_id, width_s, int(starts.min()), int(starts.max())],
    )
    return rollup_columns(rows)


def read_days(shard_id: int, width_s: int, metric_days: Sequence[tuple[int, dt.date]]) -> RollupColumns:
    """Return the rows of whole metric-days, by number and start."""
    numbers = np.array([number for number, _ in metric_days], np.int64)
    starts = np.array([start_of(day) for _, day in metric_days], np.int64)
    rows = columns.read_all(
        """
        SELECT old.number, old.start_at, point_count, sum_parts, min, max, first, last, first_at, last_at,
               sketch
        FROM unnest(%b::bigint[], %b::bigint[]) AS wanted (number, day_start)
        JOIN metrics_rollup AS old
          ON old.number = wanted.number
         AND old.start_at >= wanted.day_start AND old.start_at < wanted.day_start + 86400000000
        WHERE old.shard_id = %s AND old.width_s = %s AND old.start_at >= %s AND old.start_at < %s
        ORDER BY old.number, old.start_at
        """,
        [BigInts(numbers), BigInts(starts), shard_id, width_s, *_bounds(starts)],
    )
    return rollup_columns(rows)


def delete_days(shard_id: int, width_s: int, metric_days: Sequence[tuple[int, dt.date]]) -> int:
    """Delete the rows of whole metric-days in the caller's transaction; return how many there were."""
    numbers = np.array([number for number, _ in metric_days], np.int64)
    starts = np.array([start_of(day) for _, day in metric_days], np.int64)
    return columns.change(
        """
        DELETE FROM metrics_rollup AS old
        USING unnest(%b::bigint[], %b::bigint[]) AS wanted (number, day_start)
        WHERE old.number = wanted.number
          AND old.start_at >= wanted.day_start AND old.start_at < wanted.day_start + 86400000000
          AND old.shard_id = %s AND old.width_s = %s AND old.start_at >= %s AND old.start_at < %s
        """,
        [BigInts(numbers), BigInts(starts), shard_id, width_s, *_bounds(starts)],
    )


def write_rollups(shard_id: int, width_s: int, rows: RollupColumns) -> None:
    """Write rows in the caller's transaction, in place of those there are of the same buckets."""
    columns.run(
        f"""
        INSERT INTO metrics_rollup (shard_id, width_s, {_COLUMNS})
        SELECT %s, %s, number, start_at, point_count, sum_parts::double precision[], min, max, first, last,
               first_at, last_at, sketch
        FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::double precision[],
                    %b::double precision[], %b::double precision[], %b::double precision[], %b::bigint[],
                    %b::bigint[], %b::bytea[])
             AS new ({_COLUMNS})
        ON CONFLICT (shard_id, number, width_s, start_at) DO UPDATE
        SET point_count = excluded.point_count, sum_parts = excluded.sum_parts, min = excluded.min,
            max = excluded.max, first = excluded.first, last = excluded.last, first_at = excluded.first_at,
            last_at = excluded.last_at, sketch = excluded.sketch
        """,  # noqa: S608 - names of our own columns
        [
            shard_id,
            width_s,
            BigInts(rows.numbers),
            BigInts(rows.starts),
            BigInts(rows.counts),
            # Arrays of arrays must be rectangles; repr keeps every bit of a double.
            Texts(["{" + ",".join(map(float.__repr__, parts)) + "}" for parts in rows.sum_parts]),
            Doubles(rows.minima),
            Doubles(rows.maxima),
            Doubles(rows.firsts),
            Doubles(rows.lasts),
            BigInts(rows.first_ats),
            BigInts(rows.last_ats),
            Payloads(rows.sketches),
        ],
    )


def rollup_columns(rows: Sequence[tuple[Any, ...]]) -> RollupColumns:
    """Return rows of number, start, count, sum parts, min, max, first, last, first_at, last_at, sketch."""
    fields = list(zip(*rows, strict=True)) if rows else [()] * 11
    integers = [np.array(fields[place], np.int64) for place in (0, 1, 2, 8, 9)]
    doubles = [np.array(fields[place], np.float64) for place in (4, 5, 6, 7)]
    return RollupColumns(
        numbers=integers[0],
        starts=integers[1],
        counts=integers[2],
        sum_parts=[tuple(parts) for parts in fields[3]],
        minima=doubles[0],
        maxima=doubles[1],
        firsts=doubles[2],
        lasts=doubles[3],
        first_ats=integers[3],
        last_ats=integers[4],
        sketches=list(fields[10]),
    )


def _bounds(day_starts: Numbers) -> tuple[int, int]:
    return int(day_starts.min()), int(day_starts.max()) + int(DAY.total_seconds()) * 1_000_000
