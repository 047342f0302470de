"""What lies in the tables of points, read without any of the code that answers queries."""

import datetime as dt
import uuid

from apps.metrics.codec.payloads import decode_chunk, decode_segment
from apps.metrics.models import Metric, PointChunk, PointSegment, Shard

StoredPoint = tuple[str, int, float]


def stored_points(organization_id: uuid.UUID) -> list[StoredPoint]:
    """Return every point of an organization as key, time and value, sorted; equal ones repeat."""
    keys = dict(Metric.objects.filter(organization_id=organization_id).values_list("number", "key"))
    shards = list(Shard.objects.filter(organization_id=organization_id).values_list("shard_id", flat=True))
    found: list[StoredPoint] = []
    for payload in PointSegment.objects.filter(shard_id__in=shards).values_list("payload", flat=True):
        points = decode_segment(bytes(payload))
        numbers = points.point_numbers().tolist()
        for number, at, value in zip(numbers, points.times.tolist(), points.values.tolist(), strict=True):
            found.append((keys[number], at, value))
    for number, payload in PointChunk.objects.filter(shard_id__in=shards).values_list("number", "payload"):
        times, values = decode_chunk(bytes(payload))
        found += [
            (keys[number], at, value) for at, value in zip(times.tolist(), values.tolist(), strict=True)
        ]
    return sorted(found)


def at_us(instant: dt.datetime) -> int:
    """Return an instant in microseconds since 1970."""
    return round(instant.timestamp() * 1_000_000)
