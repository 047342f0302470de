"""The statements of a write: the segment of one commit, and new metrics."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from django.db import connection

from apps.metrics.metric_types import MetricType

# Written in the snapshot in which the version of the shard is compared: what a process knows of names is
# still true then, or nothing is written.
INSERT_IF_CURRENT: Final = """
INSERT INTO metrics_point_segment
    (shard_id, received_at, point_count, min_at, max_at, min_number, max_number, idempotency_key, payload)
SELECT shard_id, %(received_at)s, %(point_count)s, %(min_at)s, %(max_at)s, %(min_number)s, %(max_number)s,
    %(idempotency_key)s, %(payload)b
FROM metrics_shard WHERE shard_id = %(shard_id)s AND catalog_version = %(catalog_version)s
"""

# In key order, so that two requests that bring the same names wait for each other and never both ways.
INSERT_METRICS: Final = """
INSERT INTO metrics_metric
    (id, organization_id, shard_id, name, tags, key, type, door, unit, description, created_at, updated_at)
SELECT id, %s, shard_id, name, tags, key, type, %s, '', '', now(), now()
FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::jsonb[], %s::text[], %s::text[])
    AS new (id, shard_id, name, tags, key, type)
ORDER BY key COLLATE "C"
ON CONFLICT (organization_id, key) WHERE deleted_at IS NULL DO NOTHING
RETURNING key
"""

READ_METRICS: Final = """
SELECT key, id, number, shard_id, type FROM metrics_metric
WHERE organization_id = %s AND key = ANY(%s) AND deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """The row of one commit in one shard."""

    shard_id: int
    received_at: dt.datetime
    point_count: int
    min_at: int
    max_at: int
    min_number: int
    max_number: int
    payload: bytes
    idempotency_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class NewMetric:
    """A metric that a request brings."""

    id: uuid.UUID
    shard_id: int
    name: str
    tags: Mapping[str, str]
    key: str
    type: MetricType


def insert_segment(segment: Segment, *, catalog_version: int) -> bool:
    """Write a segment unless the shard's catalog has another version; return whether it was written."""
    parameters = {
        "shard_id": segment.shard_id,
        "received_at": segment.received_at,
        "point_count": segment.point_count,
        "min_at": segment.min_at,
        "max_at": segment.max_at,
        "min_number": segment.min_number,
        "max_number": segment.max_number,
        "idempotency_key": segment.idempotency_key,
        "payload": segment.payload,
        "catalog_version": catalog_version,
    }
    with connection.wrap_database_errors, binary_cursor() as cursor:
        cursor.execute(INSERT_IF_CURRENT, parameters)
        return cursor.rowcount == 1


def binary_cursor() -> psycopg.Cursor[tuple[Any, ...]]:
    """Return a cursor whose parameters travel beside the statement.

    Django's own puts them into its text, where a payload has twice its bytes and is parsed again.
    """
    connection.ensure_connection()
    raw: psycopg.Connection[tuple[Any, ...]] = connection.connection
    return psycopg.Cursor(raw)


def ensure_shards(organization_id: uuid.UUID, lanes: Mapping[int, int]) -> dict[int, int]:
    """Return the catalog version of an organization's shards, after making those of these lanes.

    `lanes` leads from shard id to lane.
    """
    found = read_versions(organization_id)
    missing = sorted(lanes.keys() - found.keys())
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO metrics_shard (shard_id, organization_id, lane, epoch, catalog_version,"
                " pending_points) SELECT shard_id, %s, lane, 0, 0, 0"
                " FROM unnest(%s::bigint[], %s::smallint[]) AS new (shard_id, lane) ORDER BY shard_id"
                " ON CONFLICT DO NOTHING",
                [organization_id, missing, [lanes[shard_id] for shard_id in missing]],
            )
        found = read_versions(organization_id)
    return found


def read_versions(organization_id: uuid.UUID) -> dict[int, int]:
    """Return the catalog version of each shard of an organization."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT shard_id, catalog_version FROM metrics_shard WHERE organization_id = %s",
            [organization_id],
        )
        return dict(cursor.fetchall())


def insert_metrics(organization_id: uuid.UUID, door: str, new: Sequence[NewMetric]) -> set[str]:
    """Make the metrics that do not exist; return the keys of those made by this call."""
    columns: list[list[Any]] = [
        [metric.id for metric in new],
        [metric.shard_id for metric in new],
        [metric.name for metric in new],
        [json.dumps(metric.tags) for metric in new],
        [metric.key for metric in new],
        [metric.type.value for metric in new],
    ]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_METRICS, [organization_id, door, *columns])
        return {key for (key,) in cursor.fetchall()}


def read_metrics(
    organization_id: uuid.UUID, keys: Sequence[str]
) -> list[tuple[str, uuid.UUID, int, int, str]]:
    """Return key, id, number, shard and type of the living metrics among these keys."""
    with connection.cursor() as cursor:
        cursor.execute(READ_METRICS, [organization_id, list(keys)])
        found: list[tuple[str, uuid.UUID, int, int, str]] = cursor.fetchall()
        return found


def matching_texts(texts: Sequence[str], expressions: Sequence[str]) -> set[str]:
    """Return the texts that one of the regular expressions matches."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT text FROM unnest(%s::text[]) AS given (text) WHERE text COLLATE "C" ~ ANY(%s::text[])',
            [list(texts), list(expressions)],
        )
        return {text for (text,) in cursor.fetchall()}


def count_metrics(organization_id: uuid.UUID) -> int:
    """Return how many living metrics an organization has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM metrics_metric WHERE organization_id = %s AND deleted_at IS NULL",
            [organization_id],
        )
        return int(cursor.fetchone()[0])


def pending_points(organization_id: uuid.UUID) -> int:
    """Return how many points of an organization wait for compaction, in the fullest of its shards."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(points), 0) FROM (SELECT sum(point_count) AS points"
            " FROM metrics_point_segment JOIN metrics_shard USING (shard_id)"
            " WHERE organization_id = %s GROUP BY shard_id) AS shards",
            [organization_id],
        )
        return int(cursor.fetchone()[0])
