"""How the metrics of one organization are: how many, how busy, what waits, which are new."""

import datetime as dt
import hashlib
import math
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from django.core.cache import cache
from django.db import connection

from apps.accounts.permissions import Actor
from apps.metrics.calendar.windows import HOUR_US, MINUTE_US, SECOND_US, Window, instant_us
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric
from apps.metrics.points.batch import Instants
from apps.metrics.queries.catalogue import decoded
from apps.metrics.queries.filling import Fill
from apps.metrics.queries.gathering import StoredPointsCorrupt
from apps.metrics.queries.series import SeriesQuery, answer_query
from apps.metrics.storage.partitions import instant_of

HOURS: Final = 24
QUARTER_US: Final = 15 * MINUTE_US
NEWEST: Final = 10
KEPT_S: Final = 300


@dataclass(frozen=True, slots=True)
class NewMetric:
    """A metric made lately; `values` are its last hours by `aggregation`, None for those without points."""

    metric: Metric
    aggregation: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures as of one moment; `newest` are the metrics made last."""

    metrics: int
    points_24h: int
    points_per_s: float
    pending_points: int
    compaction_lag_s: float
    hours_from: dt.datetime
    newest: Sequence[NewMetric]


@dataclass(frozen=True, slots=True)
class _Counts:
    """Points by window."""

    hours: int = 0
    quarters: int = 0

    def plus(self, other: "_Counts") -> "_Counts":
        """Return both together."""
        return _Counts(self.hours + other.hours, self.quarters + other.quarters)


@dataclass(frozen=True, slots=True)
class _Pending:
    """What waits for compaction, and the state of the shards at that moment, which compaction changes."""

    shards: str
    points: int
    since: dt.datetime | None
    inside: _Counts


# Each statement is one snapshot, because points move from segments to rollups. Of segments that lie only
# partly in a window the payload comes along, and `partly` says of which.
_PENDING: Final = """
WITH shard AS (
    SELECT shard_id, epoch FROM metrics_shard WHERE organization_id = %(organization)s
), pending AS (
    SELECT received_at, point_count, payload,
        CASE WHEN min_at >= %(h0)s AND max_at < %(h1)s THEN point_count ELSE 0 END AS hours,
        CASE WHEN min_at >= %(q0)s AND max_at < %(q1)s THEN point_count ELSE 0 END AS quarters,
        max_at >= %(h0)s AND min_at < %(h1)s AND NOT (min_at >= %(h0)s AND max_at < %(h1)s) AS partly_hours,
        max_at >= %(q0)s AND min_at < %(q1)s AND NOT (min_at >= %(q0)s AND max_at < %(q1)s) AS partly_quarters
    FROM metrics_point_segment JOIN shard USING (shard_id)
)
SELECT 'whole', sum(hours), sum(quarters), sum(point_count), min(received_at),
    (SELECT string_agg(shard_id || ':' || epoch, ',' ORDER BY shard_id) FROM shard), NULL::bytea
FROM pending
UNION ALL
SELECT 'part', partly_hours::int, partly_quarters::int, NULL, NULL, NULL, payload
FROM pending WHERE partly_hours OR partly_quarters
"""
# Rollups are looked up metric by metric, of those that have points in the window: the index leads with them.
_COMPACTED: Final = """
UNION ALL
SELECT 'compacted', sum(in_hours.points), sum(in_quarters.points), NULL, NULL, NULL, NULL
FROM metrics_metric_stat stat JOIN shard USING (shard_id)
CROSS JOIN LATERAL (
    SELECT sum(point_count) AS points FROM metrics_rollup rollup
    WHERE rollup.shard_id = stat.shard_id AND rollup.number = stat.number AND width_s = 3600
        AND start_at >= %(h0)s AND start_at < %(h1)s
) in_hours
CROSS JOIN LATERAL (
    SELECT sum(point_count) AS points FROM metrics_rollup rollup
    WHERE rollup.shard_id = stat.shard_id AND rollup.number = stat.number AND width_s = 900
        AND start_at >= %(q0)s AND start_at < %(q1)s
) in_quarters
WHERE stat.last_at >= %(h0)s
"""


def overview_of(actor: Actor, *, now: dt.datetime) -> Overview:
    """Return the overview of the actor's organization. Issues five queries, a sixth after a compaction.

    The figures of points are those of whole hours and quarters of an hour that end with the running one.
    """
    now_us = instant_us(now)
    hours = _window(now_us, width_us=HOUR_US, buckets=HOURS)
    quarters = _window(now_us, width_us=QUARTER_US, buckets=2)
    pending, counts = _counted(actor.organization.pk, hours, quarters)
    metrics = Metric.objects.visible_to(actor)
    waiting = now - pending.since if pending.since else dt.timedelta()
    return Overview(
        metrics=metrics.count(),
        points_24h=counts.hours,
        points_per_s=counts.quarters / ((now_us - quarters.start) / SECOND_US),
        pending_points=pending.points,
        compaction_lag_s=max(0.0, waiting.total_seconds()),
        hours_from=instant_of(hours.start),
        # By id, which is the order of creation and has an index.
        newest=_with_values(actor, metrics.order_by("-pk")[:NEWEST], hours, now),
    )


def _window(now_us: int, *, width_us: int, buckets: int) -> Window:
    """Return the window of the running bucket and those before it."""
    end = now_us - now_us % width_us + width_us
    return Window(end - buckets * width_us, end)


def _with_values(actor: Actor, metrics: Iterable[Metric], hours: Window, now: dt.datetime) -> list[NewMetric]:
    """Return metrics with their values by hour; damaged ones cost their own values only."""
    chosen = list(metrics)
    try:
        found = _hourly(actor, chosen, hours, now)
    except StoredPointsCorrupt:
        found = {}
        for metric in chosen:
            with suppress(StoredPointsCorrupt):
                found |= _hourly(actor, [metric], hours, now)
    nothing = [None] * HOURS
    return [
        NewMetric(each, MetricType(each.type).default_aggregation, found.get(each.key, nothing))
        for each in chosen
    ]


def _hourly(
    actor: Actor, metrics: Sequence[Metric], hours: Window, now: dt.datetime
) -> dict[str, Sequence[float | None]]:
    """Return the values of metrics by key."""
    if not metrics:
        return {}
    query = SeriesQuery(
        start=hours.start,
        end=hours.end,
        metrics=tuple(metric.key for metric in metrics),
        interval="hour",
        fill=Fill.NULL,
    )
    series = answer_query(actor=actor, query=query, now=now).series
    return {
        each.metric: [None if math.isnan(value) else value for value in each.values.tolist()]
        for each in series
        if each.metric is not None
    }


def _counted(organization_id: uuid.UUID, hours: Window, quarters: Window) -> tuple[_Pending, _Counts]:
    """Return what waits, and all points by window.

    The compacted ones take a look-up per metric, so they are kept for as long as no compaction adds to them.
    """
    pending, _ = _look(_PENDING, organization_id, hours, quarters)
    compacted = cache.get(_cache_key(organization_id, pending, hours, quarters))
    if compacted is None:
        pending, compacted = _look(_PENDING + _COMPACTED, organization_id, hours, quarters)
        cache.set(_cache_key(organization_id, pending, hours, quarters), compacted, KEPT_S)
    return pending, pending.inside.plus(compacted)


def _cache_key(organization_id: uuid.UUID, pending: _Pending, hours: Window, quarters: Window) -> str:
    state = hashlib.sha256(pending.shards.encode()).hexdigest()
    return f"metrics:overview:{organization_id}:{state}:{hours.start}:{quarters.start}"


def _look(
    statement: str, organization_id: uuid.UUID, hours: Window, quarters: Window
) -> tuple[_Pending, _Counts]:
    """Return what waits, and the counts of what is compacted if the statement asks for them."""
    pending, inside, compacted = _Pending("", 0, None, _Counts()), _Counts(), _Counts()
    for kind, in_hours, in_quarters, points, since, shards, payload in _rows(
        statement, organization_id, hours, quarters
    ):
        if kind == "part":
            inside = inside.plus(
                _counts_in(payload, hours if in_hours else None, quarters if in_quarters else None)
            )
            continue
        counts = _Counts(int(in_hours or 0), int(in_quarters or 0))
        if kind == "whole":
            pending = _Pending(shards or "", int(points or 0), since, counts)
        else:
            compacted = counts
    return replace(pending, inside=pending.inside.plus(inside)), compacted


def _rows(
    statement: str, organization_id: uuid.UUID, hours: Window, quarters: Window
) -> list[tuple[Any, ...]]:
    bounds = {"h0": hours.start, "h1": hours.end, "q0": quarters.start, "q1": quarters.end}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"organization": organization_id, **bounds})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _counts_in(payload: bytes, hours: Window | None, quarters: Window | None) -> _Counts:
    """Return how many points of a segment lie in each of the windows, 0 for None and for a damaged one."""
    points = decoded(payload)
    if points is None:
        return _Counts()
    return _Counts(_inside(points.times, hours), _inside(points.times, quarters))


def _inside(times: Instants, window: Window | None) -> int:
    """Return how many instants lie in a window."""
    if window is None:
        return 0
    return int(np.count_nonzero((times >= window.start) & (times < window.end)))
