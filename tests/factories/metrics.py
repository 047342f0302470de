"""Metrics and their points, written as a sender and the compactor would leave them."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.utils import timezone

from apps.accounts.models import Organization
from apps.metrics.catalog import lane_of, policy_of, shard_id_of
from apps.metrics.codec.payloads import encode_segment
from apps.metrics.codec.rollups import roll_up
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, MetricStat, PointSegment, Rollup, Shard
from apps.metrics.points.names import parse_key, split_key
from apps.metrics.storage.partitions import EPOCH, day_of, ensure_partitions

Point = tuple[Metric, dt.datetime, float]


def create_metric(
    organization: Organization, text: str = "cpu", kind: MetricType = MetricType.VALUE, **fields: Any
) -> Metric:
    """Make a metric by name or key, in the shard where it belongs."""
    key = parse_key(text)
    name, tags = split_key(key)
    lane = lane_of(key, policy_of(organization.pk).lanes)
    shard_id = shard_id_of(organization.pk, lane)
    shard = Shard(shard_id=shard_id, organization_id=organization.pk, lane=lane)
    Shard.objects.bulk_create([shard], ignore_conflicts=True)
    row = Metric.objects.create(
        organization=organization, key=key, name=name, tags=tags, type=kind, shard_id=shard_id, **fields
    )
    row.refresh_from_db()  # the database gives the number
    return row


def us_of(at: dt.datetime) -> int:
    """Return an instant in microseconds since 1970."""
    return (at - EPOCH) // dt.timedelta(microseconds=1)


def send(points: Iterable[Point], *, received_at: dt.datetime | None = None) -> None:
    """Write points of metrics of one shard as one pending segment."""
    chosen = sorted(points, key=lambda point: (point[0].number, point[1], point[2]))
    numbers, times, values = _columns(chosen)
    PointSegment.objects.bulk_create(
        [
            PointSegment(
                shard_id=chosen[0][0].shard_id,
                id=_next_id(),
                received_at=received_at or timezone.now(),
                point_count=len(chosen),
                min_at=int(times.min()),
                max_at=int(times.max()),
                min_number=int(numbers.min()),
                max_number=int(numbers.max()),
                payload=encode_segment(numbers, times, values),
            )
        ]
    )


def keep(metric: Metric, points: Sequence[tuple[dt.datetime, float]], *, received_at: dt.datetime) -> None:
    """Write the rollups and the ends of a metric's points as a compaction leaves them; no chunks."""
    numbers, times, values = _columns(sorted((metric, at, value) for at, value in points))
    ensure_partitions(day_of(int(time)) for time in times)
    for width_s in (900, 3600):
        found = roll_up(numbers, times, values, width_s)
        Rollup.objects.bulk_create(
            Rollup(
                shard_id=metric.shard_id,
                number=metric.number,
                width_s=width_s,
                start_at=int(found.starts[row]),
                point_count=int(found.counts[row]),
                sum_parts=list(found.sum_parts[row]),
                min=float(found.minima[row]),
                max=float(found.maxima[row]),
                first=float(found.firsts[row]),
                last=float(found.lasts[row]),
                first_at=int(found.first_ats[row]),
                last_at=int(found.last_ats[row]),
                sketch=found.sketches[row],
            )
            for row in range(len(found.starts))
        )
    MetricStat.objects.bulk_create(
        [
            MetricStat(
                shard_id=metric.shard_id,
                number=metric.number,
                first_at=int(times[0]),
                last_at=int(times[-1]),
                last_value=float(values[-1]),
                last_received_at=received_at,
            )
        ]
    )


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('metrics_point_segment_id_seq')")
        (segment_id,) = cursor.fetchone() or (0,)
    return int(segment_id)


def _columns(points: Sequence[Point]) -> tuple[Any, Any, Any]:
    return (
        np.array([metric.number for metric, _, _ in points], np.int64),
        np.array([us_of(at) for _, at, _ in points], np.int64),
        np.array([value for _, _, value in points], np.float64),
    )
