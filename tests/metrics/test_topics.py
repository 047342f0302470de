"""Who watches metrics hears of new and changed ones, and may watch each that is there."""

import json

import pytest
import redis
from django.test import override_settings

from apps.common.errors import Forbidden, NotFound
from apps.common.live.streams import Address
from apps.common.live.topics import find_topic
from apps.metrics import services
from apps.metrics.metric_types import MetricType
from apps.metrics.recording.tail import Tail
from apps.metrics.topics import topic_of
from tests.factories.metrics import create_metric
from tests.furniture.people import Actors, Person
from tests.furniture.valkey import told
from tests.metrics.batches import parsed


def may_watch(person: Person, name: str) -> bool:
    try:
        find_topic(person.actor, name).check_row(person.actor, name)
    except (Forbidden, NotFound):
        return False
    return True


@pytest.mark.django_db
def test_a_metric_is_watched_by_its_key_where_it_is(actors: Actors) -> None:
    for key in ("cpu.load;host=a", "über", "x;k=a\nb", "\U0001f600" * 255):
        create_metric(actors.organization, key)
        assert may_watch(actors.viewer, topic_of(key)), key
        assert not may_watch(actors.stranger, topic_of(key))
    for name in ("metrics.nothing", "metrics.", "metrics.a\0b", "metrics.\ud800"):
        assert not may_watch(actors.viewer, name)
    assert may_watch(actors.viewer, "metrics")


@pytest.mark.django_db
def test_the_longest_key_has_a_topic(actors: Actors) -> None:
    tags = ";".join(f"t{number:02}={'v' * 238}" for number in range(8))
    row = create_metric(actors.organization, f"{'n' * 100};{tags}")
    longest = row.key.ljust(2_048, "v")
    assert len(row.key) > 2_000
    assert may_watch(actors.viewer, topic_of(row.key))
    with pytest.raises(NotFound, match="no such topic"):
        find_topic(actors.viewer.actor, topic_of(longest + "v"))
    assert find_topic(actors.viewer.actor, topic_of(longest))


@pytest.mark.django_db(transaction=True)
def test_new_and_changed_metrics_are_published(actors: Actors, valkey: redis.Redis) -> None:
    actor = actors.manager.actor
    address = Address(actors.organization.pk, "metrics")
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(address.channel)
        list(told(pubsub))  # from now on it listens
        row = services.create_metric(actor=actor, metric="cpu", type=MetricType.VALUE)
        services.update_metric(actor=actor, metric=row, changes={"unit": "%", "raw_days": 30})
        services.update_metric(actor=actor, metric=row, changes={"unit": "%"})
        frames = [json.loads(message["data"].partition(b"\n")[2]) for message in told(pubsub)]
    assert [(frame["type"], frame["data"]) for frame in frames] == [
        ("metrics.metric_created", {"id": str(row.pk), "metric": "cpu", "type": "value"}),
        (
            "metrics.metric_updated",
            {"id": str(row.pk), "metric": "cpu", "type": "value", "changed": ["raw_days", "unit"]},
        ),
    ]


@pytest.mark.django_db(transaction=True)
@override_settings(ROLE="web")
def test_a_point_after_a_pause_is_shown_at_once_and_what_follows_is_merged(
    actors: Actors, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.metrics.recording.tail.EVERY_S", 20.0)
    tail = Tail()
    address = Address(actors.organization.pk, topic_of("cpu"))
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(address.channel)
        list(told(pubsub))  # from now on it listens
        tail.offer(actors.organization.pk, parsed([("cpu", 1_000_000, 5.0)]).batch)
        heard = pubsub.get_message(timeout=60)
        tail.offer(actors.organization.pk, parsed([("cpu", 2_000_000, 6.0)]).batch)
        assert pubsub.get_message(timeout=0.2) is None
    assert json.loads(heard["data"].partition(b"\n")[2])["data"]["points"] == [[1, 5]]
