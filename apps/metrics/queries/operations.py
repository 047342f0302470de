"""What operators look at: partitions and doors."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from apps.common.metrics import read_counter
from apps.metrics.storage.partitions import CHUNKS, ROLLUPS


@dataclass(frozen=True, slots=True)
class PartitionSize:
    """One partition with its indexes. `rows` is PostgreSQL's estimate, None until it has looked."""

    name: str
    size_bytes: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class DoorTraffic:
    """What a door has taken since the processes of this machine started; `refused` is by error code."""

    door: str
    accepted: int
    refused: Sequence[tuple[str, int]]


def partition_sizes() -> list[PartitionSize]:
    """Return the partitions of chunks and rollups by table and age, the newest first. Issues one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_total_relation_size(c.oid), nullif(c.reltuples, -1)::bigint"
            " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent IN (%s::regclass, %s::regclass) ORDER BY i.inhparent, c.relname DESC",
            [CHUNKS, ROLLUPS],
        )
        return [PartitionSize(*row) for row in cursor.fetchall()]


def door_traffic() -> list[DoorTraffic]:
    """Return what came in by each door, by name; from the counters that `/metrics` shows."""
    accepted = {labels["door"]: int(value) for labels, value in read_counter("sextant_metrics_points")}
    refused: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for labels, value in read_counter("sextant_metrics_ingestion_failures"):
        refused[labels["door"]].append((labels["code"], int(value)))
    return [
        DoorTraffic(door, accepted.get(door, 0), sorted(refused.get(door, ())))
        for door in sorted(accepted.keys() | refused.keys())
    ]
