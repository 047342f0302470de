"""Chunks: the points of one metric and UTC day, in parts; and what a shard holds of each day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.metrics.storage import columns
from apps.metrics.storage.columns import BigInts, Doubles, Payloads
from apps.metrics.storage.partitions import EPOCH

# The level of parts of a day that is over: they are disjoint in time and not merged again.
CLOSED: Final = 100
CHUNK_POINTS: Final = 131_072
FANOUT: Final = 8
# Each merge writes the points to the log once more. From so many points on a part compresses and decodes
# about as well as a large one, and is left until its day is over.
MERGED_BELOW: Final = 512

Numbers = npt.NDArray[np.int64]
MetricDay = tuple[int, dt.date]


@dataclass(frozen=True, slots=True)
class ChunkColumns:
    """Parts to be written, by column; `days` are days since 1970."""

    numbers: Numbers
    days: Numbers
    levels: Numbers
    point_counts: Numbers
    min_values: npt.NDArray[np.float64]
    max_values: npt.NDArray[np.float64]
    first_ats: Numbers
    last_ats: Numbers
    payloads: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.payloads)


@dataclass(frozen=True, slots=True)
class PartKey:
    """One stored part, without its points."""

    number: int
    day: dt.date
    part: int
    level: int
    point_count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Part(PartKey):
    """One stored part with its points."""

    min_value: float
    max_value: float
    payload: bytes


def insert_chunks(shard_id: int, chunks: ChunkColumns) -> None:
    """Write parts in the caller's transaction; each gets a number that no part has had before."""
    columns.run(
        """
        INSERT INTO metrics_point_chunk (shard_id, number, day, part, level, point_count, min_value,
                                         max_value, first_at, last_at, payload)
        SELECT %s, number, date '1970-01-01' + day::integer, nextval('metrics_point_chunk_part_seq'),
               level::smallint, point_count::integer, min_value, max_value, first_at, last_at, payload
        FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::double precision[],
                    %b::double precision[], %b::bigint[], %b::bigint[], %b::bytea[])
             AS new (number, day, level, point_count, min_value, max_value, first_at, last_at, payload)
        """,
        [
            shard_id,
            BigInts(chunks.numbers),
            BigInts(chunks.days),
            BigInts(chunks.levels),
            BigInts(chunks.point_counts),
            Doubles(chunks.min_values),
            Doubles(chunks.max_values),
            BigInts(chunks.first_ats),
            BigInts(chunks.last_ats),
            Payloads(chunks.payloads),
        ],
    )


def read_parts(shard_id: int, metric_days: Sequence[MetricDay]) -> list[Part]:
    """Return all parts of these metric-days by number, day and part."""
    rows = columns.read_all(
        """
        SELECT number, day, part, level, point_count, first_at, last_at, min_value, max_value, payload
        FROM metrics_point_chunk
        WHERE shard_id = %s AND day = ANY(%s::date[]) AND number = ANY(%b::bigint[])
          AND (number, day) IN (SELECT * FROM unnest(%b::bigint[], %s::date[]))
        ORDER BY number, day, part
        """,
        [shard_id, _distinct_days(metric_days), _distinct_numbers(metric_days), *_pairs(metric_days)],
    )
    return [Part(*row) for row in rows]


def read_chosen(shard_id: int, keys: Sequence[PartKey]) -> list[Part]:
    """Return these parts by number, day and part; those that are gone are missing."""
    metric_days = [(key.number, key.day) for key in keys]
    rows = columns.read_all(
        """
        SELECT number, day, part, level, point_count, first_at, last_at, min_value, max_value, payload
        FROM metrics_point_chunk
        WHERE shard_id = %s AND day = ANY(%s::date[])
          AND (number, day, part) IN (SELECT * FROM unnest(%b::bigint[], %s::date[], %b::bigint[]))
        ORDER BY number, day, part
        """,
        [shard_id, _distinct_days(metric_days), *_pairs(metric_days), _parts(keys)],
    )
    return [Part(*row) for row in rows]


def delete_chunks(shard_id: int, keys: Sequence[PartKey]) -> int:
    """Delete parts in the caller's transaction; return how many there were."""
    metric_days = [(key.number, key.day) for key in keys]
    return columns.change(
        "DELETE FROM metrics_point_chunk WHERE shard_id = %s AND day = ANY(%s::date[])"
        " AND (number, day, part) IN (SELECT * FROM unnest(%b::bigint[], %s::date[], %b::bigint[]))",
        [shard_id, _distinct_days(metric_days), *_pairs(metric_days), _parts(keys)],
    )


def mergeable_parts(shard_id: int, numbers: Numbers, days: Sequence[dt.date]) -> list[PartKey]:
    """Return parts of these metrics and days that merge into one of the next level, eight by eight."""
    rows = columns.read_all(
        """
        SELECT number, day, part, level, point_count, first_at, last_at FROM (
            SELECT *, row_number() OVER parts AS place,
                   count(*) OVER (PARTITION BY number, day, level) AS parts_of_level
            FROM (
                SELECT number, day, part, level, point_count, first_at, last_at FROM metrics_point_chunk
                WHERE shard_id = %s AND day = ANY(%s::date[]) AND number = ANY(%b::bigint[])
                  AND level < %s AND point_count < %s
            ) AS small
            WINDOW parts AS (PARTITION BY number, day, level ORDER BY part)
        ) AS ranked
        WHERE place <= parts_of_level / %s * %s
        ORDER BY number, day, level, part
        """,
        [shard_id, list(days), BigInts(numbers), CLOSED, MERGED_BELOW, FANOUT, FANOUT],
    )
    return [PartKey(*row) for row in rows]


def parts_of_split_days(shard_id: int, day: dt.date) -> list[PartKey]:
    """Return the parts of all metrics that have more than one of a day, by number and first instant."""
    # The inner statement reads the key's index alone: at night nearly every day is closed already.
    rows = columns.read_all(
        """
        SELECT number, day, part, level, point_count, first_at, last_at FROM metrics_point_chunk
        WHERE shard_id = %s AND day = %s AND number IN (
            SELECT number FROM metrics_point_chunk WHERE shard_id = %s AND day = %s
            GROUP BY number HAVING count(*) > 1
        )
        ORDER BY number, first_at, part
        """,
        [shard_id, day, shard_id, day],
    )
    return [PartKey(*row) for row in rows]


def add_to_days(shard_id: int, epoch: int, days: Numbers, point_counts: Numbers) -> None:
    """Count points into UTC days (given as days since 1970) and mark them as changed in this epoch."""
    columns.run(
        """
        INSERT INTO metrics_shard_day (shard_id, day, epoch, point_count)
        SELECT %s, date '1970-01-01' + day::integer, %s, point_count
        FROM unnest(%b::bigint[], %b::bigint[]) AS new (day, point_count)
        ON CONFLICT (shard_id, day) DO UPDATE
        SET epoch = excluded.epoch, point_count = metrics_shard_day.point_count + excluded.point_count
        """,
        [shard_id, epoch, BigInts(days), BigInts(point_counts)],
    )


def take_from_days(shard_id: int, epoch: int, days: Sequence[dt.date], point_counts: Sequence[int]) -> None:
    """Count points out of UTC days and mark them as changed in this epoch; 0 points only mark them."""
    columns.run(
        """
        UPDATE metrics_shard_day AS old SET epoch = %s, point_count = old.point_count - gone.point_count
        FROM unnest(%s::date[], %b::bigint[]) AS gone (day, point_count)
        WHERE old.shard_id = %s AND old.day = gone.day
        """,
        [epoch, list(days), BigInts(np.array(point_counts, np.int64)), shard_id],
    )


def stored_days(shard_id: int) -> dict[dt.date, int]:
    """Return how many points of each UTC day are said to lie in chunks, of those days that have some."""
    rows = columns.read_all(
        "SELECT day, point_count FROM metrics_shard_day WHERE shard_id = %s AND point_count > 0 ORDER BY day",
        [shard_id],
    )
    return dict(rows)


def date_of(days: int) -> dt.date:
    """Return the date that is so many days after 1970-01-01."""
    return EPOCH.date() + dt.timedelta(days=days)


def _pairs(metric_days: Sequence[MetricDay]) -> tuple[BigInts, list[dt.date]]:
    return BigInts(np.array([number for number, _ in metric_days], np.int64)), [day for _, day in metric_days]


def _parts(keys: Sequence[PartKey]) -> BigInts:
    return BigInts(np.array([key.part for key in keys], np.int64))


def _distinct_days(metric_days: Sequence[MetricDay]) -> list[dt.date]:
    return sorted({day for _, day in metric_days})


def _distinct_numbers(metric_days: Sequence[MetricDay]) -> BigInts:
    return BigInts(np.array(sorted({number for number, _ in metric_days}), np.int64))
