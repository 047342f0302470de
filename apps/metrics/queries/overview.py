"""How the metrics of one organization are: how many, how busy, what waits, which are new."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db import connection

from apps.accounts.permissions import Actor
from apps.metrics.codec.payloads import decode_segment
from apps.metrics.models import Metric
from apps.metrics.points.batch import SECOND_US
from apps.metrics.queries.catalogue import instant_of
from apps.metrics.storage.partitions import EPOCH

HOURS: Final = 24
HOUR_US: Final = 3_600 * SECOND_US
QUARTER_US: Final = 900 * SECOND_US
NEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Window:
    """Some buckets of one width that end with the running one; bounds in microseconds, half-open."""

    width_us: int
    start: int
    end: int

    @classmethod
    def until(cls, now_us: int, *, width_us: int, buckets: int) -> "Window":
        """Return the window of the running bucket and those before it."""
        end = now_us - now_us % width_us + width_us
        return cls(width_us, end - buckets * width_us, end)

    @property
    def bounds(self) -> list[int]:
        """Return start and end."""
        return [self.start, self.end]


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures as of one moment; `newest` are the metrics made last."""

    metrics: int
    points_24h: int
    points_per_s: float
    pending_points: int
    compaction_lag_s: float
    hours_from: dt.datetime
    newest: Sequence[Metric]


@dataclass(slots=True)
class _Counts:
    """Points by window, and what waits."""

    hours: int = 0
    quarters: int = 0
    pending: int = 0
    pending_since: dt.datetime | None = None


# One statement, so one snapshot: points move from segments to rollups. Rollups are looked up metric by
# metric, of those that have points in the window, because the index leads with the metric. Of segments that
# lie only partly in a window the payload comes along, and `partly` says of which.
_STATEMENT: Final = """
WITH shard AS (
    SELECT shard_id FROM metrics_shard WHERE organization_id = %(organization)s
), pending AS (
    SELECT received_at, point_count, payload,
        CASE WHEN min_at >= %(h0)s AND max_at < %(h1)s THEN point_count ELSE 0 END AS hours,
        CASE WHEN min_at >= %(q0)s AND max_at < %(q1)s THEN point_count ELSE 0 END AS quarters,
        max_at >= %(h0)s AND min_at < %(h1)s AND NOT (min_at >= %(h0)s AND max_at < %(h1)s) AS partly_hours,
        max_at >= %(q0)s AND min_at < %(q1)s AND NOT (min_at >= %(q0)s AND max_at < %(q1)s) AS partly_quarters
    FROM metrics_point_segment JOIN shard USING (shard_id)
), compacted AS (
    SELECT sum(in_hours.points) AS hours, sum(in_quarters.points) AS quarters
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
)
SELECT coalesce(hours, 0), coalesce(quarters, 0), 0, NULL::timestamptz, FALSE, FALSE, NULL::bytea
    FROM compacted
UNION ALL
SELECT coalesce(sum(hours), 0), coalesce(sum(quarters), 0), coalesce(sum(point_count), 0), min(received_at),
    FALSE, FALSE, NULL FROM pending
UNION ALL
SELECT 0, 0, 0, NULL, partly_hours, partly_quarters, payload
    FROM pending WHERE partly_hours OR partly_quarters
"""


def overview_of(actor: Actor, *, now: dt.datetime) -> Overview:
    """Return the overview of the actor's organization. Issues three queries.

    The figures of points are those of whole hours and quarters of an hour that end with the running one.
    """
    now_us = (now - EPOCH) // dt.timedelta(microseconds=1)
    hours = Window.until(now_us, width_us=HOUR_US, buckets=HOURS)
    quarters = Window.until(now_us, width_us=QUARTER_US, buckets=2)
    counts = _counted(actor.organization.pk, hours, quarters)
    metrics = Metric.objects.visible_to(actor)
    waiting = now - counts.pending_since if counts.pending_since else dt.timedelta()
    return Overview(
        metrics=metrics.count(),
        points_24h=counts.hours,
        points_per_s=counts.quarters / ((now_us - quarters.start) / SECOND_US),
        pending_points=counts.pending,
        compaction_lag_s=max(0.0, waiting.total_seconds()),
        hours_from=instant_of(hours.start),
        # By id, which is the order of creation and has an index.
        newest=metrics.order_by("-pk")[:NEWEST],
    )


def _counted(organization_id: uuid.UUID, hours: Window, quarters: Window) -> _Counts:
    counts = _Counts()
    for in_hours, in_quarters, pending, since, partly_hours, partly_quarters, payload in _rows(
        organization_id, hours, quarters
    ):
        counts.hours += int(in_hours)
        counts.quarters += int(in_quarters)
        counts.pending += int(pending)
        counts.pending_since = since or counts.pending_since
        if payload is not None:
            times = decode_segment(payload).times
            counts.hours += _inside(times, hours) if partly_hours else 0
            counts.quarters += _inside(times, quarters) if partly_quarters else 0
    return counts


def _rows(organization_id: uuid.UUID, hours: Window, quarters: Window) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _STATEMENT,
            {
                "organization": organization_id,
                "h0": hours.start, "h1": hours.end,
                "q0": quarters.start, "q1": quarters.end,
            },
        )  # fmt: skip
        return cursor.fetchall()


def _inside(times: np.typing.NDArray[np.int64], window: Window) -> int:
    """Return how many instants lie in a window."""
    return int(np.count_nonzero((times >= window.start) & (times < window.end)))
