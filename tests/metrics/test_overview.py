"""The overview counts exactly, whether points wait or are compacted."""

import datetime as dt

import pytest
from django.db.models import F
from django.utils import timezone

from apps.metrics.metric_types import MetricType
from apps.metrics.models import PointSegment, Shard
from apps.metrics.queries.overview import overview_of
from tests.factories.metrics import create_metric, keep, send
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db

OVERVIEW = "/api/v1/metrics/overview"
NOW = dt.datetime(2026, 3, 1, 12, 20, tzinfo=dt.UTC)
FIRST = dt.datetime(2026, 2, 28, 13, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)
MINUTE = dt.timedelta(minutes=1)


def test_points_of_the_hours_are_counted_wherever_they_lie(actors: Actors) -> None:
    cpu, disk = (create_metric(actors.organization, name) for name in ("cpu", "disk"))
    keep(cpu, [(FIRST - TICK, 1.0), (FIRST, 1.0), (NOW, 1.0)], received_at=NOW)
    keep(disk, [(FIRST - MINUTE, 1.0)], received_at=NOW)
    # Partly before the hours, wholly inside, partly after.
    send([(cpu, FIRST - TICK, 1.0), (cpu, FIRST, 1.0), (disk, NOW, 1.0)], received_at=NOW - 5 * MINUTE)
    send([(disk, NOW, 2.0), (disk, NOW, 2.0)], received_at=NOW - MINUTE)
    send([(disk, NOW, 2.0), (disk, NOW + 40 * MINUTE, 2.0)], received_at=NOW - 2 * MINUTE)
    send([(disk, NOW + dt.timedelta(days=2), 2.0)], received_at=NOW)

    found = overview_of(actors.viewer.actor, now=NOW)

    assert found.metrics == 2
    assert found.hours_from == FIRST
    assert found.points_24h == 2 + 2 + 2 + 1
    assert found.points_per_s == (1 + 1 + 2 + 1) / (20 * 60)
    assert found.pending_points == 8
    assert found.compaction_lag_s == 300


def test_a_compaction_is_seen_at_once(actors: Actors) -> None:
    cpu = create_metric(actors.organization, "cpu")
    send([(cpu, NOW, 1.0)])
    send([(cpu, NOW, 2.0)])
    assert overview_of(actors.viewer.actor, now=NOW).points_24h == 2

    keep(cpu, [(NOW, 1.0), (NOW, 2.0), (NOW, 3.0)], received_at=NOW)
    PointSegment.objects.all().delete()
    Shard.objects.update(epoch=F("epoch") + 1)

    assert overview_of(actors.viewer.actor, now=NOW).points_24h == 3
    send([(cpu, NOW, 4.0)])
    assert overview_of(actors.viewer.actor, now=NOW).points_24h == 4
    assert overview_of(actors.viewer.actor, now=NOW + dt.timedelta(days=1)).points_24h == 0


def test_the_metrics_made_last_come_with_their_hours(actors: Actors) -> None:
    rows = [create_metric(actors.organization, f"m{number:02}") for number in range(12)]
    hits = create_metric(actors.organization, "hits", MetricType.COUNTER, unit="1")
    keep(hits, [(FIRST, 1.0), (FIRST + MINUTE, 2.0), (FIRST - TICK, 64.0)], received_at=NOW)
    send([(hits, FIRST + 2 * MINUTE, 4.0), (hits, NOW, 8.0), (rows[11], NOW, 1.0), (rows[11], NOW, 2.0)])

    found = overview_of(actors.viewer.actor, now=NOW).newest

    assert [each.metric.key for each in found] == ["hits", *(f"m{number:02}" for number in range(11, 2, -1))]
    assert found[0].aggregation == "sum"
    assert found[0].values == [7.0, *[None] * 22, 8.0]
    assert found[1].aggregation == "avg"
    assert found[1].values == [*[None] * 23, 1.5]
    assert found[2].values == [None] * 24


def test_what_goes_out_names_the_hours_and_writes_whole_numbers_as_such(actors: Actors) -> None:
    hits = create_metric(actors.organization, "hits", MetricType.COUNTER, unit="1")
    send([(hits, timezone.now(), 3.0)])
    (newest,) = actors.viewer.api.get(OVERVIEW).json()["newest"]
    assert newest.pop("created_at").endswith("Z")
    assert newest == {
        "id": str(hits.pk), "metric": "hits", "type": "counter", "unit": "1", "aggregation": "sum",
        "values": [*[None] * 23, 3],
    }  # fmt: skip
    assert isinstance(newest["values"][-1], int)


def test_damaged_points_cost_their_own_values_only(actors: Actors) -> None:
    cpu, disk = (create_metric(actors.organization, name) for name in ("cpu", "disk"))
    send([(cpu, FIRST - TICK, 1.0), (cpu, NOW, 1.0)], received_at=NOW)
    PointSegment.objects.update(payload=b"\1")
    send([(disk, NOW, 2.0)], received_at=NOW)

    found = overview_of(actors.viewer.actor, now=NOW)

    assert found.pending_points == 3
    assert found.points_24h == 1
    assert [(each.metric.key, each.values[-1]) for each in found.newest] == [("disk", 2.0), ("cpu", None)]
    assert actors.viewer.api.get("/api/v1/metrics/cpu").json()["last_at"] is None


def test_without_points_there_are_none(actors: Actors) -> None:
    body = actors.viewer.api.get(OVERVIEW).json()
    assert body.pop("hours_from").endswith(":00:00Z")
    assert body == {
        "metrics": 0,
        "points_24h": 0,
        "points_per_s": 0.0,
        "pending_points": 0,
        "compaction_lag_s": 0.0,
        "newest": [],
    }


def test_of_others_nothing_is_counted(actors: Actors) -> None:
    cpu = create_metric(actors.organization, "cpu")
    send([(cpu, NOW, 1.0)])
    keep(cpu, [(NOW, 1.0)], received_at=NOW)
    found = overview_of(actors.stranger.actor, now=NOW)
    assert (found.metrics, found.points_24h, found.pending_points) == (0, 0, 0)
    assert actors.anonymous.api.get(OVERVIEW).status_code == 401
