"""What the clock sees of waiting points, and whom it tells."""

import datetime as dt

import pytest
import redis
from django.db import connection
from django.test import override_settings

from apps.common.metrics import exposition, register_figure
from apps.common.probes import Degraded
from apps.metrics import compaction, figures, periodic, probes, tasks
from apps.metrics.compaction import merging
from apps.metrics.compaction.leasing import hold
from apps.metrics.models import PointChunk, Shard
from apps.metrics.storage import partitions
from apps.metrics.storage.chunks import CLOSED
from apps.metrics.storage.partitions import start_of
from config import schedule
from tests.furniture.clock import NOON
from tests.metrics.compaction.stores import DAY_US, HOUR_US, Store, make_store

pytestmark = pytest.mark.django_db

TODAY_US = start_of(NOON.date())


def write_old(store: Store, age_s: int) -> None:
    store.write([(store.numbers[0], TODAY_US, 1.0)])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE metrics_point_segment SET received_at = now() - %s * interval '1 second'"
            " WHERE shard_id = %s",
            [age_s, store.shard_id],
        )


def messages(valkey: redis.Redis) -> int:
    """Return how many messages wait, whatever their priority."""
    return sum(valkey.llen(key) for key in valkey.scan_iter("default*"))


def test_the_clock_writes_down_what_waits_and_what_no_longer_does() -> None:
    store = make_store(1)
    write_old(store, 100)
    periodic.compact_due()
    shard = Shard.objects.get(pk=store.shard_id)
    assert shard.pending_points == 1
    assert shard.pending_since is not None
    compaction.compact_everything()
    periodic.compact_due()
    assert Shard.objects.filter(pk=store.shard_id, pending_points=0, pending_since=None).exists()


def test_a_message_is_sent_for_each_shard_that_is_due_and_free(valkey: redis.Redis) -> None:
    young, old, held = make_store(1), make_store(1), make_store(1)
    write_old(young, 299)
    write_old(old, 300)
    write_old(held, 300)
    with hold(held.shard_id):
        assert compaction.send_due() == [old.shard_id]
    assert messages(valkey) == 1


@pytest.mark.parametrize(
    ("setting", "limit", "is_due"),
    [
        ("METRICS_COMPACT_POINTS", 3, True),
        ("METRICS_COMPACT_POINTS", 4, False),
        ("METRICS_COMPACT_SEGMENTS", 3, True),
        ("METRICS_COMPACT_SEGMENTS", 4, False),
    ],
)
def test_a_shard_is_due_by_points_and_by_segments(setting: str, limit: int, is_due: bool) -> None:
    store = make_store(1)
    for _ in range(3):
        write_old(store, 0)
    with override_settings(**{setting: limit}):
        assert compaction.send_due() == ([store.shard_id] if is_due else [])


def test_the_message_compacts_what_is_due_and_nothing_else() -> None:
    young, old = make_store(1), make_store(1)
    write_old(young, 0)
    write_old(old, 300)
    for store in (young, old):
        tasks.compact_shard(shard_id=store.shard_id)
    assert (len(young.pending()), len(old.pending())) == (1, 0)


def test_the_message_of_the_writer_is_the_task_of_the_worker(valkey: redis.Redis) -> None:
    assert tasks.compact_shard.name == "sextant.compact_shard"
    compaction.nudge(7)
    assert messages(valkey) == 1


def test_days_older_than_the_skew_are_closed_at_night(clock: object) -> None:
    store = make_store(1)
    for day in (7, 8):
        for hour in range(3):
            store.write([(store.numbers[0], TODAY_US - day * DAY_US + hour * HOUR_US, 1.0)])
            compaction.compact_everything()
    before = store.chunked()
    periodic.merge_days()
    chunks = PointChunk.objects.order_by("day", "part").values_list("day", "level", "point_count")
    day_8, *day_7 = chunks
    assert day_8 == (NOON.date() - dt.timedelta(8), CLOSED, 3)
    assert [level for _, level, _ in day_7] == [0, 0, 0]
    assert store.chunked() == before
    store.assert_agrees()


def test_of_a_large_day_only_what_overlaps_is_laid_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "WHOLE_POINTS", 3)
    store = make_store(1)
    (a,) = store.numbers
    for first, last in ((0, 10), (5, 15), (20, 30), (31, 31)):
        store.write([(a, TODAY_US + first, 1.0), (a, TODAY_US + last, 1.0)])
        compaction.compact_everything()
    with hold(store.shard_id) as lease:
        assert lease is not None
        assert merging.close_day(lease, NOON.date()) == 2
    spans = PointChunk.objects.order_by("first_at").values_list("first_at", "last_at")
    assert [(first - TODAY_US, last - TODAY_US) for first, last in spans] == [(0, 15), (20, 30), (31, 31)]


def test_health_degrades_when_points_wait_too_long_or_tomorrow_has_no_partition(clock: object) -> None:
    with pytest.raises(Degraded) as degraded:
        probes.probe_metrics()
    assert degraded.value.facts["partition_tomorrow"] is False
    periodic.compact_due()  # the first tick of a new installation
    assert probes.probe_metrics()["partition_tomorrow"] is True
    store = make_store(1)
    write_old(store, 899)
    probes.probe_metrics()
    write_old(store, 901)
    with pytest.raises(Degraded):
        probes.probe_metrics()


def test_figures_are_asked_for_at_the_scrape() -> None:
    for figure in figures.FIGURES:
        register_figure(figure)
    store = make_store(1)
    write_old(store, 500)
    periodic.compact_due()
    text = exposition().decode()
    assert "sextant_metrics_pending_points 1.0" in text
    lag_s = float(text.split("\nsextant_metrics_compaction_lag_seconds ")[1].split("\n")[0])
    assert 500 <= lag_s < 510


def test_the_clocks_of_metrics_are_declared() -> None:
    names = {clock.function.rpartition(".")[2] for clock in schedule.CLOCKS if "metrics" in clock.function}
    assert names == {"compact_due", "make_partitions", "merge_days", "retention", "verify_sample"}
    assert partitions.AHEAD_DAYS == 9
