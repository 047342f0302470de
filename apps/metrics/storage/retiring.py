"""Counting and deleting what is past its time, by shard and partition."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from apps.metrics.storage import columns
from apps.metrics.storage.columns import BigInts
from apps.metrics.storage.partitions import CHUNKS, Partition, start_of

BATCH_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Past:
    """Which metrics of a shard something is past for: all but `others`, or none but `others`."""

    of_most: bool
    others: frozenset[int] = field(default=frozenset())

    @property
    def is_whole(self) -> bool:
        """Tell whether it is past for every metric."""
        return self.of_most and not self.others

    @property
    def is_empty(self) -> bool:
        """Tell whether it is past for none."""
        return not self.of_most and not self.others

    @property
    def rest(self) -> "Past":
        """Return the metrics it is not past for."""
        return Past(not self.of_most, self.others)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is or was past: rows, their points, and the bytes of their payloads or sketches."""

    rows: int = 0
    points: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.rows + other.rows, self.points + other.points, self.size_bytes + other.size_bytes)


def count_past(partition: Partition, shard_id: int, past: Past, width_s: int | None = None) -> Amount:
    """Count a shard's past rows in a partition; `width_s` chooses those of one width, of rollups."""
    where, parameters = _condition(partition, shard_id, past, width_s)
    rows = columns.read_all(
        f"""
        SELECT count(*), coalesce(sum(point_count), 0)::bigint,
               coalesce(sum(octet_length({_bytes_of(partition)})), 0)::bigint
        FROM {partition.table} WHERE {where}
        """,  # noqa: S608 - names and conditions of ours
        parameters,
    )
    return Amount(*rows[0])


def has_rows(partition: Partition, shard_id: int, past: Past, width_s: int | None = None) -> bool:
    """Tell whether a shard has rows of these metrics in a partition."""
    where, parameters = _condition(partition, shard_id, past, width_s)
    statement = f"SELECT EXISTS (SELECT FROM {partition.table} WHERE {where})"  # noqa: S608 - text of ours
    return bool(columns.read_all(statement, parameters)[0][0])


def delete_past(partition: Partition, shard_id: int, past: Past, width_s: int | None = None) -> Amount:
    """Delete up to 1,000 of a shard's past rows in the caller's transaction; return how much that was."""
    where, parameters = _condition(partition, shard_id, past, width_s)
    key = "(number, part)" if partition.table == CHUNKS else "(number, start_at)"
    inner = key.strip("()")
    rows = columns.read_all(
        f"""
        WITH gone AS (
            DELETE FROM {partition.table}
            WHERE {where}
              AND {key} IN (SELECT {inner} FROM {partition.table} WHERE {where} LIMIT {BATCH_ROWS})
            RETURNING point_count, octet_length({_bytes_of(partition)}) AS size_bytes
        )
        SELECT count(*), coalesce(sum(point_count), 0)::bigint, coalesce(sum(size_bytes), 0)::bigint FROM gone
        """,  # noqa: S608 - names and conditions of ours
        [*parameters, *parameters],
    )
    return Amount(*rows[0])


def mark_changed(partition: Partition, shard_id: int, epoch: int) -> None:
    """Mark the days of a partition as changed in this epoch."""
    columns.run(
        "UPDATE metrics_shard_day SET epoch = %s WHERE shard_id = %s AND day >= %s AND day < %s",
        [epoch, shard_id, partition.first, partition.after],
    )


def _bytes_of(partition: Partition) -> str:
    return "payload" if partition.table == CHUNKS else "sketch"


def _condition(partition: Partition, shard_id: int, past: Past, width_s: int | None) -> tuple[str, list[Any]]:
    """Return the condition of past rows; the partition's bounds let the planner leave out all others."""
    others = BigInts(np.array(sorted(past.others), np.int64))
    where = "shard_id = %s AND (number = ANY(%b::bigint[])) <> %s::boolean"
    parameters: list[Any] = [shard_id, others, past.of_most]
    if partition.table == CHUNKS:
        return f"{where} AND day = %s", [*parameters, partition.first]
    bounds = [start_of(partition.first), start_of(partition.after)]
    where += " AND start_at >= %s AND start_at < %s AND (%s::smallint IS NULL OR width_s = %s::smallint)"
    return where, [*parameters, *bounds, width_s, width_s]
