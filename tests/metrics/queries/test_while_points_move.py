"""Reading while points move from segments to chunks and rollup rows."""

import datetime as dt
import threading
from dataclasses import replace

import numpy as np
import pytest
from django.db import connection, transaction

from apps.accounts.permissions import system_actor
from apps.metrics.calendar.windows import instant_us
from apps.metrics.models import Metric, PointSegment
from apps.metrics.queries.series import SeriesQuery, answer_query
from apps.metrics.storage.partitions import ensure_partitions
from tests.factories.accounts import OrganizationFactory
from tests.metrics.queries.stored import make_metric, write_compacted, write_pending

NOW = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
START = instant_us(dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
POINTS, SEGMENTS = 100, 60


def move_all(metric: Metric, done: threading.Event) -> None:
    """Compact one segment after the other, each in one commit."""
    try:
        for number in range(SEGMENTS):
            with transaction.atomic():
                PointSegment.objects.filter(id=PointSegment.objects.order_by("id").values("id")[:1]).delete()
                write_compacted(metric, times_of(number), np.ones(POINTS))
    finally:
        done.set()
        connection.close()


def times_of(segment: int) -> "np.typing.NDArray[np.int64]":
    """Return the times of a segment's points, spread over ten hours."""
    return START + np.arange(POINTS, dtype=np.int64) * 360_000_000 + segment


@pytest.mark.django_db(transaction=True)
def test_no_point_is_missing_or_counted_twice() -> None:
    organization = OrganizationFactory.create()
    metric = make_metric(organization, "moving")
    ensure_partitions([NOW.date()])
    for number in range(SEGMENTS):
        write_pending([(metric, times_of(number), np.ones(POINTS))])
    query = SeriesQuery(start=START, end=instant_us(NOW), metrics=("moving",), aggregations=("count", "sum"))
    done = threading.Event()
    mover = threading.Thread(target=move_all, args=(metric, done))
    mover.start()
    seen = 0
    while not done.is_set() or seen == 0:
        for interval in ("minute", "hour", "day"):
            asked = replace(query, interval=interval)
            answer = answer_query(actor=system_actor(organization), query=asked, now=NOW)
            assert [series.values.sum() for series in answer.series] == [POINTS * SEGMENTS] * 2
            seen += 1
    mover.join()
    assert not PointSegment.objects.exists()
    assert seen >= 3
