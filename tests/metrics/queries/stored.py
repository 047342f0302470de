"""Points put into storage by hand: pending in segments, or compacted into chunks and rollup rows."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.utils import timezone

from apps.accounts.models import Organization
from apps.metrics.codec.payloads import encode_chunk, encode_segment
from apps.metrics.codec.rollups import RollupColumns, combine, roll_up
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, Shard
from apps.metrics.storage.partitions import day_of, ensure_partitions

Instants = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

WIDTHS_S: Final = (900, 3_600)
_parts = count(1)


def shard_of(organization: Organization) -> Shard:
    """Return the organization's only shard."""
    shard_id = int.from_bytes(hashlib.sha256(organization.pk.bytes).digest()[:8]) >> 1
    return Shard.objects.get_or_create(shard_id=shard_id, defaults={"organization_id": organization.pk})[0]


def make_metric(
    organization: Organization, key: str, metric_type: MetricType = MetricType.VALUE, **fields: Any
) -> Metric:
    """Create a metric."""
    name, *tags = key.split(";")
    metric = Metric.objects.create(
        organization=organization,
        shard_id=shard_of(organization).shard_id,
        name=name,
        tags=dict(map(_tag, tags)),
        key=key,
        type=metric_type,
        **fields,
    )
    metric.refresh_from_db()
    return metric


def _tag(text: str) -> tuple[str, str]:
    tag, _, value = text.partition("=")
    return tag, value.replace("%3B", ";").replace("%25", "%")


def write_pending(points: Iterable[tuple[Metric, Sequence[int] | Instants, Sequence[float] | Values]]) -> int:
    """Write points as one pending segment, and return its id."""
    listed = list(points)
    numbers = np.concatenate([np.full(len(times), metric.number) for metric, times, _ in listed])
    times = np.concatenate([np.asarray(times, np.int64) for _, times, _ in listed])
    values = np.concatenate([np.asarray(values, np.float64) for *_, values in listed])
    order = np.lexsort((values, times, numbers))
    numbers, times, values = numbers[order], times[order], values[order]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metrics_point_segment (shard_id, received_at, point_count, min_at, max_at,"
            " min_number, max_number, payload) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            [
                listed[0][0].shard_id,
                timezone.now(),
                len(times),
                int(times.min()),
                int(times.max()),
                int(numbers[0]),
                int(numbers[-1]),
                encode_segment(numbers, times, values),
            ],
        )
        return int(cursor.fetchone()[0])


def write_compacted(
    metric: Metric,
    times: Sequence[int] | Instants,
    values: Sequence[float] | Values,
    *,
    with_raw: bool = True,
) -> None:
    """Write points as a compaction would: a part per day, rollup rows added, the day's epoch moved on."""
    times, values = np.asarray(times, np.int64), np.asarray(values, np.float64)
    order = np.lexsort((values, times))
    times, values = times[order], values[order]
    days = np.unique(times // 86_400_000_000)
    ensure_partitions([day_of(int(day) * 86_400_000_000) for day in days])
    Shard.objects.filter(shard_id=metric.shard_id).update(epoch=next(_parts))
    epoch = Shard.objects.get(shard_id=metric.shard_id).epoch
    for day in days.tolist():
        chosen = times // 86_400_000_000 == day
        _write_day(
            metric, day_of(day * 86_400_000_000), times[chosen], values[chosen], epoch, with_raw=with_raw
        )
    for width_s in WIDTHS_S:
        _add_rollups(metric, width_s, times, values)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metrics_metric_stat VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (shard_id, number) DO UPDATE"
            " SET first_at = least(metrics_metric_stat.first_at, excluded.first_at)",
            [
                metric.shard_id,
                metric.number,
                int(times[0]),
                int(times[-1]),
                float(values[-1]),
                timezone.now(),
            ],
        )


def _write_day(
    metric: Metric, day: dt.date, times: Instants, values: Values, epoch: int, *, with_raw: bool
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO metrics_shard_day VALUES (%s, %s, %s, %s) ON CONFLICT (shard_id, day) DO UPDATE"
            " SET epoch = excluded.epoch, point_count = metrics_shard_day.point_count + excluded.point_count",
            [metric.shard_id, day, epoch, len(times)],
        )
        if with_raw:
            cursor.execute(
                "INSERT INTO metrics_point_chunk VALUES (%s, %s, %s, %s, 0, %s, %s, %s, %s, %s, %s)",
                [
                    metric.shard_id,
                    metric.number,
                    day,
                    next(_parts),
                    len(times),
                    float(values.min()),
                    float(values.max()),
                    int(times[0]),
                    int(times[-1]),
                    encode_chunk(times, values),
                ],
            )


def _add_rollups(metric: Metric, width_s: int, times: Instants, values: Values) -> None:
    fresh = roll_up(np.full(len(times), metric.number), times, values, width_s)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM metrics_rollup WHERE shard_id = %s AND number = %s AND width_s = %s"
            " AND start_at = ANY(%s) RETURNING number, start_at, point_count, sum_parts, min, max,"
            " first, last, first_at, last_at, sketch",
            [metric.shard_id, metric.number, width_s, fresh.starts.tolist()],
        )
        kept = cursor.fetchall()
        rows = combine(_columns(kept), fresh) if kept else fresh
        cursor.executemany(
            "INSERT INTO metrics_rollup VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (metric.shard_id, number, width_s, start, points, list(parts), *others)
                for number, start, points, parts, *others in zip(
                    rows.numbers.tolist(),
                    rows.starts.tolist(),
                    rows.counts.tolist(),
                    rows.sum_parts,
                    rows.minima.tolist(),
                    rows.maxima.tolist(),
                    rows.firsts.tolist(),
                    rows.lasts.tolist(),
                    rows.first_ats.tolist(),
                    rows.last_ats.tolist(),
                    rows.sketches,
                    strict=True,
                )
            ],
        )


def _columns(rows: Sequence[tuple[Any, ...]]) -> RollupColumns:
    rows = sorted(rows, key=lambda row: (row[0], row[1]))
    numbers, starts, counts, parts, minima, maxima, firsts, lasts, first_ats, last_ats, sketches = zip(
        *rows, strict=True
    )
    return RollupColumns(
        numbers=np.array(numbers),
        starts=np.array(starts),
        counts=np.array(counts),
        sum_parts=[tuple(each) for each in parts],
        minima=np.array(minima),
        maxima=np.array(maxima),
        firsts=np.array(firsts),
        lasts=np.array(lasts),
        first_ats=np.array(first_ats),
        last_ats=np.array(last_ats),
        sketches=[bytes(each) for each in sketches],
    )
