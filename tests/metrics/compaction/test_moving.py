"""Points move from segments into chunks once, and rollups, ends and counts follow them."""

import datetime as dt

import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.metrics import compaction
from apps.metrics.compaction import merging, moving
from apps.metrics.compaction.leasing import hold
from apps.metrics.compaction.rebuilding import Scope
from apps.metrics.compaction.verification import verify
from apps.metrics.models import MetricStat, PointChunk, PointSegment, ShardDay
from apps.metrics.storage import chunks
from apps.metrics.storage.chunks import CHUNK_POINTS, CLOSED, FANOUT
from apps.metrics.storage.partitions import existing_partitions, instant_of
from tests.metrics.compaction.stores import DAY_US, HOUR_US, Point, Store, make_store

NOON = 20_467 * DAY_US + 12 * HOUR_US
NOW = instant_of(NOON)


def chunk_levels(store: Store) -> list[int]:
    rows = PointChunk.objects.filter(shard_id=store.shard_id).order_by("level")
    return list(rows.values_list("level", flat=True))


def close(store: Store, days: set[dt.date]) -> int:
    with hold(store.shard_id) as lease:
        assert lease is not None
        return sum(merging.close_day(lease, day) for day in sorted(days))


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


@pytest.mark.django_db
def test_the_ends_of_a_metric_follow_time_and_value_whatever_comes_last() -> None:
    store = make_store(1)
    (a,) = store.numbers
    for points in ([(a, NOON, 3.0)], [(a, NOON, 5.0), (a, NOON - 9, 1.0)], [(a, NOON, 4.0)]):
        store.write(points)
        compaction.compact_shard(store.shard_id, force=True)
    stat = MetricStat.objects.get(number=a)
    assert (stat.first_at, stat.last_at, stat.last_value) == (NOON - 9, NOON, 5.0)


@pytest.mark.django_db
def test_a_point_dated_ahead_was_received_now() -> None:
    store = make_store(1)
    (a,) = store.numbers
    store.write([(a, NOON + 3 * DAY_US, 1.0)])
    received_at = PointSegment.objects.get(shard_id=store.shard_id).received_at
    compaction.compact_shard(store.shard_id, force=True)
    stat = MetricStat.objects.get(number=a)
    assert (stat.last_at, stat.last_received_at) == (NOON + 3 * DAY_US, received_at)


@pytest.mark.django_db
def test_a_step_takes_no_more_than_its_points_but_one_segment_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moving, "STEP_POINTS", 5)
    store = make_store(1)
    (a,) = store.numbers
    for size in (3, 2, 9, 1):
        store.write([(a, NOON + place, 1.0) for place in range(size)])
    done = compaction.compact_shard(store.shard_id, force=True)
    assert done is not None
    assert (done.points, done.parts) == (15, 3)
    assert ShardDay.objects.get(shard_id=store.shard_id).epoch == 3
    store.assert_agrees()


@pytest.mark.django_db
def test_only_what_is_due_is_compacted_unless_it_must_be() -> None:
    with override_settings(METRICS_COMPACT_POINTS=3):
        _fill_until_due()


def _fill_until_due() -> None:
    store = make_store(1)
    (a,) = store.numbers
    store.write([(a, NOON, 1.0), (a, NOON, 2.0)])
    assert compaction.compact_shard(store.shard_id, force=False) is None
    store.write([(a, NOON, 3.0)])
    done = compaction.compact_shard(store.shard_id, force=False)
    assert done is not None
    assert done.points == 3


@pytest.mark.django_db
def test_missing_partitions_are_made_for_old_and_future_days() -> None:
    store = make_store(1)
    (a,) = store.numbers
    store.write([(a, 100 * DAY_US, 1.0), (a, 90_000 * DAY_US, 2.0)])
    assert compaction.compact_shard(store.shard_id, force=True) is not None
    wanted = {"metrics_point_chunk_19700411", "metrics_point_chunk_22160531"}
    assert wanted | {"metrics_rollup_197004", "metrics_rollup_221605"} <= existing_partitions()
    store.assert_agrees()


@pytest.mark.django_db
def test_partitions_are_made_like_their_table() -> None:
    store = make_store(1)
    store.write([(store.numbers[0], 100 * DAY_US, 1.0)])
    compaction.compact_shard(store.shard_id, force=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.reloptions, (SELECT attstorage FROM pg_attribute WHERE attrelid = c.oid"
            " AND attname = 'payload'), (SELECT count(*) FROM pg_index i JOIN pg_inherits h"
            " ON h.inhrelid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisprimary)"
            " FROM pg_class c WHERE c.relname IN ('metrics_point_chunk_19700411', 'metrics_rollup_197004')"
            " ORDER BY 1"
        )
        chunk, rollup = cursor.fetchall()
    assert chunk[2:] == ("e", 1)
    assert rollup[1:] == (["fillfactor=70"], None, 1)


@pytest.mark.django_db
def test_a_segment_that_cannot_be_read_stays_and_the_others_go_on() -> None:
    store = make_store(1)
    (a,) = store.numbers
    broken = store.write([(a, NOON, 1.0)])
    store.write([(a, NOON + 1, 2.0)])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_point_segment SET payload = set_byte(payload, 30, get_byte(payload, 30) # 1)"
            " WHERE id = %s",
            [broken],
        )
    done = compaction.compact_shard(store.shard_id, force=True)
    assert done is not None
    assert (done.points, done.skipped) == (1, 1)
    assert list(PointSegment.objects.values_list("id", flat=True)) == [broken]


@pytest.mark.django_db
def test_eight_parts_of_a_level_become_one_of_the_next() -> None:
    store = make_store(2)
    a, b = store.numbers
    for place in range(FANOUT * FANOUT + 1):
        store.write([(a, NOON + place, float(place)), (b, NOON - place * DAY_US, 1.0)])
        compaction.compact_shard(store.shard_id, force=True)
    assert chunk_levels(store) == [0] * (FANOUT * FANOUT + 2) + [2]
    store.assert_agrees()


@pytest.mark.django_db
def test_a_day_that_is_over_becomes_chunks_disjoint_in_time() -> None:
    store = make_store(1)
    (a,) = store.numbers
    for offset in range(3):
        store.write([(a, NOON + 3 * place + offset, float(place)) for place in range(CHUNK_POINTS // 2)])
        compaction.compact_shard(store.shard_id, force=True)
    before = store.chunked()
    day = instant_of(NOON).date()
    assert close(store, {day}) == 3
    spans = PointChunk.objects.order_by("first_at").values_list("first_at", "last_at", "point_count", "level")
    (first, second) = spans
    assert first[1] < second[0]
    assert (first[2], first[3], second[3]) == (CHUNK_POINTS, CLOSED, CLOSED)
    assert store.chunked() == before
    assert close(store, {day}) == 0


@pytest.mark.django_db
def test_merged_payloads_depend_on_the_points_alone() -> None:
    payloads = []
    for cuts in ((1, 50, 51, 70), (35,)):
        store = make_store(1)
        (a,) = store.numbers
        points = [(a, NOON + 7 * place % 101, float(place % 5)) for place in range(100)]
        for start, end in zip((0, *cuts), (*cuts, 100), strict=True):
            store.write(points[start:end])
            compaction.compact_shard(store.shard_id, force=True)
        close(store, {instant_of(NOON).date()})
        payloads.append(
            [bytes(chunk.payload) for chunk in PointChunk.objects.filter(shard_id=store.shard_id)]
        )
    assert payloads[0] == payloads[1]
    assert len(payloads[0]) == 1


POINTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(
            st.integers(-2 * DAY_US, 2 * DAY_US),
            st.sampled_from([0, 1, HOUR_US, DAY_US // 2, 12 * HOUR_US - 1, 900_000_000]),
        ),
        st.one_of(
            st.sampled_from([0.0, 1e16, 1.0, -1e16, 0.1, 5e-324, -1e290, 1e290]),
            st.floats(-1e290, 1e290, allow_nan=False).map(lambda value: value + 0.0),
        ),
    ),
    min_size=1,
    max_size=60,
)
ACTS = st.lists(st.sampled_from(["write", "write", "compact", "close"]), min_size=1, max_size=25)


@pytest.mark.django_db
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=POINTS, acts=ACTS, size=st.integers(1, 9))
def test_any_order_of_writing_compacting_and_merging_keeps_the_set_of_points(
    points: list[Point], acts: list[str], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Two instead of eight, so that a few points are merged over several levels.
        patch.setattr(chunks, "FANOUT", 2)
        patch.setattr(merging, "FANOUT", 2)
        _play(points, acts, size)


def _play(points: list[Point], acts: list[str], size: int) -> None:
    store = make_store()
    rows = [(store.numbers[metric], NOON + at, value) for metric, at, value in points]
    written: list[Point] = []
    for act in [*acts, *["write"] * len(rows)]:
        left = rows[len(written) :]
        if act == "write" and left:
            store.write(left[:size])
            written += left[:size]
        elif act == "compact":
            compaction.compact_shard(store.shard_id, force=True)
            store.assert_agrees()
        elif act == "close":
            close(store, set(ShardDay.objects.filter(shard_id=store.shard_id).values_list("day", flat=True)))
        assert store.stored() == sorted(written)
    compaction.compact_shard(store.shard_id, force=True)
    store.assert_agrees()
    scope = Scope(organization_id=store.organization.pk)
    assert verify(scope=scope, now=NOW).findings == []
