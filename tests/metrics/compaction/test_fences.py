"""However compactors die, sleep or meet: each point moves once."""

import json
import signal
import threading
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from apps.metrics import compaction
from apps.metrics.compaction import leasing, moving
from apps.metrics.compaction.leasing import hold
from apps.metrics.models import PointChunk, Shard
from apps.metrics.storage import segments, shards
from apps.metrics.storage.chunks import date_of
from apps.metrics.storage.partitions import ensure_partitions
from apps.metrics.storage.shards import Lease, LeaseLost
from tests.furniture.nursery import Nursery
from tests.metrics.compaction.stores import DAY_US, HOUR_US, Store, expire_lease, make_store

pytestmark = pytest.mark.django_db(transaction=True)

NOON = 20_467 * DAY_US + 12 * HOUR_US
# The worker of this story: a process of its own that compacts one shard and nothing else.
WORKER = """
import sys
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from apps.metrics import compaction
compaction.compact_shard(int(sys.argv[2]), force=True)
"""


def fill(store: Store) -> None:
    for place in range(30):
        store.write(
            [
                (number, NOON + place * 700_000_000 - number % 3 * DAY_US, place / 7)
                for number in store.numbers
            ]
        )


def die(nursery: Nursery, store: Store, fault: str) -> None:
    """Compact in a process of its own, which dies at the point."""
    name = connection.settings_dict["NAME"]
    code = nursery.run(WORKER, name, store.shard_id, METRICS_FAULT=fault)
    assert code == -signal.SIGKILL, nursery.errors


@pytest.mark.parametrize(
    "fault", ["compact.claimed", "compact.encoded", "compact.before_commit", "compact.committed"]
)
def test_whoever_goes_on_after_a_killed_compactor_ends_where_it_would_have(
    nursery: Nursery, fault: str
) -> None:
    store = make_store()
    fill(store)
    points = store.stored()
    die(nursery, store, fault)
    assert store.stored() == points
    assert compaction.compact_shard(store.shard_id, force=True) is None  # the dead one's lease
    expire_lease(store.shard_id)
    compaction.compact_everything()
    assert store.chunked() == points
    store.assert_agrees()
    call_command("metrics_verify", stdout=StringIO())


def test_a_compactor_that_was_killed_at_its_second_commit_has_made_its_first(nursery: Nursery) -> None:
    store = make_store()
    fill(store)
    die(nursery, store, "compact.committed:1")
    epoch = Shard.objects.get(pk=store.shard_id).epoch
    assert epoch == 1
    store.assert_agrees()


def test_a_fault_is_not_looked_for_without_debug(nursery: Nursery) -> None:
    store = make_store()
    fill(store)
    name = connection.settings_dict["NAME"]
    code = nursery.run(WORKER, name, store.shard_id, METRICS_FAULT="compact.encoded", DEBUG=False)
    assert code == 0, nursery.errors
    assert not store.pending()


def computed(lease: Lease) -> tuple[Any, Any]:
    """Do all of a step but its commit, partitions included."""
    rows = segments.read_segments(lease.shard_id, max_points=moving.STEP_POINTS, up_to_id=2**62)
    taken = moving._take(lease.shard_id, rows)
    assert taken is not None
    encoded = moving._encode(lease.shard_id, taken)
    ensure_partitions(map(date_of, encoded.days.tolist()))
    return taken, encoded


def test_a_compactor_that_wakes_up_late_changes_nothing() -> None:
    store = make_store()
    fill(store)
    points = store.stored()
    with hold(store.shard_id) as lease:
        assert lease is not None
        taken, encoded = computed(lease)
        # It sleeps: its lease ends, and another does all of the work.
        expire_lease(store.shard_id)
        assert compaction.compact_shard(store.shard_id, force=True) is not None
        with pytest.raises(LeaseLost):
            moving._commit(lease, taken, encoded)
    assert store.chunked() == points
    store.assert_agrees()


def test_a_compactor_whose_lease_was_taken_changes_nothing_even_in_the_same_epoch() -> None:
    store = make_store()
    fill(store)
    with hold(store.shard_id) as lease:
        assert lease is not None
        taken, encoded = computed(lease)
        expire_lease(store.shard_id)
        with hold(store.shard_id) as other:
            assert other is not None
            with pytest.raises(LeaseLost):
                moving._commit(lease, taken, encoded)
    assert not PointChunk.objects.exists()


def in_thread(act: Any, *arguments: Any) -> None:
    try:
        act(*arguments)
    finally:
        connection.close()


def test_two_compactors_at_once_have_one_effect() -> None:
    store = make_store()
    fill(store)
    points = store.stored()
    start = threading.Barrier(4)
    results: list[Any] = []

    def compact() -> None:
        start.wait()
        results.append(compaction.compact_shard(store.shard_id, force=True))

    threads = [threading.Thread(target=in_thread, args=(compact,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done.points for done in results if done) == len(points)
    assert store.chunked() == points
    store.assert_agrees()


def test_whoever_writes_meanwhile_is_not_lost() -> None:
    store = make_store()
    fill(store)
    over = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not over.is_set():
            store.write([(store.numbers[0], NOON + len(written), 1.0)])
            written.append(1)

    writer = threading.Thread(target=in_thread, args=(write,))
    writer.start()
    for _ in range(20):
        compaction.compact_shard(store.shard_id, force=True)
    over.set()
    writer.join()
    compaction.compact_shard(store.shard_id, force=True)
    assert len(store.chunked()) == 30 * len(store.numbers) + len(written)
    store.assert_agrees()


def test_whatever_else_changed_the_shard_undoes_the_step() -> None:
    store = make_store()
    fill(store)
    with hold(store.shard_id) as lease:
        assert lease is not None
        taken, encoded = computed(lease)
        Shard.objects.filter(pk=store.shard_id).update(epoch=5)
        with pytest.raises(LeaseLost):
            moving._commit(lease, taken, encoded)
    assert not PointChunk.objects.exists()


def test_segments_that_somebody_deleted_meanwhile_undo_the_step() -> None:
    store = make_store()
    fill(store)
    with hold(store.shard_id) as lease:
        assert lease is not None
        taken, encoded = computed(lease)
        segments.delete_segments(store.shard_id, [taken.rows[0].id])
        with pytest.raises(LeaseLost):
            moving._commit(lease, taken, encoded)
    assert not PointChunk.objects.exists()
    assert len(store.pending()) == 29 * len(store.numbers)


def test_a_lease_is_renewed_while_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leasing, "RENEWED_S", 0.05)
    store = make_store()
    with hold(store.shard_id) as lease:
        assert lease is not None
        expire_lease(store.shard_id)
        for _ in range(100):
            if shards.held_shards():
                break
            threading.Event().wait(0.05)
        assert shards.held_shards() == {store.shard_id}
        assert compaction.release_lease(store.shard_id)
        for _ in range(100):
            if lease.is_lost:
                break
            threading.Event().wait(0.05)
        with pytest.raises(LeaseLost):
            leasing.require(lease)
    assert not shards.held_shards()


def test_the_command_compacts_everything_and_says_so() -> None:
    store = make_store()
    fill(store)
    output = StringIO()
    call_command("compact_metrics", all=True, until_empty=True, json=True, stdout=output)
    (done,) = json.loads(output.getvalue())["compacted"]
    assert (done["shard_id"], done["points"]) == (store.shard_id, 90)
    assert not store.pending()
