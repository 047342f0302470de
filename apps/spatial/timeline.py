"""Events over time: zero-filled buckets of the zone's calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from apps.common.errors import Invalid
from apps.common.serializers import rfc3339
from apps.datasets.queries import Int64s
from apps.datasets.queries.aggregate import GroupBy
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Selection
from apps.datasets.queries.timeline import UNPLACED, Bucket, BucketCounts, count_buckets
from apps.datasets.queries.windows import Span

MAX_BUCKETS: Final = 10_000
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local starts are counted from it, whatever the zone
LABELS: Final = {
    Bucket.DAY: "%Y-%m-%d",
    Bucket.WEEK: "%G-W%V",
    Bucket.MONTH: "%Y-%m",
    Bucket.YEAR: "%Y",
}
STEPS: Final = {
    Bucket.HOUR: timedelta(hours=1),
    Bucket.DAY: timedelta(days=1),
    Bucket.WEEK: timedelta(days=7),
}
MONTHS: Final = 12


class TooManyBuckets(Invalid):
    """The timeline would have too many buckets.

    Take longer buckets or a shorter window.
    """

    code = "spatial.too_many_buckets"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Buckets in order, each with its label and start, and the totals of the answer."""

    buckets: tuple[dict[str, Any], ...]
    events: int
    unplaced: int
    partial_events: int
    excluded_no_time: int


def read_timeline(
    scopes: Sequence[Scope],
    selection: Selection,
    resolution: int,
    bucket: Bucket,
    *,
    with_categories: bool = False,
) -> Timeline:
    """Return the events of the selected cells by bucket; raises TooManyBuckets. One query per dataset.

    Buckets of several datasets are those with the same local time; their starts are in the first's zone.
    """
    by = GroupBy.CATEGORY if with_categories else GroupBy.NOTHING
    found = [count_buckets(scope, selection, resolution, bucket, by=by) for scope in scopes]
    names = [scope.vocabulary.categories for scope in scopes]
    totals: dict[int, int] = {}
    categories: dict[int, dict[str, int]] = {}
    for counts, texts in zip(found, names, strict=True):
        for start, term_no, count in _rows(counts):
            totals[start] = totals.get(start, 0) + count
            if with_categories:
                below = categories.setdefault(start, {})
                below[texts[term_no]] = below.get(texts[term_no], 0) + count
    unplaced = totals.pop(UNPLACED, 0)
    span = scopes[0].span
    rows = []
    for start in _starts(totals, span, bucket):
        row = {**_named(start, bucket, span.zone), "count": totals.get(start, 0)}
        rows.append({**row, "categories": categories.get(start, {})} if with_categories else row)
    return Timeline(
        buckets=tuple(rows),
        events=sum(totals.values()) + unplaced,
        unplaced=unplaced,
        partial_events=sum(int(counts.partial.sum()) for counts in found),
        excluded_no_time=sum(int(counts.untimed.sum()) for counts in found),
    )


def _rows(counts: BucketCounts) -> Iterator[tuple[int, int, int]]:
    """Yield start, term and count of the groups that count something."""
    kept: Int64s = np.flatnonzero(counts.count)
    columns = (counts.start[kept], counts.term_no[kept], counts.count[kept])
    return zip(*(column.tolist() for column in columns), strict=True)


def _starts(totals: dict[int, int], span: Span, bucket: Bucket) -> list[int]:
    """Return all starts from the window's (else the first event's) to its end (else the last event's)."""
    first = min(totals, default=None) if span.start is None else _floor(span.start, bucket, span.zone)
    last = max(totals, default=None)
    if span.end is not None:
        last = _floor(span.end - timedelta(microseconds=1), bucket, span.zone)
    if first is None or last is None:
        return []
    starts: list[int] = []
    while first <= last:
        if len(starts) == MAX_BUCKETS:
            raise TooManyBuckets(f"More than {MAX_BUCKETS:,} buckets of one {bucket.value}.")
        starts.append(first)
        first = _next(first, bucket, span.zone)
    return starts


def _floor(instant: datetime, bucket: Bucket, zone: ZoneInfo) -> int:
    """Return the start of the bucket that holds an instant, as `BucketCounts.start`."""
    local = instant.astimezone(zone)
    if bucket is Bucket.HOUR:
        return int(instant.timestamp()) - local.minute * 60 - local.second
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if bucket is Bucket.WEEK:
        day -= timedelta(days=day.weekday())
    elif bucket in {Bucket.MONTH, Bucket.YEAR}:
        day = day.replace(day=1, month=1 if bucket is Bucket.YEAR else day.month)
    return _seconds(day)


def _next(start: int, bucket: Bucket, zone: ZoneInfo) -> int:
    """Return the start of the bucket after one."""
    if bucket is Bucket.HOUR:
        return _floor(datetime.fromtimestamp(start, UTC) + STEPS[bucket], bucket, zone)
    local = EPOCH + timedelta(seconds=start)
    if bucket in STEPS:
        return _seconds(local + STEPS[bucket])
    if bucket is Bucket.MONTH and local.month < MONTHS:
        return _seconds(local.replace(month=local.month + 1))
    return _seconds(local.replace(year=local.year + 1, month=1))


def _named(start: int, bucket: Bucket, zone: ZoneInfo) -> dict[str, str]:
    """Return a bucket's label, in the zone, and its start in UTC."""
    if bucket is Bucket.HOUR:
        instant = datetime.fromtimestamp(start, UTC)
        return {"label": instant.astimezone(zone).isoformat(timespec="minutes"), "start": rfc3339(instant)}
    local = EPOCH + timedelta(seconds=start)
    return {"label": local.strftime(LABELS[bucket]), "start": rfc3339(local.replace(tzinfo=zone))}


def _seconds(local: datetime) -> int:
    return int((local - EPOCH).total_seconds())
