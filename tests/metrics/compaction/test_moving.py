"""Points move from segments into chunks once, and rollups, ends and counts follow them."""

import pytest

from apps.metrics import compaction
from apps.metrics.models import PointSegment
from tests.metrics.compaction.stores import DAY_US, HOUR_US, make_store

NOON = 20_467 * DAY_US + 12 * HOUR_US


@pytest.mark.django_db
def test_compaction_moves_every_point_and_keeps_equal_ones() -> None:
    store = make_store()
    a, b, _ = store.numbers
    points = [(a, NOON, 1.5), (a, NOON, 1.5), (b, NOON - DAY_US, -2.0), (a, NOON + 5, 0.0)]
    store.write(points)
    store.write([(a, NOON - 1, 7.0)])
    done = compaction.compact_shard(store.shard_id, force=True)
    assert done is not None
    assert (done.points, done.segments, done.parts) == (5, 2, 2)
    assert store.chunked() == sorted([*points, (a, NOON - 1, 7.0)])
    assert not PointSegment.objects.exists()
    store.assert_agrees()
