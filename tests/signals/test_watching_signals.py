"""Who watches signals hears what changes, after the commit; who may not see a signal may not watch it."""

import json
from typing import Any

import pytest
import redis

from apps.common.errors import Forbidden, NotFound
from apps.common.live.streams import Address
from apps.common.live.topics import find_topic
from apps.signals import announcing
from apps.signals.models import Comment, Hydration, Signal
from tests.factories.signals import create_signal
from tests.furniture.people import Actors, Person
from tests.furniture.valkey import told


def may_watch(person: Person, name: str) -> bool:
    try:
        find_topic(person.actor, name).check_row(person.actor, name)
    except (Forbidden, NotFound):
        return False
    return True


def heard(valkey: redis.Redis, signal: Signal, topic: str, act: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return type and data of what a topic carries while something happens."""
    with valkey.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(Address(signal.organization_id, topic).channel)
        list(told(pubsub))  # from now on it listens
        act()
        frames = [json.loads(message["data"].partition(b"\n")[2]) for message in told(pubsub)]
    return [(frame["type"], frame["data"]) for frame in frames]


@pytest.mark.django_db
def test_a_signal_is_watched_by_whoever_sees_it(actors: Actors) -> None:
    name = f"signals.{create_signal(actors.organization).pk}"
    assert may_watch(actors.viewer, name)
    assert may_watch(actors.viewer, "signals")
    assert not may_watch(actors.stranger, name)
    for wrong in ("signals.", "signals.x", "signals.00000000-0000-0000-0000-000000000007"):
        assert not may_watch(actors.viewer, wrong)


@pytest.mark.django_db(transaction=True)
def test_a_run_and_a_hydration_are_told_by_the_run_alone(actors: Actors, valkey: redis.Redis) -> None:
    signal = create_signal(actors.organization)
    run = signal.content_run
    assert run is not None

    def act() -> None:
        announcing.announce_run(run)
        for dry_run in (True, False):
            row = Hydration(
                organization=run.organization, graph=run.graph, run=run, status="succeeded", dry_run=dry_run
            )
            announcing.announce_hydration(row)

    finished = {"run": str(run.pk), "status": "succeeded"}
    assert heard(valkey, signal, "signals", act) == [
        ("run.status", {"run": str(run.pk), "status": "hydrated"}),
        ("hydration.finished", finished | {"dry_run": True}),
        ("hydration.finished", finished | {"dry_run": False}),
        ("lists.stale", {"settles_in_ms": 2_000}),
    ]


@pytest.mark.django_db(transaction=True)
def test_lists_are_called_stale_once_in_two_seconds_per_organization(
    actors: Actors, valkey: redis.Redis
) -> None:
    signal, other = create_signal(actors.organization), actors.stranger.organization
    assert other is not None

    def act() -> None:
        for _ in range(5):
            announcing.announce_lists_stale(signal.organization_id)
        announcing.announce_lists_stale(other.pk)

    assert [type_ for type_, _ in heard(valkey, signal, "signals", act)] == ["lists.stale"]
    assert heard(valkey, signal, "signals", act) == []
    (mark,) = valkey.keys(f"sextant:signals:{{{signal.organization_id}}}:stale")
    assert 0 < valkey.pttl(mark) <= 2_000
    valkey.delete(mark)
    assert [type_ for type_, _ in heard(valkey, signal, "signals", act)] == ["lists.stale"]


@pytest.mark.django_db(transaction=True)
def test_what_happens_to_a_signal_is_told_to_those_who_watch_it(actors: Actors, valkey: redis.Redis) -> None:
    signal = create_signal(actors.organization, assignee=actors.analyst.user)
    comment = Comment.objects.create(organization=signal.organization, signal=signal, body="Look.")
    signal.workflow.refresh_from_db()

    def act() -> None:
        announcing.announce_signal(signal.pk, signal.organization_id)
        announcing.announce_workflow(signal.workflow)
        announcing.announce_comment(comment)

    assert actors.analyst.user is not None
    assert heard(valkey, signal, announcing.topic_of(signal.pk), act) == [
        ("signal.changed", {"id": str(signal.pk)}),
        (
            "workflow.changed",
            {
                "id": str(signal.pk),
                "status": "assigned",
                "assignee": str(actors.analyst.user.pk),
                "version": 1,
            },
        ),
        ("comment.changed", {"id": str(comment.pk), "deleted": False}),
    ]
