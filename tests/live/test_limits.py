"""What a client may do to the server, and how it is told that it was too much (platform.md section 12)."""

import asyncio
import contextlib
from typing import Any

import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from apps.common.live import hub as hubs
from apps.common.live import protocol
from apps.common.live.messages import Message
from apps.common.live.outbox import WAITING_MAX, Outbox
from apps.common.live.subscriptions import Subscriptions, TopicLimit
from tests.live.conftest import ANSWER_LIMIT_S, Idle, Stage, open_client


@pytest.mark.parametrize(
    ("text", "client_id"),
    [
        ("not json", None),
        ('{"op":"dance","id":"7"}', "7"),
        ('{"id":3}', 3),
        ("[]", None),
        ('{"op":"subscribe","id":"x"}', "x"),
        ('{"op":"subscribe","topic":"test.things","after":-1}', None),
        ('{"op":"subscribe","topic":"test.things","after":"never"}', None),
        ('{"op":"replay","topic":"test.things","after":0,"limit":1001,"id":"r"}', "r"),
        (f'{{"op":"ping","id":"{"i" * 65}"}}', None),
        (b'{"op":"ping"}', None),
        ("[" * 4000, None),
    ],
)
async def test_a_bad_message_is_named_and_the_third_closes_4400(
    stage: Stage, text: str | bytes, client_id: str | int | None
) -> None:
    async with stage.client() as client:
        for _ in range(3):
            await client.socket.send(text)
            answer = await client.receive()
            assert (answer["op"], answer["id"], answer["code"]) == ("error", client_id, "request.malformed")
        assert await client.closed() == 4400


@pytest.mark.parametrize("size", [4097, 70_000, 3_000_000])
async def test_a_message_over_4_kib_closes_4413(stage: Stage, size: int) -> None:
    async with stage.client() as client:
        await client.socket.send("x" * size)
        assert await client.closed() == 4413


async def test_a_fragmented_message_over_4_kib_closes_4413(stage: Stage) -> None:
    async with stage.client() as client:
        with contextlib.suppress(ConnectionClosed):  # it may hear of it in the middle
            await client.socket.send(["x" * 1000] * 200)
        assert await client.closed() == 4413


async def test_4_kib_are_taken(stage: Stage) -> None:
    message = '{"op":"ping","id":"big"}'
    async with stage.client() as client:
        await client.socket.send(message + " " * (4096 - len(message)))
        assert (await client.receive())["op"] == "pong"


async def test_a_topic_has_as_many_characters_as_the_longest_metric_needs(stage: Stage) -> None:
    longest = f"{stage.topic}.".ljust(len("metrics.") + 2_048, "x")
    async with stage.client() as client:
        await client.send("subscribe", topic=longest)
        assert (await client.receive())["op"] == "subscribed"
        await client.send("subscribe", topic=f"{longest}x", id="longer")
        refused = await client.receive()
        assert (refused["op"], refused["code"]) == ("error", "request.malformed")


async def test_a_burst_of_40_passes_and_more_closes_4429(stage: Stage) -> None:
    async with stage.client() as client:
        for number in range(40):
            await client.send("ping", id=number)
        assert [(await client.receive())["id"] for _ in range(40)] == list(range(40))
        for number in range(40):
            await client.send("ping", id=number)
        assert await client.closed() == 4429


def test_the_allowance_refills_by_ten_a_second() -> None:
    rate = protocol.MessageRate(now_s=100.0)
    assert [rate.take(100.0) for _ in range(41)] == [True] * 40 + [False]
    assert [rate.take(100.5) for _ in range(6)] == [True] * 5 + [False]
    assert [rate.take(1000.0) for _ in range(41)] == [True] * 40 + [False]


async def test_the_eleventh_connection_of_a_user_closes_4429(stage: Stage) -> None:
    async with asyncio.timeout(ANSWER_LIMIT_S), asyncio.TaskGroup() as group:
        opened = asyncio.Semaphore(0)
        done = asyncio.Event()

        async def stay() -> None:
            async with stage.client() as client:
                opened.release()
                await done.wait()
                await client.ask("ping")

        for _ in range(settings.LIVE_MAX_PER_USER):
            group.create_task(stay())
        for _ in range(settings.LIVE_MAX_PER_USER):
            await opened.acquire()
        headers = {"X-API-Key": stage.actors.key.raw_key}
        async with open_client(stage.server.url, additional_headers=headers) as client:
            assert await client.closed() == 4429
        done.set()

    async with stage.client() as client:
        assert (await client.ask("ping"))["op"] == "pong"


async def test_a_slow_reader_closes_4429_and_others_are_unaffected(stage: Stage) -> None:
    """Edge case 17."""
    async with stage.client(max_queue=1) as slow, stage.client() as quick:
        for client in (slow, quick):
            await client.ask("subscribe", topic=stage.topic)
        # More than sockets and queues hold between them, while one client reads nothing.
        filler = "x" * 16_000
        seen: list[int] = []
        for start in range(0, 1_200, 100):
            await stage.publish(*range(start, start + 100), filler=filler)
            seen += [event["data"]["number"] for event in await quick.events(100)]
        assert seen == list(range(1_200))
        assert await slow.closed() == 4429
        await stage.publish(1_200)
        assert (await quick.receive())["data"]["number"] == 1_200


async def test_a_client_that_vanishes_in_the_middle_of_a_long_replay_leaves_nothing(stage: Stage) -> None:
    await stage.publish(*range(1_000), filler="x" * 16_000)
    async with stage.client(max_queue=1) as client:
        await client.send("subscribe", topic=stage.topic, after=0)
        (presence,) = found(stage, "sextant:live:connections:*")
        await asyncio.sleep(0.3)  # now the server waits for room to write
        client.socket.transport.abort()
    async with asyncio.timeout(ANSWER_LIMIT_S):
        while found(stage, presence):
            await asyncio.sleep(0.05)


def found(stage: Stage, pattern: str) -> list[str]:
    keys: Any = stage.valkey.keys(pattern)
    return [key.decode() for key in keys]


async def test_clients_that_come_back_all_at_once_are_all_served(stage: Stage) -> None:
    """More of them than the process has connections to Valkey."""
    hub = hubs.current_hub()
    connection = Idle()
    hub.enter(connection)
    try:
        outboxes = [Outbox(lambda: None) for _ in range(200)]
        everybody = [Subscriptions(hub, outbox, stage.actors.key.actor) for outbox in outboxes]
        message = protocol.Subscribe(topic=stage.topic)
        await asyncio.gather(*(subscriptions.subscribe(message) for subscriptions in everybody))
        await stage.publish(1)
        for outbox in outboxes:
            for wanted in (b"subscribed", b'"number":1'):
                item = await asyncio.wait_for(outbox.take(), ANSWER_LIMIT_S)
                assert isinstance(item, Message)
                assert wanted in item.content
        for subscriptions in everybody:
            await subscriptions.drop_all()
    finally:
        await hub.leave(connection)


async def test_one_connection_watches_100_topics(stage: Stage) -> None:
    outbox = Outbox(lambda: None)
    hub = hubs.current_hub()
    connection = Idle()
    hub.enter(connection)
    try:
        subscriptions = Subscriptions(hub, outbox, stage.actors.key.actor)
        for number in range(protocol.TOPICS_MAX):
            await subscriptions.subscribe(protocol.Subscribe(topic=f"{stage.topic}.{number}"))
            await outbox.take()
        await subscriptions.subscribe(protocol.Subscribe(topic=f"{stage.topic}.0"))  # one it has
        with pytest.raises(TopicLimit):
            await subscriptions.subscribe(protocol.Subscribe(topic=f"{stage.topic}.more"))
        await subscriptions.drop_all()
    finally:
        await hub.leave(connection)


async def test_the_queue_of_a_socket_is_bounded_and_overflows_once() -> None:
    calls: list[str] = []
    outbox = Outbox(lambda: calls.append("overflow"))
    for number in range(WAITING_MAX + 50):
        outbox.offer(Message("event", str(number).encode()))

    assert calls == ["overflow"]
    taken = [await outbox.take() for _ in range(WAITING_MAX)]
    assert [item.content for item in taken if isinstance(item, Message)] == [
        str(number).encode() for number in range(WAITING_MAX)
    ]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.take(), 0.01)


async def test_an_event_does_not_overtake_what_was_taken_and_not_yet_sent() -> None:
    """While the writer still sends an earlier message, later ones wait behind it."""
    sent: list[bytes] = []
    can_write = False

    def write(message: Message) -> bool:
        if can_write:
            sent.append(message.content)
        return can_write

    outbox = Outbox(lambda: None, write)
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.offer(Message("event", b"1"))
    first = await taking
    can_write = True  # the client keeps up again, but the writer has not sent the first yet
    outbox.offer(Message("event", b"2"))
    assert isinstance(first, Message)
    assert (first.content, sent) == (b"1", [])
    second = await outbox.take()
    assert isinstance(second, Message)
    assert second.content == b"2"
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    outbox.offer(Message("event", b"3"))
    assert sent == [b"3"]
    taking.cancel()


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_ready_frame_is_what_the_standard_library_of_websockets_makes(size: int) -> None:
    content = b"x" * size
    frame = Frame(Opcode.TEXT, content).serialize(mask=False)
    assert Message("event", content).wire == frame
