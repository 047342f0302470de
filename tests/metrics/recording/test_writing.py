"""Points are stored once, together with their metrics, or not at all."""

import pytest
from django.db import DatabaseError, transaction

from apps.common.errors import DomainError, Forbidden, Invalid
from apps.common.idempotency import RequestKey
from apps.metrics.catalog import Known, names_of, policy_of
from apps.metrics.errors import ReservedName, SeriesLimit, TypeConflict, TypeRequired
from apps.metrics.metric_types import MetricType
from apps.metrics.models import Metric, PointSegment, Policy, Shard
from apps.metrics.recording import Mode, Recorded, Submission, Untyped, record_points, write_group
from tests.furniture.people import Actors
from tests.metrics.batches import PointRow, parsed
from tests.metrics.stored import stored_points

T = 1_700_000_000_000_000
pytestmark = pytest.mark.django_db


def submission(
    actors: Actors, rows: list[PointRow], kind: MetricType | None = MetricType.VALUE, **more: object
) -> Submission:
    return Submission(actors.organization.pk, parsed(rows, kind), "native", T, **more)  # type: ignore[arg-type]


def record(
    actors: Actors, rows: list[PointRow], kind: MetricType | None = MetricType.VALUE, **more: object
) -> Recorded:
    return record_points(actor=actors.analyst.actor, parsed=parsed(rows, kind), received_at_us=T, **more)  # type: ignore[arg-type]


def test_points_and_their_new_metrics_are_stored(actors: Actors) -> None:
    rows = [("b", T + 1, 2.5), ("a;host=x", T, 1.0), ("b", T, 7.0), ("b", T, 7.0)]
    recorded = record(actors, rows)
    assert recorded.accepted == 4
    assert sorted(recorded.created) == ["a;host=x", "b"]
    assert stored_points(actors.organization.pk) == sorted(rows)
    metric = Metric.objects.get(key="a;host=x")
    assert (metric.name, metric.tags, metric.type) == ("a", {"host": "x"}, MetricType.VALUE)


def test_a_known_metric_is_not_made_again(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)])
    assert record(actors, [("a", T, 2.0)]).created == []
    assert Metric.objects.filter(key="a").count() == 1
    assert PointSegment.objects.count() == 2


def test_equal_points_are_all_kept(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)])
    record(actors, [("a", T, 1.0)])
    assert stored_points(actors.organization.pk) == [("a", T, 1.0)] * 2


def test_a_metric_keeps_its_type(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)], MetricType.COUNTER)
    with pytest.raises(TypeConflict) as caught:
        record(actors, [("b", T, 1.0), ("a", T, 1.0)])
    assert [error.pointer for error in caught.value.errors] == ["/points/1/type"]
    assert not Metric.objects.filter(key="b").exists()
    assert len(stored_points(actors.organization.pk)) == 1


def test_partial_mode_stores_the_rest(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)], MetricType.COUNTER)
    recorded = record(actors, [("b", T, 1.0), ("a", T, 1.0), ("b", T, 3.0)], mode=Mode.PARTIAL)
    assert recorded.accepted == 2
    assert [(refusal.item, refusal.code) for refusal in recorded.refusals] == [(1, "metrics.type_conflict")]
    assert stored_points(actors.organization.pk) == [("a", T, 1.0), ("b", T, 1.0), ("b", T, 3.0)]


def test_a_new_metric_without_type_is_refused_or_guessed(actors: Actors) -> None:
    with pytest.raises(TypeRequired):
        record(actors, [("hits.total", T, 1.0)], None)
    policy_of(actors.organization.pk)
    Policy.objects.update(counter_patterns=["hits.*"])
    record(actors, [("hits.total", T, 1.0), ("load", T, 1.0)], None, untyped=Untyped.GUESS)
    types = dict(Metric.objects.values_list("key", "type"))
    assert types == {"hits.total": MetricType.COUNTER, "load": MetricType.VALUE}


def test_an_untyped_amount_of_a_counter_is_a_whole_number(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)], MetricType.COUNTER)
    with pytest.raises(Invalid) as caught:
        record(actors, [("a", T, 2.0), ("a", T, 0.5)], None)
    assert caught.value.code == "metrics.invalid_value"
    assert [error.pointer for error in caught.value.errors] == ["/points/1/value"]


def test_known_metrics_flow_on_at_the_limit(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)])
    Policy.objects.update(max_metrics=2)
    with pytest.raises(SeriesLimit):
        record(actors, [("a", T, 1.0), ("b", T, 1.0), ("c", T, 1.0)])
    recorded = record(actors, [("a", T, 2.0), ("b", T, 1.0), ("c", T, 1.0)], mode=Mode.PARTIAL)
    assert [refusal.item for refusal in recorded.refusals] == [2]
    assert recorded.accepted == 2
    assert list(Metric.objects.order_by("key").values_list("key", flat=True)) == ["a", "b"]


def test_a_group_tells_each_member_its_own_outcome(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)], MetricType.COUNTER)
    outcomes = write_group(
        [
            submission(actors, [("b", T, 1.0)]),
            submission(actors, [("a", T, 1.0), ("never", T, 1.0)]),
            submission(actors, [("c", T, 1.0)]),
        ]
    )
    assert [isinstance(outcome, DomainError) for outcome in outcomes] == [False, True, False]
    assert set(Metric.objects.values_list("key", flat=True)) == {"a", "b", "c"}
    assert len(stored_points(actors.organization.pk)) == 3


def test_a_group_of_known_metrics_is_one_row(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)])
    before = PointSegment.objects.count()
    _learn(actors)
    write_group([submission(actors, [("a", T + place, 1.0)]) for place in range(5)])
    assert PointSegment.objects.count() == before + 1


def test_two_types_in_one_group_are_settled_by_order(actors: Actors) -> None:
    first = submission(actors, [("a", T, 1.0)], MetricType.COUNTER)
    second = submission(actors, [("a", T, 1.0)], MetricType.VALUE)
    outcomes = write_group([first, second])
    assert isinstance(outcomes[0], Recorded)
    assert isinstance(outcomes[1], TypeConflict)


def test_a_request_that_counts_once_is_stored_once(actors: Actors) -> None:
    claim = RequestKey("key:1", "CONTENT", "/influx/write", "00ff")
    first, second = (write_group([submission(actors, [("a", T, 1.0)], claim=claim)])[0] for _ in range(2))
    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert (first.is_repeated, second.is_repeated) == (False, True)
    assert len(stored_points(actors.organization.pk)) == 1


def test_two_equal_requests_of_one_group_are_stored_once(actors: Actors) -> None:
    claim = RequestKey("key:1", "CONTENT", "/influx/write", "00ff")
    write_group([submission(actors, [("a", T, 1.0)], claim=claim) for _ in range(2)])
    assert len(stored_points(actors.organization.pk)) == 1


def test_a_deleted_metric_is_forgotten_by_every_process(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)])
    _learn(actors)
    old = Metric.objects.get(key="a")
    Metric.objects.filter(pk=old.pk).update(deleted_at="2026-01-01T00:00:00Z")
    Shard.objects.update(catalog_version=7)
    assert record(actors, [("a", T, 2.0)]).created == ["a"]
    assert Metric.objects.living().get(key="a").pk != old.pk


def test_points_spread_over_lanes(actors: Actors) -> None:
    policy_of(actors.organization.pk)
    Policy.objects.update(lanes=4)
    rows = [(f"m{place}", T, float(place)) for place in range(40)]
    record(actors, rows)
    assert PointSegment.objects.values("shard_id").distinct().count() == 4
    assert stored_points(actors.organization.pk) == sorted(rows)


def test_identity_and_type_never_change(actors: Actors) -> None:
    record(actors, [("a", T, 1.0)])
    for changes in ({"type": MetricType.COUNTER}, {"key": "b"}, {"number": 5}):
        with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
            Metric.objects.update(**changes)


def test_names_of_the_installation_are_reserved(actors: Actors) -> None:
    rows = [("sextant.own", T, 1.0)]
    assert record(actors, rows).accepted == 1
    (outcome,) = write_group([submission(actors, [("sextant.other", T, 1.0)], reserves_names=True)])
    assert isinstance(outcome, ReservedName)


def test_a_viewer_may_not_write(actors: Actors) -> None:
    with pytest.raises(Forbidden):
        record_points(actor=actors.viewer.actor, parsed=parsed([("a", T, 1.0)]), received_at_us=T)


def _learn(actors: Actors) -> None:
    """Let this process know what is stored: in a test nothing is ever committed, so nothing is learned."""
    names_of(actors.organization.pk).learn(
        dict(Shard.objects.values_list("shard_id", "catalog_version")),
        {
            metric.key: Known(metric.pk, metric.number, metric.shard_id, MetricType(metric.type))
            for metric in Metric.objects.living()
        },
    )
