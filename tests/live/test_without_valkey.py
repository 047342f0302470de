"""Without Valkey writes go on and clients stay; what they missed comes, or they hear `reset` (section 14)."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.db import transaction

from apps.accounts.models import User
from apps.common import live
from tests.furniture.own_valkey import OwnValkey
from tests.furniture.people import Actors
from tests.furniture.stopwatch import seconds_waited
from tests.live.conftest import ANSWER_LIMIT_S, Client, Stage, open_client, run_server, user_of


def keys(valkey: redis.Redis, pattern: str) -> list[str]:
    """Return the names of the keys of a pattern."""
    found: Any = valkey.keys(pattern)
    return [key.decode() for key in found]


def entries(valkey: redis.Redis, key: str) -> list[tuple[bytes, bytes]]:
    """Return id and frame of every kept event."""
    rows: Any = valkey.xrange(key)
    return [(entry_id, fields[b"frame"]) for entry_id, fields in rows]


async def subscribe_patiently(client: Client, stage: Stage, **fields: Any) -> dict[str, Any]:
    """Subscribe, trying again while live is unavailable, as a client should."""
    async with asyncio.timeout(ANSWER_LIMIT_S):
        while True:
            answer = await client.ask("subscribe", topic=stage.topic, **fields)
            if answer.get("code") != "live.unavailable":
                return answer
            await asyncio.sleep(0.3)


async def test_clients_outlive_a_restart_of_valkey(stage: Stage, own_valkey: OwnValkey) -> None:
    with run_server(REDIS_URL=own_valkey.url) as server:
        async with open_client(server.url, stage.actors.key) as client:
            before = await client.ask("subscribe", topic=stage.topic)
            await stage.publish(0)
            assert (await client.receive())["data"]["number"] == 0

            # Stopped in order, it keeps its data; what is published before the feed is back comes, too.
            await asyncio.to_thread(own_valkey.stop)
            async with open_client(server.url, stage.actors.key) as late:
                answer = await late.ask("subscribe", id="late", topic=stage.topic)
                assert (answer["op"], answer["id"], answer["code"]) == ("error", "late", "live.unavailable")
                await asyncio.to_thread(own_valkey.start)
                await asyncio.sleep(1)  # the publisher tries again after a second
                await stage.publish(1, 2)
                assert [event["data"]["number"] for event in await client.events(2)] == [1, 2]
                answer = await subscribe_patiently(late, stage, after=1, epoch=before["epoch"])
                assert not answer["reset"]
                assert [event["data"]["number"] for event in await late.events(2)] == [1, 2]

            # Killed before it saved, it comes back with another epoch: refetch.
            await asyncio.to_thread(own_valkey.stop, and_forget=True)
            (own_valkey.folder / "dump.rdb").unlink()
            await asyncio.to_thread(own_valkey.start)
            reset = await client.receive()
            assert (reset["op"], reset["reset"], reset["seq"]) == ("subscribed", True, 0)
            assert reset["epoch"] != before["epoch"]
            await asyncio.sleep(1)
            await stage.publish(3)
            assert (await client.receive())["data"]["number"] == 3


@pytest.mark.django_db(transaction=True)
def test_publishing_without_valkey_fails_nothing_and_takes_no_time(
    own_valkey: OwnValkey, actors: Actors
) -> None:
    own_valkey.stop()
    assert seconds_waited(lambda: change_and_tell(actors)) < 1
    assert User.objects.get(pk=user_of(actors.viewer).pk).name == "New name"


def change_and_tell(actors: Actors) -> None:
    with transaction.atomic():
        User.objects.filter(pk=user_of(actors.viewer).pk).update(name="New name")
        for number in range(200):
            live.publish(
                organization_id=actors.organization.pk, topic="test.things", type="x", data={"n": number}
            )
        live.revoke(user_id=user_of(actors.viewer).pk)


@pytest.mark.django_db(transaction=True)
def test_an_event_of_a_rolled_back_transaction_is_never_sent(valkey: redis.Redis, actors: Actors) -> None:
    topic = "test.things"

    def publish(number: int) -> None:
        live.publish(organization_id=actors.organization.pk, topic=topic, type="x", data={"n": number})

    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        publish(1)
        raise ZeroDivisionError
    with transaction.atomic():
        publish(2)
        assert not keys(valkey, "sextant:live:*events")

    (key,) = keys(valkey, "sextant:live:*events")
    ((entry_id, frame),) = entries(valkey, key)
    assert entry_id == b"1-0"
    assert b'"data":{"n":2}' in frame


async def test_events_of_more_than_a_day_ago_are_given_up(stage: Stage) -> None:
    await stage.publish(*range(3))
    key = stage.address.keys[1]
    # As if the first two had been published 25 hours ago.
    frames = [frame for _, frame in entries(stage.valkey, key)]
    long_ago = int(time.time()) - 25 * 3600
    stage.valkey.delete(key)
    for seq, frame in enumerate(frames, 1):
        stage.valkey.xadd(key, {"frame": frame, "at": long_ago if seq < 3 else int(time.time())}, f"{seq}-0")
    await stage.publish(3)

    assert [entry_id for entry_id, _ in entries(stage.valkey, key)] == [b"3-0", b"4-0"]
    assert 0 < stage.valkey.ttl(key) <= 24 * 3600
    assert await sync_to_async(stage.valkey.ttl)(stage.address.channel) > 24 * 3600
