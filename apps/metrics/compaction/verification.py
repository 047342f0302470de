"""Comparing what is stored with itself: payloads, counts, ends, owners, and rollups bit for bit."""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from apps.metrics.codec.payloads import CorruptPayload, decode_segment
from apps.metrics.compaction.bounds import always_raw_since, bounds_of
from apps.metrics.compaction.rebuilding import Scope, rebuild_days
from apps.metrics.compaction.recomputing import Bucket, Comparison, batches, compare
from apps.metrics.models import Metric
from apps.metrics.storage import checking, segments, shards
from apps.metrics.storage.chunks import MetricDay
from apps.metrics.storage.partitions import day_of
from apps.metrics.storage.segments import Segment
from apps.metrics.storage.snapshots import snapshot

SEGMENT_POINTS = 1_000_000
MAX_ID = 2**63 - 1


class Kind(StrEnum):
    """What does not agree."""

    PAYLOAD = "payload"
    ROLLUP = "rollup"
    ENDS = "ends"
    DAY_COUNT = "day_count"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement: of a metric (its number), a UTC day, a bucket, as far as it has these."""

    kind: Kind
    shard_id: int
    detail: str
    number: int | None = None
    day: dt.date | None = None
    bucket: Bucket | None = None


@dataclass(slots=True)
class Verified:
    """What was looked at and found; `rewritten` buckets were computed anew."""

    findings: list[Finding] = field(default_factory=list)
    metric_days: int = 0
    segments: int = 0
    rewritten: int = 0


def verify(*, scope: Scope, now: dt.datetime, sample: int | None = None, rewrite: bool = False) -> Verified:
    """Look at everything in a scope, or at so many metric-days at random; `rewrite` repairs rollups.

    Others may write and compact meanwhile. What retention has taken is not missed.
    """
    verified = Verified()
    owners = shards.shards_of(scope.organization_id)
    for shard_id, owner, days in _chosen_days(owners, scope, sample):
        findings = list(_check_days(shard_id, owner, days, now))
        verified.findings += findings
        verified.metric_days += len(days)
        if rewrite:
            wrong = sorted(
                {(f.number, f.day) for f in findings if f.kind is Kind.ROLLUP and f.number and f.day}
            )
            verified.rewritten += len(rebuild_days(shard_id, owner, wrong, now=now, dry_run=False))
    if sample is None and scope.numbers is None:
        for shard_id, _ in owners:
            _check_whole(verified, shard_id)
        if scope.organization_id is None:
            verified.findings += _check_strays()
    return verified


def _chosen_days(
    owners: Sequence[tuple[int, uuid.UUID]], scope: Scope, sample: int | None
) -> Iterator[tuple[int, uuid.UUID, list[MetricDay]]]:
    if sample is not None:
        chosen = checking.random_metric_days(sample, [shard_id for shard_id, _ in owners])
        owner_of = dict(owners)
        yield from ((shard_id, owner_of[shard_id], days) for shard_id, days in chosen.items())
        return
    for shard_id, owner in owners:
        yield (
            shard_id,
            owner,
            checking.metric_days(shard_id, numbers=scope.numbers, first=scope.first, after=scope.after),
        )


def _check_days(
    shard_id: int, owner: uuid.UUID, metric_days: Sequence[MetricDay], now: dt.datetime
) -> Iterator[Finding]:
    raw_since = always_raw_since(bounds_of([owner])[owner], now)
    for batch in batches(metric_days):
        # One view: a compaction between two statements would look like a difference.
        with snapshot():
            compared = compare(shard_id, batch, always_raw_since=raw_since)
            stats = checking.stats_of(shard_id, [number for number, _ in batch])
        for each in compared:
            yield from _findings_of(shard_id, each)
            yield from _check_ends(shard_id, each, stats.get(each.raw.number))


def _findings_of(shard_id: int, compared: Comparison) -> Iterator[Finding]:
    raw = compared.raw
    for fault in raw.faults:
        yield Finding(Kind.PAYLOAD, shard_id, fault, raw.number, raw.day)
    detail = "the stored row is not that of the points" if len(raw.points) else "there are no points"
    for bucket in compared.differing:
        yield Finding(Kind.ROLLUP, shard_id, detail, raw.number, raw.day, bucket)


def _check_ends(
    shard_id: int, compared: Comparison, stat: tuple[int, int, float] | None
) -> Iterator[Finding]:
    raw = compared.raw
    if raw.faults or not len(raw.points):
        return
    if stat is None:
        yield Finding(Kind.ENDS, shard_id, "no ends are stored", raw.number, raw.day)
        return
    first_at, last_at, last_value = stat
    first = int(raw.points.times[0])
    last = (int(raw.points.times[-1]), float(raw.points.values[-1]))
    begins_here = day_of(first_at) == raw.day and not compared.is_partial
    if first < first_at or (begins_here and first != first_at):
        yield Finding(Kind.ENDS, shard_id, "the first point is another", raw.number, raw.day)
    ends_here = day_of(last_at) == raw.day and not compared.is_partial
    if last > (last_at, last_value) or (ends_here and last != (last_at, last_value)):
        yield Finding(Kind.ENDS, shard_id, "the last point is another", raw.number, raw.day)


def _check_whole(verified: Verified, shard_id: int) -> None:
    """Check what concerns a shard as a whole: counts of days, owners of chunks, segments."""
    for day, said, stored in checking.day_disagreements(shard_id):
        detail = f"{said} points said, {stored} there"
        verified.findings.append(Finding(Kind.DAY_COUNT, shard_id, detail, day=day))
    chunked = {number: f"chunks since {day}" for number, day in checking.chunk_owners(shard_id)}
    waiting: dict[int, str] = {}
    for segment in _all_segments(shard_id):
        verified.segments += 1
        verified.findings += _check_segment(shard_id, segment, waiting)
    # Asked last: a metric is there before its first point.
    known = set(Metric.objects.filter(shard_id=shard_id).values_list("number", flat=True))
    for number, where in sorted((waiting | chunked).items()):
        if number not in known:
            verified.findings.append(Finding(Kind.ORPHAN, shard_id, f"{where} of an unknown metric", number))


def _all_segments(shard_id: int) -> Iterator[Segment]:
    after_id = 0
    while rows := segments.read_segments(
        shard_id, max_points=SEGMENT_POINTS, up_to_id=MAX_ID, after_id=after_id
    ):
        yield from rows
        after_id = rows[-1].id


def _check_segment(shard_id: int, segment: Segment, waiting: dict[int, str]) -> Iterator[Finding]:
    """Yield what is wrong with a segment, and note where each metric's points were seen."""
    name = f"segment {segment.id}"
    try:
        points = decode_segment(segment.payload)
    except CorruptPayload as error:
        yield Finding(Kind.PAYLOAD, shard_id, f"{name}: {error}", day=day_of(segment.min_at))
        return
    for number in points.numbers.tolist():
        waiting.setdefault(number, name)
    said = (segment.point_count, segment.min_at, segment.max_at, segment.min_number, segment.max_number)
    times, numbers = points.times, points.numbers
    found = (len(times), int(times.min()), int(times.max()), int(numbers[0]), int(numbers[-1]))
    if said != found:
        detail = f"{name}: its columns are not those of its points"
        yield Finding(Kind.PAYLOAD, shard_id, detail, day=day_of(found[1]))


def _check_strays() -> list[Finding]:
    return [
        Finding(Kind.ORPHAN, shard_id, "points of an unknown shard") for shard_id in checking.stray_shards()
    ]
