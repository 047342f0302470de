"""`GET /api/v1/live/events`: the websocket's twin for plain HTTP (platform.md section 12)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from apps.accounts import event_streams
from apps.accounts.callers import Presence
from apps.accounts.services import TokenPair, revoke_api_key, revoke_session, sign_in
from apps.common.live.event_ids import decode_event_id, encode_event_id
from apps.common.live.streams import Position
from tests.factories.accounts import PASSWORD
from tests.furniture.own_valkey import OwnValkey
from tests.live.conftest import ANSWER_LIMIT_S, Server, Stage, open_client, run_server, user_of
from tests.live.test_signing_in import cookie

PATH = "/api/v1/live/events"
in_thread = sync_to_async


class Stream:
    """A reader of server-sent events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.retry_ms = 0
        self.comments = 0
        self._lines = response.aiter_lines()

    async def receive(self, limit_s: float = ANSWER_LIMIT_S) -> dict[str, Any]:
        """Return the next message as its data, with the name of the event as `event`."""
        name, data = "message", ""
        async with asyncio.timeout(limit_s):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "id":
                    self.last_id = value
                elif field == "retry":
                    self.retry_ms = int(value)
                elif field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif line.startswith(":"):
                    self.comments += 1
                elif not line and data:
                    return {"event": name, **orjson.loads(data)}
        raise EOFError

    async def numbers(self, count: int) -> list[int]:
        return [(await self.receive())["data"]["number"] for _ in range(count)]


@contextlib.asynccontextmanager
async def open_stream(
    server: Server, *topics: str, headers: dict[str, str], last_id: str | None = None
) -> AsyncIterator[Stream]:
    """Open a stream and check that it is one."""
    own = headers if last_id is None else {**headers, "Last-Event-ID": last_id}
    base = f"http://127.0.0.1:{server.port}"
    async with (
        httpx.AsyncClient(base_url=base, timeout=ANSWER_LIMIT_S) as client,
        client.stream("GET", PATH, params={"topic": topics}, headers=own) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


async def problem(server: Server, query: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Return status and body of an answer that is no stream."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", timeout=ANSWER_LIMIT_S
    ) as client:
        response = await client.get(f"{PATH}?{query}", headers=headers)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-Id"] == response.json()["request_id"]
    return response.status_code, response.json()


@pytest.fixture
def key(stage: Stage) -> dict[str, str]:
    return {"X-API-Key": stage.actors.key.raw_key}


def pair_of(stage: Stage) -> TokenPair:
    return sign_in(email=user_of(stage.actors.admin).email, password=PASSWORD)


@pytest.fixture
def page_cookie(stage: Stage) -> dict[str, str]:
    return {"Cookie": cookie(stage.actors.admin)}


async def test_events_arrive_as_they_happen_in_the_words_of_the_websocket(
    stage: Stage, key: dict[str, str]
) -> None:
    async with open_stream(stage.server, stage.topic, headers=key) as stream, stage.client() as client:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        assert not {"content-length", "content-encoding", "etag"} & set(headers)
        first = await stream.receive()
        assert stream.retry_ms == 3000
        assert (first["event"], first["op"], first["topic"]) == ("subscribed", "subscribed", stage.topic)
        assert (first["seq"], first["reset"]) == (0, False)
        await client.ask("subscribe", topic=stage.topic)
        await stage.publish(1)
        event, same = await stream.receive(), await client.receive()
        assert event.pop("event") == "message"
        assert event == same


async def test_a_stream_resumes_with_what_it_missed_of_all_its_topics_in_order(
    stage: Stage, key: dict[str, str]
) -> None:
    topics = [stage.topic, f"{stage.topic}.second"]
    async with open_stream(stage.server, *topics, headers=key) as stream:
        for _ in topics:
            assert (await stream.receive())["op"] == "subscribed"
        await stage.publish(0, topic=topics[0])
        await stage.publish(100, topic=topics[1])
        assert sorted(await stream.numbers(2)) == [0, 100]
        last_id = stream.last_id
    await stage.publish(*range(1, 501), topic=topics[0])
    await stage.publish(101, 102, topic=topics[1])

    async with open_stream(stage.server, *topics, headers=key, last_id=last_id) as stream:
        answer = await stream.receive()
        assert (answer["topic"], answer["seq"], answer["reset"]) == (topics[0], 501, False)
        assert await stream.numbers(500) == list(range(1, 501))
        assert (await stream.receive())["topic"] == topics[1]
        assert await stream.numbers(2) == [101, 102]
        await stage.publish(501, topic=topics[0])
        assert await stream.numbers(1) == [501]


async def test_a_drop_in_the_middle_of_what_was_missed_loses_nothing(
    stage: Stage, key: dict[str, str]
) -> None:
    topics = [stage.topic, f"{stage.topic}.second"]
    async with open_stream(stage.server, *topics, headers=key) as stream:
        await stream.receive()
        await stream.receive()
        last_id = stream.last_id
    for topic in topics:
        await stage.publish(*range(60), topic=topic)

    seen: dict[str, list[int]] = {topic: [] for topic in topics}
    for count in (1, 4, 30, 200):  # the first ends between a confirmation and what it announces
        async with open_stream(stage.server, *topics, headers=key, last_id=last_id) as stream:
            for _ in range(count):
                message = await stream.receive()
                if message["op"] == "event":
                    seen[message["topic"]].append(message["data"]["number"])
                else:
                    assert not message["reset"]
                if all(len(numbers) == 60 for numbers in seen.values()):
                    break
            last_id = stream.last_id
    assert seen == {topic: list(range(60)) for topic in topics}


async def test_what_cannot_be_made_up_says_reset(stage: Stage, key: dict[str, str]) -> None:
    await stage.publish(*range(1_300))
    old = encode_event_id({stage.topic: Position(5, "0" * 12)})
    for last_id in (old, "nonsense", "1.nonsense", "2." + old[2:]):
        async with open_stream(stage.server, stage.topic, headers=key, last_id=last_id) as stream:
            answer = await stream.receive()
            assert (answer["event"], answer["reset"], answer["seq"]) == ("subscribed", True, 1_300)
            await stage.publish(7)
            assert await stream.numbers(1) == [7]
            stage.valkey.delete(*stage.address.keys)
            await stage.publish(*range(1_300))
            again = await stream.receive()
            assert (again["event"], again["reset"]) == ("subscribed", True)


def test_an_event_id_holds_the_position_of_each_topic_and_nothing_else() -> None:
    positions = {"a": Position(3, "ab12"), "b": Position(2**52, "cd")}
    text = encode_event_id(positions)
    assert decode_event_id(text, ["a", "b"]) == positions
    assert decode_event_id(text, ["b", "new"]) == {"b": positions["b"]}
    assert decode_event_id("1", ["a"]) == {}
    for broken in ("", "1.", "1.x", f"{text}.", f"{text}\n", "1.aaaaaaaa-zz-1", "1.aaaaaaaa-ab--1"):
        assert decode_event_id(broken, ["a"]) is None


@pytest.mark.parametrize("way", ["key", "bearer", "token", "cookie"])
async def test_every_way_to_sign_in_opens_a_stream(
    stage: Stage, key: dict[str, str], page_cookie: dict[str, str], way: str
) -> None:
    pair = await in_thread(pair_of)(stage)
    headers = {
        "key": key,
        "bearer": {"Authorization": f"Bearer {stage.actors.key.raw_key}"},
        "token": {"Authorization": f"Bearer {pair.access}"},
        "cookie": page_cookie,
    }[way]
    async with open_stream(stage.server, stage.topic, headers=headers) as stream:
        assert (await stream.receive())["op"] == "subscribed"
        await stage.publish(1)
        assert await stream.numbers(1) == [1]


async def test_a_private_topic_streams_to_its_user_and_a_key_has_none(
    stage: Stage, key: dict[str, str], page_cookie: dict[str, str]
) -> None:
    async with open_stream(stage.server, "session", headers=page_cookie) as stream:
        assert (await stream.receive())["topic"] == "session"
        pair = await in_thread(pair_of)(stage)
        await in_thread(revoke_session)(session=pair.session, reason="signed_out")
        assert (await stream.receive())["data"]["id"] == str(pair.session.pk)
    status, body = await problem(stage.server, "topic=session", key)
    assert (status, body["code"]) == (403, "permission.denied")


async def test_bad_input_is_answered_before_the_stream_starts(stage: Stage, key: dict[str, str]) -> None:
    many = "&".join(f"topic={stage.topic}.{number}" for number in range(11))
    viewer = {"Authorization": f"Bearer {(await in_thread(viewer_pair)(stage)).access}"}
    cases: list[tuple[str, dict[str, str], int, str]] = [
        ("", key, 422, "request.invalid"),
        ("topic=", key, 422, "request.invalid"),
        (f"topic={'x' * 2_057}", key, 422, "request.invalid"),
        (many, key, 422, "request.invalid"),
        (f"topic={stage.topic}&after=3", key, 422, "request.invalid"),
        ("topic=nothing", key, 404, "not_found"),
        (f"topic={stage.topic}&topic=test.things.other", key, 404, "not_found"),
        ("topic=test.secrets", viewer, 403, "permission.denied"),
        (f"topic={stage.topic}", {}, 401, "auth.required"),
        (f"topic={stage.topic}", {"X-API-Key": "sxk_nonsense"}, 401, "auth.key_invalid"),
        (f"topic={stage.topic}&token=x", key, 400, "auth.key_in_query"),
        (f"topic={stage.topic}", {**key, "Accept": "image/png"}, 406, "request.not_acceptable"),
        (f"topic={stage.topic}", {**key, "X-Organization": "nowhere"}, 404, "not_found"),
    ]
    for query, headers, status, code in cases:
        found, body = await problem(stage.server, query, headers)
        assert (found, body["code"]) == (status, code), query
    body = (await problem(stage.server, many, key))[1]
    assert body["errors"][0]["parameter"] == "topic"


def viewer_pair(stage: Stage) -> TokenPair:
    return sign_in(email=user_of(stage.actors.viewer).email, password=PASSWORD)


async def test_head_and_other_methods_open_nothing(stage: Stage, key: dict[str, str]) -> None:
    base = f"http://127.0.0.1:{stage.server.port}"
    async with httpx.AsyncClient(base_url=base, timeout=ANSWER_LIMIT_S) as client:
        head = await client.head(PATH, params={"topic": stage.topic}, headers=key)
        assert (head.status_code, head.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert (await client.post(PATH, params={"topic": stage.topic}, headers=key)).status_code == 405
    assert not connections(stage)


async def test_a_topic_named_twice_is_watched_once(stage: Stage, key: dict[str, str]) -> None:
    async with open_stream(stage.server, stage.topic, stage.topic, headers=key) as stream:
        await stream.receive()
        await stage.publish(1, 2)
        assert await stream.numbers(2) == [1, 2]


async def test_a_revoked_key_or_session_ends_its_streams(stage: Stage, key: dict[str, str]) -> None:
    pair = await in_thread(pair_of)(stage)
    token = {"Authorization": f"Bearer {pair.access}"}
    api_key = stage.actors.key.key
    assert api_key is not None
    async with (
        open_stream(stage.server, stage.topic, headers=key) as by_key,
        open_stream(stage.server, stage.topic, headers=token) as by_token,
    ):
        for stream in (by_key, by_token):
            await stream.receive()
        await in_thread(revoke_api_key)(actor=stage.actors.admin.actor, api_key=api_key)
        await in_thread(revoke_session)(session=pair.session, reason="signed_out")
        for stream in (by_key, by_token):
            last = await stream.receive()
            assert (last["event"], last["code"], last["reason"]) == ("closed", 4401, "signed_out")
            with pytest.raises(EOFError):
                await stream.receive()
    assert (await problem(stage.server, f"topic={stage.topic}", key))[0] == 401


async def test_a_client_that_goes_leaves_nothing_behind(stage: Stage, key: dict[str, str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(open_stream(stage.server, stage.topic, headers=key))
            for _ in range(settings.LIVE_MAX_PER_USER)
        ]
        for stream in streams:
            await stream.receive()
        assert len(connections(stage)) == settings.LIVE_MAX_PER_USER
        assert subscribers(stage) == 1
        status, body = await problem(stage.server, f"topic={stage.topic}", key)
        assert (status, body["code"]) == (429, "live.connection_limit")
    async with asyncio.timeout(ANSWER_LIMIT_S):
        while connections(stage) or subscribers(stage):
            await asyncio.sleep(0.05)


async def test_streams_hold_no_threads(stage: Stage, key: dict[str, str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_stream(stage.server, stage.topic, headers=key))
        await first.receive()
        before = threads_of(stage.server)
        streams = [
            await stack.enter_async_context(open_stream(stage.server, stage.topic, headers=key))
            for _ in range(8)
        ]
        for stream in streams:
            await stream.receive()
        assert threads_of(stage.server) - before < 4


def threads_of(server: Server) -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Threads:")))


def connections(stage: Stage) -> list[Any]:
    """Return the connections that Valkey counts."""
    names: Any = stage.valkey.keys("sextant:live:connections:*")
    return [one for name in names for one in list(stage.valkey.zrange(name, 0, -1))]


def subscribers(stage: Stage) -> int:
    """Return how many processes watch the topic."""
    ((_, count),) = stage.valkey.pubsub_numsub(stage.address.channel)
    return int(count)


async def test_without_valkey_it_is_a_problem_and_not_an_empty_stream(
    stage: Stage, key: dict[str, str], own_valkey: OwnValkey
) -> None:
    with run_server(REDIS_URL=own_valkey.url) as server:
        own_valkey.stop()
        status, body = await problem(server, f"topic={stage.topic}", key)
        assert (status, body["code"]) == (503, "live.unavailable")
        own_valkey.start()
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while (await status_of(server, stage, key)) != 200:
                await asyncio.sleep(0.3)


async def status_of(server: Server, stage: Stage, headers: dict[str, str]) -> int:
    base = f"http://127.0.0.1:{server.port}"
    async with (
        httpx.AsyncClient(base_url=base, timeout=ANSWER_LIMIT_S) as client,
        client.stream("GET", PATH, params={"topic": stage.topic}, headers=headers) as response,
    ):
        return response.status_code


async def test_a_stopping_server_ends_its_streams_at_once(stage: Stage, key: dict[str, str]) -> None:
    drain_s = 600  # it waits so long for what does not end by itself
    with run_server(drain_s=drain_s) as server:
        async with open_stream(server, stage.topic, headers=key) as stream:
            await stream.receive()
            server.process.terminate()
            last = await stream.receive()
            assert (last["event"], last["code"]) == ("closed", 1001)
            with pytest.raises(EOFError):
                await stream.receive()
        await asyncio.to_thread(server.process.wait, drain_s / 10)


async def test_an_idle_stream_is_kept_alive_by_comments(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    assert event_streams.COMMENT_EVERY_S == 15
    monkeypatch.setattr(event_streams, "COMMENT_EVERY_S", 0.05)
    sent: list[bytes] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b": still here\n\n") == 2:
            gone.set()

    presence = Presence(caller=Unasked(), actor=stage.actors.key.actor, session_id=None)
    ticket = event_streams.Ticket(presence, (stage.topic,), None)
    start = {"type": "http.response.start", "status": 200, "headers": []}
    async with asyncio.timeout(ANSWER_LIMIT_S):
        await event_streams.EventStream(ticket, start, receive, send).run()
    assert sent[1] == b"retry: 3000\n\n"


class Unasked:
    """A caller whom nobody asks again in so short a time."""

    def credentials(self) -> Any:
        raise NotImplementedError("somebody asked")  # would end the stream, and fail the test


async def test_websockets_and_streams_count_together(stage: Stage, key: dict[str, str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(settings.LIVE_MAX_PER_USER):
            await stack.enter_async_context(stage.client())
        assert (await problem(stage.server, f"topic={stage.topic}", key))[0] == 429
    async with open_stream(stage.server, stage.topic, headers=key) as stream:
        await stream.receive()
        async with open_client(stage.server.url, stage.actors.key) as client:
            assert (await client.ask("ping"))["op"] == "pong"
