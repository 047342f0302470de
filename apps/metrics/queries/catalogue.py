"""The catalogue of metrics: one by id or key, and since when and until when they have points."""

import datetime as dt
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import structlog
from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.common.viewsets import UUID_PATTERN
from apps.metrics.codec.payloads import CorruptPayload, SegmentPoints, decode_segment
from apps.metrics.errors import InvalidName, InvalidTags
from apps.metrics.models import Metric, MetricStat, PointSegment
from apps.metrics.points.names import parse_key

logger = structlog.get_logger(__name__)

SEGMENTS_READ: Final = 200


@dataclass(frozen=True, slots=True)
class Ends:
    """The first and the last point of a metric by (time, value), and when one was last received.

    `first_at` and `last_at` are microseconds since 1970; points dated ahead count.
    """

    first_at: int
    last_at: int
    last_value: float
    last_received_at: dt.datetime

    @classmethod
    def of_stat(cls, stat: MetricStat) -> "Ends":
        """Return what the last compaction knew."""
        return cls(stat.first_at, stat.last_at, stat.last_value, stat.last_received_at)

    def joined(self, other: "Ends | None") -> "Ends":
        """Return the ends of both sets of points; a point in both does no harm."""
        if other is None:
            return self
        last_at, last_value = max((self.last_at, self.last_value), (other.last_at, other.last_value))
        return Ends(
            first_at=min(self.first_at, other.first_at),
            last_at=last_at,
            last_value=last_value,
            last_received_at=max(self.last_received_at, other.last_received_at),
        )


@dataclass(frozen=True, slots=True)
class DescribedMetric:
    """A metric as it is shown; `ends` is None without points."""

    metric: Metric
    ends: Ends | None


def find_metric(actor: Actor, text: str) -> Metric:
    """Return a living metric of the actor's organization by id or key; raises NotFound.

    The key may have its tags in any order. A text of the form of an id is a key only if it is nobody's id.
    Issues one query, in that case two.
    """
    rows = Metric.objects.visible_to(actor)
    row = rows.filter(pk=uuid.UUID(text)).first() if UUID_PATTERN.fullmatch(text) else None
    row = row or rows.filter(key=_key_or_nothing(text)).first()
    if row is None:
        raise NotFound("There is no such metric.")
    return row


def describe_page(metrics: Sequence[Metric]) -> list[DescribedMetric]:
    """Return metrics with their ends as of the last compaction, in their order. Issues one query."""
    stats = _stats_of(metrics)
    return [DescribedMetric(metric, stats.get(metric.number)) for metric in metrics]


def describe(metric: Metric) -> DescribedMetric:
    """Return a metric with its exact ends: those of points that wait for compaction, too."""
    ends: Ends | None = None
    for pending in _pending_ends(metric):
        ends = pending.joined(ends)
    # Read last: what was compacted meanwhile is seen twice, which does no harm, and never missed.
    compacted = _stats_of([metric]).get(metric.number)
    return DescribedMetric(metric, ends.joined(compacted) if ends else compacted)


def with_last_received(metrics: QuerySet[Metric]) -> QuerySet[Metric]:
    """Add `last_received_at` as of the last compaction, for lists that are sorted by it."""
    stat = MetricStat.objects.filter(shard_id=OuterRef("shard_id"), number=OuterRef("number"))
    return metrics.annotate(last_received_at=Subquery(stat.values("last_received_at")))


def starting_with(metrics: QuerySet[Metric], prefix: str) -> QuerySet[Metric]:
    """Narrow to the metrics whose key starts with a text; an index serves it."""
    return metrics.filter(key__startswith=nfc(prefix))


def with_tags(metrics: QuerySet[Metric], wanted: Mapping[str, Sequence[str]]) -> QuerySet[Metric]:
    """Narrow to the metrics that have each of the tags with any of its values; an index serves it."""
    for name, values in wanted.items():
        any_value = Q()
        for value in values:
            any_value |= Q(tags__contains={nfc(name): nfc(value)})
        metrics = metrics.filter(any_value)
    return metrics


def decoded(payload: bytes) -> SegmentPoints | None:
    """Return the points of a pending segment; None for a damaged one, which is logged.

    For figures about a metric, which are shown without it; an answer about points raises instead.
    """
    try:
        return decode_segment(payload)
    except CorruptPayload:
        logger.exception("corrupt_payload")
        return None


def nfc(text: str) -> str:
    """Return a text in the normal form in which names are stored."""
    return unicodedata.normalize("NFC", text)


def _key_or_nothing(text: str) -> str:
    """Return the key that a text means, empty (which is nobody's) if it cannot be one."""
    try:
        return parse_key(text)
    except (InvalidName, InvalidTags):
        return ""


def _stats_of(metrics: Sequence[Metric]) -> dict[int, Ends]:
    """Return the ends by number."""
    found = MetricStat.objects.filter(
        shard_id__in={metric.shard_id for metric in metrics},
        number__in=[metric.number for metric in metrics],
    )
    return {stat.number: Ends.of_stat(stat) for stat in found}


def _pending_ends(metric: Metric) -> Iterator[Ends]:
    """Yield the ends of a metric in each pending segment that has points of it."""
    for received_at, payload in _pending_segments(metric):
        points = decoded(payload)
        if points is None:
            continue
        place = int(np.searchsorted(points.numbers, metric.number))
        if place == len(points.numbers) or points.numbers[place] != metric.number:
            continue
        start = int(points.counts[:place].sum())
        end = start + int(points.counts[place]) - 1
        yield Ends(int(points.times[start]), int(points.times[end]), float(points.values[end]), received_at)


def _pending_segments(metric: Metric) -> Iterator[tuple[dt.datetime, bytes]]:
    """Yield receipt and payload of the segments that may have points of a metric, some at a time."""
    candidates = PointSegment.objects.filter(
        shard_id=metric.shard_id, min_number__lte=metric.number, max_number__gte=metric.number
    ).order_by("id")
    after = 0
    while True:
        rows = list(
            candidates.filter(id__gt=after).values_list("id", "received_at", "payload")[:SEGMENTS_READ]
        )
        for after, received_at, payload in rows:  # noqa: B007 - `after` is where the next look begins
            yield received_at, bytes(payload)
        if len(rows) < SEGMENTS_READ:
            return
