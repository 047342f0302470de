"""What is past its time goes at UTC midnights, and nothing else."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.accounts.models import AuditEntry
from apps.metrics import compaction, figures, periodic
from apps.metrics.compaction.retention import run_retention
from apps.metrics.models import Metric, PointChunk, PointSegment, Policy, Rollup, ShardDay
from apps.metrics.storage import partitions
from apps.metrics.storage.partitions import PartitionsBusy, existing_partitions
from tests.metrics.compaction.stores import DAY_US, HOUR_US, Store, expected_rollups, make_store

pytestmark = pytest.mark.django_db(transaction=True)

DAY_0 = dt.date(2026, 1, 14)
FIRST = (DAY_0 - dt.date(1970, 1, 1)).days * DAY_US


def at(day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2026, 1, 14, hour, tzinfo=dt.UTC) + dt.timedelta(days=day)


def fill(store: Store, *, days: int = 3) -> None:
    """Write a point on each of the first days, at both ends."""
    for day in range(days):
        start = FIRST + day * DAY_US
        store.write([(number, when, 1.5) for number in store.numbers for when in (start, start + DAY_US - 1)])
    compaction.compact_everything()


def days_of(store: Store) -> list[dt.date]:
    rows = PointChunk.objects.filter(shard_id=store.shard_id).order_by("day")
    return list(rows.values_list("day", flat=True).distinct())


def set_policy(store: Store, **days: int) -> None:
    fields = {"raw_days": 90, "rollup_15m_days": 0, "rollup_1h_days": 0} | days
    Policy.objects.update_or_create(
        organization=store.organization,
        defaults={"skew_past_s": 604_800, "skew_future_s": 604_800, "max_metrics": 9} | fields,
    )


@pytest.fixture
def reader() -> Iterator[psycopg.Connection]:
    """Another connection, as a query has one."""
    settings = {**connection.get_connection_params(), "dbname": connection.settings_dict["NAME"]}
    for name in ("context", "cursor_factory", "prepare_threshold"):
        settings.pop(name, None)
    with psycopg.connect(**settings) as other:
        yield other


def test_on_day_91_exactly_the_first_partition_goes_and_its_rollups_stay() -> None:
    store = make_store()
    fill(store)
    points = store.chunked()
    assert run_retention(now=at(90, 23)).partitions == []
    report = run_retention(now=at(91))
    assert report.partitions == ["metrics_point_chunk_20260114"]
    assert "metrics_point_chunk_20260114" not in existing_partitions()
    assert days_of(store) == [DAY_0 + dt.timedelta(1), DAY_0 + dt.timedelta(2)]
    assert store.rollup_rows() == expected_rollups(points)
    assert ShardDay.objects.get(shard_id=store.shard_id, day=DAY_0).point_count == 0
    assert run_retention(now=at(91)).partitions == []


def test_a_run_is_audited_and_counted_for_each_organization_that_lost_something() -> None:
    store, other = make_store(), make_store()
    set_policy(other, raw_days=400)
    fill(store)
    before = figures.retention_deleted._value.get()
    run_retention(now=at(92))
    (entry,) = AuditEntry.objects.filter(verb="metrics.retention_run")
    assert entry.organization_id == store.organization.pk
    assert entry.changes == {"day": "2026-04-16", "chunks": 6, "points": 12, "rollups": 0}
    assert figures.retention_deleted._value.get() == before + 12


def test_a_longer_override_keeps_its_rows_in_a_past_partition() -> None:
    store = make_store(3)
    Metric.objects.filter(number=store.numbers[1]).update(raw_days=200)
    fill(store, days=1)
    report = run_retention(now=at(91))
    assert report.partitions == []
    assert {number for number, _, _ in store.chunked()} == {store.numbers[1]}
    assert ShardDay.objects.get(shard_id=store.shard_id).point_count == 2
    assert run_retention(now=at(201)).partitions == ["metrics_point_chunk_20260114"]


def test_a_shorter_override_loses_its_rows_alone_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.metrics.storage.retiring.BATCH_ROWS", 2)
    store = make_store(7)
    Metric.objects.filter(number__in=store.numbers[:5]).update(raw_days=10)
    fill(store, days=1)
    report = run_retention(now=at(11))
    assert {number for number, _, _ in store.chunked()} == set(store.numbers[5:])
    assert (report.total().chunks.rows, report.total().chunks.points) == (5, 10)
    assert ShardDay.objects.get(shard_id=store.shard_id).point_count == 4


def test_another_organization_with_a_longer_policy_keeps_its_partition() -> None:
    store, other = make_store(), make_store()
    set_policy(other, raw_days=365)
    fill(store, days=1)
    fill(other, days=1)
    run_retention(now=at(91))
    assert (days_of(store), days_of(other)) == ([], [DAY_0])


def test_what_waits_is_rolled_up_before_it_goes() -> None:
    store = make_store(1)
    store.write([(store.numbers[0], FIRST, 5.0)])
    run_retention(now=at(120))
    assert not PointSegment.objects.exists()
    assert not PointChunk.objects.exists()
    assert Rollup.objects.count() == 2


def test_rollups_go_by_month_and_never_before_their_points() -> None:
    store = make_store(2)
    set_policy(store, raw_days=90, rollup_15m_days=30, rollup_1h_days=120)
    Metric.objects.filter(number=store.numbers[1]).update(rollup_days=0)
    fill(store, days=1)
    run_retention(now=at(90))
    assert Rollup.objects.count() == 8
    # The month ends on day 18, so both its points and its rows of 15 minutes are past on day 108.
    run_retention(now=at(107))
    assert Rollup.objects.count() == 8
    run_retention(now=at(108))
    kept = set(Rollup.objects.values_list("number", "width_s"))
    assert kept == {(store.numbers[0], 3600), (store.numbers[1], 900), (store.numbers[1], 3600)}
    run_retention(now=at(138))
    assert set(Rollup.objects.values_list("number", flat=True)) == {store.numbers[1]}


def test_a_month_past_for_all_is_dropped_with_its_partition() -> None:
    store = make_store(1)
    set_policy(store, rollup_15m_days=100, rollup_1h_days=100)
    fill(store, days=1)
    report = run_retention(now=at(119))
    assert report.partitions[-1] == "metrics_rollup_202601"
    assert not Rollup.objects.exists()
    assert "metrics_rollup_202601" not in existing_partitions()


def test_a_dry_run_counts_and_changes_nothing() -> None:
    store = make_store(1)
    fill(store, days=1)
    points = store.chunked()
    report = run_retention(now=at(91), dry_run=True)
    assert report.partitions == ["metrics_point_chunk_20260114"]
    assert report.total().chunks.points == 2
    assert report.total().chunks.size_bytes > 0
    assert store.chunked() == points


def test_the_command_reports_what_would_go_as_json() -> None:
    fill(make_store(1), days=1)
    output = StringIO()
    call_command("metrics_retention", dry_run=True, json=True, stdout=output)
    facts = json.loads(output.getvalue())
    assert facts["chunks"]["rows"] == (1 if facts["partitions"] else 0)
    with pytest.raises(CommandError):
        call_command("metrics_retention", organization="nobody")


def test_one_organization_alone_can_be_cleaned() -> None:
    store, other = make_store(), make_store()
    fill(store, days=1)
    fill(other, days=1)
    run_retention(now=at(91), organization_id=store.organization.pk)
    assert (days_of(store), days_of(other)) == ([], [DAY_0])


def test_a_partition_that_is_being_read_is_left_for_the_next_run(
    reader: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MS", 200)
    store = make_store(1)
    fill(store, days=1)
    reader.execute("SELECT count(*) FROM metrics_point_chunk")
    report = run_retention(now=at(91))
    assert report.postponed == ["metrics_point_chunk_20260114"]
    assert report.partitions == []
    reader.rollback()
    # What was begun is finished first; nobody reads the partition any more.
    run_retention(now=at(91))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = 'metrics_point_chunk_20260114'")
        assert cursor.fetchone() == (0,)
    assert ShardDay.objects.get(shard_id=store.shard_id).point_count == 0


def test_a_half_dropped_partition_is_made_anew_for_a_point_that_comes_late(
    reader: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MS", 200)
    store = make_store(1)
    fill(store, days=1)
    reader.execute("SELECT count(*) FROM metrics_point_chunk")
    run_retention(now=at(91))
    reader.rollback()
    store.write([(store.numbers[0], FIRST + HOUR_US, 9.0)])
    done = compaction.compact_shard(store.shard_id, force=True)
    assert done is not None
    assert done.points == 1
    assert store.chunked() == [(store.numbers[0], FIRST + HOUR_US, 9.0)]
    assert sum(Rollup.objects.filter(width_s=3600).values_list("point_count", flat=True)) == 3


def test_partitions_are_made_while_others_read_and_write(reader: psycopg.Connection) -> None:
    store = make_store(1)
    fill(store, days=1)
    reader.execute("SELECT count(*) FROM metrics_point_chunk")
    reader.execute("SELECT count(*) FROM metrics_rollup")
    made = partitions.ensure_partitions([DAY_0 + dt.timedelta(days=500)])
    assert made == ["metrics_point_chunk_20270529", "metrics_rollup_202705"]


def test_who_cannot_make_a_partition_in_time_says_so(
    reader: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MS", 200)
    reader.execute("LOCK TABLE metrics_point_chunk IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(PartitionsBusy):
        partitions.ensure_partitions([DAY_0])
    reader.rollback()
    assert partitions.ensure_partitions([DAY_0])
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_partitions_made_by_many_at_once_are_made_once() -> None:
    start = threading.Barrier(4)
    made: list[str] = []

    def make() -> None:
        start.wait()
        made.extend(partitions.ensure_partitions([DAY_0, DAY_0 + dt.timedelta(1)]))
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [
        "metrics_point_chunk_20260114",
        "metrics_point_chunk_20260115",
        "metrics_rollup_202601",
    ]


def test_the_clock_makes_partitions_nine_days_ahead(clock: object) -> None:
    periodic.make_partitions()
    chunks = sorted(name for name in existing_partitions() if name.startswith(partitions.CHUNKS))
    assert (chunks[0], chunks[-1]) == ("metrics_point_chunk_20260114", "metrics_point_chunk_20260123")


def test_the_clock_drops_what_is_past(clock: object) -> None:
    store = make_store(1)
    store.write([(store.numbers[0], FIRST - 91 * DAY_US, 1.0)])
    periodic.retention()
    assert not PointChunk.objects.exists()
