"""Metric-days read whole: what their chunks hold, which rollups follow from that, which are stored."""

import datetime as dt
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from apps.metrics.codec.payloads import CorruptPayload, decode_chunk
from apps.metrics.codec.rollups import RollupColumns
from apps.metrics.compaction.rolling import roll_up_widths
from apps.metrics.compaction.sorting import Integers, Points, joined
from apps.metrics.storage import chunks, rollups
from apps.metrics.storage.chunks import MetricDay, Part
from apps.metrics.storage.partitions import day_of
from apps.metrics.storage.rollups import WIDTHS_S

DAY_BATCH: Final = 64
_ROW: Final = struct.Struct("<q4d2q")


@dataclass(frozen=True, slots=True)
class Bucket:
    """One rollup row's place: its width and start."""

    width_s: int
    start_at: int


@dataclass(slots=True)
class RawDay:
    """The points of one metric-day in chunks, by (time, value); `faults` say what is wrong with its parts."""

    number: int
    day: dt.date
    points: Points
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric-day: its raw form, and the buckets whose stored row is not what follows from that.

    `is_partial` where more points are rolled up than there are: retention has taken some, so nothing follows.
    """

    raw: RawDay
    differing: tuple[Bucket, ...]
    is_partial: bool


def compare(
    shard_id: int, metric_days: Sequence[MetricDay], *, always_raw_since: dt.date
) -> list[Comparison]:
    """Compare stored rollups with recomputed ones, metric-day by metric-day, in the caller's snapshot.

    From the day `always_raw_since` on nothing can have been taken by retention.
    """
    raw = read_raw(shard_id, metric_days)
    stored = {width_s: _by_day(rollups.read_days(shard_id, width_s, metric_days)) for width_s in WIDTHS_S}
    return [
        _compared(
            day,
            {width_s: stored[width_s].get((day.number, day.day), {}) for width_s in WIDTHS_S},
            always_raw_since,
        )
        for day in raw
    ]


def read_raw(shard_id: int, metric_days: Sequence[MetricDay]) -> list[RawDay]:
    """Return the points of metric-days in the order given, those without chunks empty."""
    parts: dict[MetricDay, list[Part]] = {}
    for part in chunks.read_parts(shard_id, metric_days):
        parts.setdefault((part.number, part.day), []).append(part)
    return [_raw_day(metric_day, parts.get(metric_day, [])) for metric_day in metric_days]


def recomputed(days: Sequence[RawDay]) -> dict[int, RollupColumns]:
    """Return the rollups of metric-days by width; together they have at least one point."""
    return roll_up_widths(joined([day.points for day in days]).sorted())


def batches(metric_days: Sequence[MetricDay]) -> Iterator[Sequence[MetricDay]]:
    """Yield 64 metric-days at a time."""
    for start in range(0, len(metric_days), DAY_BATCH):
        yield metric_days[start : start + DAY_BATCH]


def _raw_day(metric_day: MetricDay, parts: Sequence[Part]) -> RawDay:
    number, day = metric_day
    faults: list[str] = []
    pieces = [Points(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for part in parts:
        try:
            times, values = decode_chunk(part.payload)
        except CorruptPayload as error:
            faults.append(f"part {part.part}: {error}")
            continue
        faults += [f"part {part.part}: {fault}" for fault in _faults_of(part, times, values)]
        pieces.append(Points(np.full(len(times), number, np.int64), times, values))
    points = joined(pieces)
    return RawDay(number, day, points.sorted() if len(points) else points, faults)


def _faults_of(part: Part, times: Integers, values: np.ndarray) -> Iterator[str]:
    """Yield what a part's columns say wrong of its points."""
    if part.point_count != len(times):
        yield f"{part.point_count} points said, {len(times)} there"
    if (part.first_at, part.last_at) != (int(times[0]), int(times[-1])):
        yield "first and last instant are not those of its points"
    if (part.min_value, part.max_value) != (float(values.min()), float(values.max())):
        yield "least and greatest value are not those of its points"
    if day_of(int(times[0])) != part.day or day_of(int(times[-1])) != part.day:
        yield "points of another day"


def _compared(
    raw: RawDay, stored: dict[int, dict[int, tuple[int, bytes]]], always_raw_since: dt.date
) -> Comparison:
    if raw.faults:
        return Comparison(raw, (), is_partial=False)
    rolled_up = [sum(count for count, _ in rows.values()) for rows in stored.values() if rows]
    is_partial = raw.day < always_raw_since and bool(rolled_up) and min(rolled_up) > len(raw.points)
    if is_partial:
        return Comparison(raw, (), is_partial=True)
    expected = (
        {width_s: _rows(columns) for width_s, columns in recomputed([raw]).items()} if len(raw.points) else {}
    )
    differing = [
        Bucket(width_s, start_at)
        for width_s in WIDTHS_S
        for start_at in sorted(stored[width_s].keys() | expected.get(width_s, {}).keys())
        if stored[width_s].get(start_at) != expected.get(width_s, {}).get(start_at)
    ]
    return Comparison(raw, tuple(differing), is_partial=False)


def _by_day(columns: RollupColumns) -> dict[MetricDay, dict[int, tuple[int, bytes]]]:
    days: dict[MetricDay, dict[int, tuple[int, bytes]]] = {}
    for number, (start_at, row) in zip(columns.numbers.tolist(), _rows_in_order(columns), strict=True):
        days.setdefault((number, day_of(start_at)), {})[start_at] = row
    return days


def _rows(columns: RollupColumns) -> dict[int, tuple[int, bytes]]:
    return dict(_rows_in_order(columns))


def _rows_in_order(columns: RollupColumns) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Yield start, and count with every bit of the row."""
    for place, (start_at, count) in enumerate(
        zip(columns.starts.tolist(), columns.counts.tolist(), strict=True)
    ):
        ends = (columns.minima, columns.maxima, columns.firsts, columns.lasts)
        doubles = [float(column[place]) for column in ends]
        instants = (int(columns.first_ats[place]), int(columns.last_ats[place]))
        sums = struct.pack(f"<{len(columns.sum_parts[place])}d", *columns.sum_parts[place])
        yield start_at, (count, _ROW.pack(count, *doubles, *instants) + sums + columns.sketches[place])
