"""When a connection stays open, and the codes by which the server itself ends one (section 12)."""

import asyncio
import base64
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

from config.websocket import LiveWebSocketProtocol
from tests.live.conftest import ANSWER_LIMIT_S, Client, Stage, open_client


async def test_an_idle_connection_stays_open_and_one_without_sign_in_does_not(stage: Stage) -> None:
    """Edge case 16. Seven seconds: redis-py drops an idle socket after five unless told otherwise."""

    async def idle() -> None:
        async with stage.client() as client:
            await client.ask("subscribe", topic=stage.topic)
            await asyncio.sleep(7)
            await stage.publish(1)
            assert (await client.receive())["data"]["number"] == 1

    async def silent() -> None:
        async with open_client(stage.server.url) as client:
            started = asyncio.get_running_loop().time()
            assert await client.closed() == 4408
            assert asyncio.get_running_loop().time() - started > 4.5

    await asyncio.gather(idle(), silent())


async def accept(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accept a websocket and read it to its end."""
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.disconnect":
            return


class Hasty(LiveWebSocketProtocol):
    """As in production, with a faster heart."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert (self.ping_interval, self.ping_timeout) == (20, 20)
        self.ping_interval, self.ping_timeout = 0.1, 1.0


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[tuple[uvicorn.Server, int]]:
    config = uvicorn.Config(accept, port=0, ws=Hasty, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def test_a_client_that_answers_pings_stays_and_one_that_does_not_closes_4408() -> None:
    async with serving() as (_, port), connect(f"ws://127.0.0.1:{port}/", ping_interval=None) as socket:
        assert await mute_client(port) == 4408
        await socket.ping()
        assert socket.close_code is None


async def mute_client(port: int) -> int:
    """Open a websocket by hand, answer nothing, and return the close code."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(ANSWER_LIMIT_S):
        await reader.readuntil(b"\r\n\r\n")
        while True:
            opcode, length = await reader.readexactly(2)
            payload = await reader.readexactly(length)
            if opcode == 0x88:
                writer.close()
                return int(struct.unpack("!H", payload[:2])[0])
            assert opcode == 0x89, "a ping is all that is expected"


async def test_a_restart_closes_1001() -> None:
    async with serving() as (server, port), connect(f"ws://127.0.0.1:{port}/") as socket:
        server.should_exit = True
        assert await Client(socket).closed() == 1001


async def test_nothing_is_compressed() -> None:
    """One encoded event serves all; a compressor per connection would cost each of them 30 kB."""
    async with serving() as (_, port), connect(f"ws://127.0.0.1:{port}/") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


@pytest.mark.parametrize("fragment", [b"\x82\x00", b"\x83\x80\0\0\0\0"])
async def test_a_broken_frame_ends_the_connection_by_the_standard_code(fragment: bytes) -> None:
    """Unmasked data and an unknown opcode."""
    async with serving() as (_, port), connect(f"ws://127.0.0.1:{port}/") as socket:
        socket.transport.write(fragment)
        assert await Client(socket).closed() == 1002
