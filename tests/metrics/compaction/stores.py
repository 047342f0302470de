"""Points written as a commit writes them, and read back from wherever they lie."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import connection
from django.utils import timezone

from apps.accounts.models import Organization
from apps.metrics.codec.payloads import decode_chunk, decode_segment, encode_segment
from apps.metrics.compaction.rolling import roll_up_widths
from apps.metrics.compaction.sorting import Points
from apps.metrics.models import Metric, PointChunk, PointSegment, Shard, ShardDay
from apps.metrics.storage import rollups
from apps.metrics.storage.chunks import date_of
from apps.metrics.storage.partitions import day_of
from tests.factories.accounts import OrganizationFactory

Point = tuple[int, int, float]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@dataclass
class Store:
    """One shard with metrics; points are (number, microseconds, value)."""

    organization: Organization
    shard_id: int
    numbers: list[int] = field(default_factory=list)

    def write(self, points: Iterable[Point]) -> int:
        """Write points as one segment; return its id."""
        rows = sorted(points)
        numbers, times, values = columns_of(rows)
        received_at = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO metrics_point_segment (shard_id, received_at, point_count, min_at, max_at,"
                " min_number, max_number, payload) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                [
                    self.shard_id,
                    received_at,
                    len(rows),
                    int(times.min()),
                    int(times.max()),
                    int(numbers[0]),
                    int(numbers[-1]),
                    encode_segment(numbers, times, values),
                ],
            )
            (segment_id,) = cursor.fetchone() or (0,)
        return int(segment_id)

    def stored(self) -> list[Point]:
        """Return all points of segments and chunks, in order."""
        return sorted([*self.pending(), *self.chunked()])

    def pending(self) -> list[Point]:
        """Return the points of segments."""
        found: list[Point] = []
        for segment in PointSegment.objects.filter(shard_id=self.shard_id):
            piece = decode_segment(segment.payload)
            found += zip(
                piece.point_numbers().tolist(), piece.times.tolist(), piece.values.tolist(), strict=True
            )
        return sorted(found)

    def chunked(self) -> list[Point]:
        """Return the points of chunks."""
        found: list[Point] = []
        for chunk in PointChunk.objects.filter(shard_id=self.shard_id):
            times, values = decode_chunk(chunk.payload)
            assert chunk.point_count == len(times)
            assert {day_of(at) for at in times.tolist()} == {chunk.day}
            found += [(chunk.number, *pair) for pair in zip(times.tolist(), values.tolist(), strict=True)]
        return sorted(found)

    def assert_agrees(self) -> None:
        """Require that rollups, ends and counts are those of the points in chunks."""
        points = self.chunked()
        assert self.rollup_rows() == expected_rollups(points)
        counts: dict[object, int] = {}
        for _, at, _ in points:
            counts[day_of(at)] = counts.get(day_of(at), 0) + 1
        assert counts == dict(
            ShardDay.objects.filter(shard_id=self.shard_id, point_count__gt=0).values_list(
                "day", "point_count"
            )
        )

    def rollup_rows(self) -> list[tuple[object, ...]]:
        """Return all rollup rows as plain values."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT width_s, number, start_at, point_count, sum_parts, min, max, first, last, first_at,"
                " last_at, sketch FROM metrics_rollup WHERE shard_id = %s ORDER BY 1, 2, 3",
                [self.shard_id],
            )
            rows = cursor.fetchall()
        return [_plain(row) for row in rows]


def _plain(row: Sequence[object]) -> tuple[object, ...]:
    return tuple(
        bytes(item) if isinstance(item, memoryview) else tuple(item) if isinstance(item, list) else item
        for item in row
    )


def columns_of(rows: Sequence[Point]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([number for number, _, _ in rows], np.int64),
        np.array([at for _, at, _ in rows], np.int64),
        np.array([value for _, _, value in rows], np.float64),
    )


def expected_rollups(points: Sequence[Point]) -> list[tuple[object, ...]]:
    """Return the rows that a fresh computation gives."""
    if not points:
        return []
    rows: list[tuple[object, ...]] = []
    for width_s, columns in roll_up_widths(Points(*columns_of(sorted(points)))).items():
        rows += zip(
            [width_s] * len(columns),
            columns.numbers.tolist(),
            columns.starts.tolist(),
            columns.counts.tolist(),
            columns.sum_parts,
            columns.minima.tolist(),
            columns.maxima.tolist(),
            columns.firsts.tolist(),
            columns.lasts.tolist(),
            columns.first_ats.tolist(),
            columns.last_ats.tolist(),
            columns.sketches,
            strict=True,
        )
    return rows


def make_store(metrics: int = 3, organization: Organization | None = None) -> Store:
    """Make an organization's shard with some metrics."""
    owner = organization or OrganizationFactory.create()
    shard_id = uuid.uuid4().int >> 65
    Shard.objects.create(shard_id=shard_id, organization_id=owner.pk)
    store = Store(owner, shard_id)
    add_metrics(store, metrics)
    return store


def add_metrics(store: Store, count: int) -> None:
    """Add metrics `m0`, `m1` and so on."""
    start = len(store.numbers)
    for place in range(start, start + count):
        metric = Metric.objects.create(
            organization=store.organization,
            shard_id=store.shard_id,
            name=f"m{place}",
            key=f"m{place}",
            type="value",
        )
        metric.refresh_from_db()
        store.numbers.append(metric.number)


def expire_lease(shard_id: int) -> None:
    """Let the time of a lease be over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_shard SET lease_until = now() - interval '1 second' WHERE shard_id = %s",
            [shard_id],
        )


__all__ = [
    "DAY_US",
    "HOUR_US",
    "Point",
    "Store",
    "add_metrics",
    "date_of",
    "expire_lease",
    "make_store",
    "rollups",
]
