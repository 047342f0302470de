"""A real web process, and real websocket clients of it."""

import asyncio
import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from apps.accounts.models import User
from apps.common import live
from apps.common.live.streams import Address
from config.embedded import valkey as valkey_server
from config.embedded.processes import StartFailed
from tests.furniture.own_valkey import OwnValkey
from tests.furniture.people import Actors, Person
from tests.live.topics import register_test_topics

# What comes, comes in milliseconds; a machine that others use may take its time.
ANSWER_LIMIT_S = 60.0
START_S = 180.0
STOP_S = 60.0
FOREIGN_ORIGIN = "https://app.example"


@pytest.fixture(scope="session", autouse=True)
def _test_topics() -> None:
    register_test_topics()


@dataclass
class Server:
    """One web process."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/live"

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the web process ended"
            with contextlib.suppress(OSError):
                answer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
                with contextlib.closing(answer):
                    answer.request("GET", "/livez")
                    answer.getresponse().read()
                    return
            time.sleep(0.05)
        raise TimeoutError("the web process does not answer")


@contextlib.contextmanager
def run_server(*, drain_s: int = 5, **environ: str) -> Iterator[Server]:
    # Handed on, as `up` does: a port that is only looked for may be somebody else's when it is used.
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    command = [sys.executable, "-m", "uvicorn", "tests.live.server:application"]
    command += ["--fd", str(listener.fileno()), "--ws", "config.websocket:LiveWebSocketProtocol"]
    command += ["--timeout-graceful-shutdown", str(drain_s), "--log-level", "warning"]
    own = {"TEST_DATABASE": str(connection.settings_dict["NAME"]), "REDIS_URL": settings.CHANNEL_URL}
    own["CORS_ORIGINS"] = FOREIGN_ORIGIN
    with listener:
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env={**os.environ, **own, **environ},
            pass_fds=(listener.fileno(),),
        )
        server = Server(process, listener.getsockname()[1])
    try:
        server.wait_until_ready()
        yield server
    finally:
        process.terminate()
        process.wait(STOP_S)


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Server]:
    """Run one web process for all tests of this folder."""
    with run_server() as running:
        yield running


@pytest.fixture
def own_valkey(tmp_path: Path, settings: Any) -> Iterator[OwnValkey]:
    try:
        valkey_server.program()
    except StartFailed as error:
        pytest.skip(str(error))
    server = OwnValkey(tmp_path)
    server.start()
    settings.CHANNEL_URL = server.url
    yield server
    server.stop(and_forget=True)


class Client:
    """A websocket client that speaks JSON."""

    def __init__(self, socket_: ClientConnection) -> None:
        self.socket = socket_

    async def send(self, op: str, **fields: Any) -> None:
        await self.socket.send(orjson.dumps({"op": op, **fields}).decode())

    async def receive(self, limit_s: float = ANSWER_LIMIT_S) -> dict[str, Any]:
        async with asyncio.timeout(limit_s):
            message: dict[str, Any] = orjson.loads(await self.socket.recv())
        return message

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        await self.send(op, **fields)
        return await self.receive()

    async def events(self, count: int) -> list[dict[str, Any]]:
        return [await self.receive() for _ in range(count)]

    async def closed(self, limit_s: float = ANSWER_LIMIT_S) -> int | None:
        """Read to the end and return the close code."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(limit_s):
                async for _ in self.socket:
                    pass
        return self.socket.close_code


@contextlib.asynccontextmanager
async def open_client(url: str, person: Person | None = None, **options: Any) -> AsyncIterator[Client]:
    """Connect; a person with a key is signed in by header, and the welcome is read."""
    if person is not None:
        options["additional_headers"] = {"X-API-Key": person.raw_key}
    async with connect(url, **options) as socket_:
        client = Client(socket_)
        if person is not None:
            assert (await client.receive())["op"] == "welcome"
        yield client


def user_of(person: Person) -> User:
    """Return the user that a person signs in as."""
    assert person.user is not None
    return person.user


@dataclass
class Stage:
    """What nearly every test needs: a running server, people, and their organization's topic."""

    server: Server
    actors: Actors
    valkey: redis.Redis

    @property
    def organization_id(self) -> Any:
        return self.actors.organization.pk

    @property
    def topic(self) -> str:
        return f"test.things.{self.organization_id}"

    @property
    def address(self) -> Address:
        return Address(self.organization_id, self.topic)

    def client(self, **options: Any) -> Any:
        return open_client(self.server.url, self.actors.key, **options)

    def publish_now(self, numbers: Iterable[int], topic: str | None = None, **data: Any) -> None:
        """Publish one event per number; from synchronous code."""
        for number in numbers:
            live.publish(
                organization_id=self.organization_id,
                topic=topic or self.topic,
                type="thing.changed",
                data={"number": number, **data},
            )

    async def publish(self, *numbers: int, topic: str | None = None, **data: Any) -> None:
        """Publish one event per number."""
        await sync_to_async(self.publish_now)(numbers, topic, **data)


@pytest.fixture
def stage(transactional_db: None, server: Server, valkey: redis.Redis) -> Stage:
    """Give the stage, with its people already in the database."""
    actors = Actors()
    assert actors.key.raw_key
    return Stage(server, actors, valkey)


class Idle:
    """A connection that nothing happens to."""

    def concerns(self, subjects: frozenset[str]) -> bool:
        return False

    async def recheck(self) -> None: ...

    async def renew(self) -> None: ...
