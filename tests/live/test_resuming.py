"""Nothing is lost and nothing comes twice, whatever happens to the connection (platform.md section 12)."""

import asyncio
import threading
import time
from typing import Any

import orjson
import pytest

from apps.common.live import streams
from tests.live.conftest import ANSWER_LIMIT_S, Client, Stage


def numbers(events: list[dict[str, Any]]) -> list[int]:
    assert {event["op"] for event in events} <= {"event"}, events
    return [event["data"]["number"] for event in events]


async def test_a_client_that_drops_gets_the_500_events_it_missed_in_order(stage: Stage) -> None:
    async with stage.client() as client:
        answer = await client.ask("subscribe", id="1", topic=stage.topic)
        assert answer == {
            "op": "subscribed",
            "id": "1",
            "topic": stage.topic,
            "seq": 0,
            "epoch": answer["epoch"],
            "reset": False,
        }
        await stage.publish(0)
        (event,) = await client.events(1)
        assert (event["seq"], event["epoch"], event["type"]) == (1, answer["epoch"], "thing.changed")
        assert event["at"].endswith("Z")
    await stage.publish(*range(1, 501))

    async with stage.client() as client:
        answer = await client.ask("subscribe", id="2", topic=stage.topic, after=1, epoch=event["epoch"])
        assert (answer["seq"], answer["reset"]) == (501, False)
        missed = await client.events(500)
        await stage.publish(501)
        (new,) = await client.events(1)

    assert numbers(missed) == list(range(1, 501))
    assert [item["seq"] for item in missed] == list(range(2, 502))
    assert new["seq"] == 502


async def test_nothing_is_lost_or_doubled_while_somebody_publishes_without_pause(stage: Stage) -> None:
    """The race between the reading of what was missed and the subscription to what is new."""
    stop = threading.Event()
    published = 0

    def hammer() -> None:
        nonlocal published
        while not stop.is_set():
            if published - seen[-1] < streams.EVENTS_KEPT // 2:  # no drop outlasts the kept events
                stage.publish_now([published])
                published += 1
            time.sleep(0.0005)

    async def read(client: Client, count: int) -> None:
        for _ in range(count):
            seen.append((await client.receive())["seq"])

    await stage.publish(-1)
    publisher = threading.Thread(target=hammer)
    seen: list[int] = [1]
    epoch = ""
    publisher.start()
    try:
        for round_ in range(25):
            async with stage.client() as client:
                answer = await client.ask("subscribe", topic=stage.topic, after=seen[-1], epoch=epoch)
                assert not answer["reset"]
                epoch = answer["epoch"]
                # Past the missed ones and well into the new ones, then away in the middle of the stream.
                await read(client, answer["seq"] - seen[-1] + 20 + round_)
    finally:
        stop.set()
        publisher.join()

    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 25 * 20


async def test_many_subscribers_of_one_busy_topic_all_see_the_same(stage: Stage) -> None:
    async with asyncio.timeout(ANSWER_LIMIT_S):
        async with stage.client() as first, stage.client() as second, stage.client() as third:
            clients = [first, second, third]
            for client in clients:
                assert (await client.ask("subscribe", topic=stage.topic))["seq"] == 0
            await stage.publish(*range(300))
            seen = await asyncio.gather(*(client.events(300) for client in clients))

    assert [numbers(events) for events in seen] == [list(range(300))] * 3


async def test_a_gap_beyond_the_kept_events_says_reset(stage: Stage) -> None:
    """Edge case 16."""
    await stage.publish(*range(1_300))

    async with stage.client() as client:
        answer = await client.ask("subscribe", topic=stage.topic, after=1)
        assert (answer["reset"], answer["seq"]) == (True, 1_300)
        kept = await client.ask("subscribe", topic=stage.topic, after=400, epoch=answer["epoch"])
        assert (kept["reset"], kept["seq"]) == (False, 1_300)
        missed = await client.events(900)
        await stage.publish(1_300)
        assert numbers(await client.events(1)) == [1_300]

    assert numbers(missed) == list(range(400, 1_300))


async def test_another_epoch_or_a_number_from_the_future_says_reset(stage: Stage) -> None:
    await stage.publish(0)
    async with stage.client() as client:
        assert (await client.ask("subscribe", topic=stage.topic, after=1, epoch="older"))["reset"]
        assert (await client.ask("subscribe", topic=stage.topic, after=99))["reset"]


async def test_a_connected_client_hears_reset_when_valkey_lost_its_data(stage: Stage) -> None:
    """Edge case 16."""
    await stage.publish(0)
    async with stage.client() as client:
        before = await client.ask("subscribe", id="mine", topic=stage.topic)
        stage.valkey.flushdb()
        await stage.publish(1)
        reset = await client.receive()
        assert (reset["op"], reset["id"], reset["reset"]) == ("subscribed", "mine", True)
        assert reset["epoch"] != before["epoch"]
        await stage.publish(2)
        events = await client.events(1)

    assert numbers(events) == [2]
    assert events[0]["epoch"] == reset["epoch"]


async def test_acknowledged_numbers_are_taken_up_by_the_next_connection(stage: Stage) -> None:
    async with stage.client() as client:
        await client.ask("subscribe", topic=stage.topic)
        await stage.publish(*range(5))
        await client.events(5)
        await client.send("ack", topic=stage.topic, seq=3)
        await client.send("ack", topic=stage.topic, seq=2)  # an older tab does not take it back
        assert (await client.ask("ping", id=7)) == {"op": "pong", "id": 7}

    async with stage.client() as client:
        answer = await client.ask("subscribe", topic=stage.topic, after="acked")
        assert not answer["reset"]
        assert numbers(await client.events(2)) == [3, 4]


async def test_after_acked_says_reset_when_nothing_was_acknowledged(stage: Stage) -> None:
    await stage.publish(0)
    async with stage.client() as client:
        assert (await client.ask("subscribe", topic=stage.topic, after="acked"))["reset"]


@pytest.mark.parametrize(("after", "limit", "expected"), [(0, 3, [0, 1, 2]), (3, 1_000, [3, 4]), (5, 10, [])])
async def test_replay_sends_kept_events_again(
    stage: Stage, after: int, limit: int, expected: list[int]
) -> None:
    await stage.publish(*range(5))
    async with stage.client() as client:
        await client.send("replay", id="r", topic=stage.topic, after=after, limit=limit)
        assert numbers(await client.events(len(expected))) == expected
        end = await client.receive()

    assert (end["op"], end["id"], end["topic"]) == ("replayed", "r", stage.topic)
    assert end["seq"] == after + len(expected)


async def test_after_unsubscribing_nothing_comes_any_more(stage: Stage) -> None:
    async with stage.client() as client:
        await client.ask("subscribe", topic=stage.topic)
        answer = await client.ask("unsubscribe", id="u", topic=stage.topic)
        assert answer == {"op": "unsubscribed", "id": "u", "topic": stage.topic, "reason": "requested"}
        await stage.publish(0)
        assert (await client.ask("ping", id="p"))["op"] == "pong"
        assert (await client.ask("unsubscribe", topic=stage.topic))["code"] == "live.not_subscribed"


async def test_an_event_that_pub_sub_lost_is_read_before_the_next_one_is_sent(stage: Stage) -> None:
    async with stage.client() as client:
        answer = await client.ask("subscribe", topic=stage.topic)
        await stage.publish(0)
        assert numbers(await client.events(1)) == [0]
        head, tail = streams.split_frame(
            topic=stage.topic, type_="thing.changed", at="", data=orjson.Fragment(b'{"number":1}')
        )
        kept = (streams.EVENTS_KEPT, streams.KEPT_S)
        append = stage.valkey.register_script(streams.APPEND)
        # Numbered and kept, but published where nobody listens.
        append(
            keys=stage.address.keys,
            args=[answer["epoch"], streams.COUNTER_KEPT_S, "nowhere", head, tail, *kept],
        )
        await stage.publish(2)
        assert numbers(await client.events(2)) == [1, 2]
