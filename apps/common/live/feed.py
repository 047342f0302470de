"""The one pub/sub connection of a process to Valkey.

Not redis-py's PubSub: that one reconnects by itself, silently, and what was published meanwhile would be
missing without anybody knowing. Here a broken connection is an error, and the hub reads up what it missed.
"""

import asyncio
from typing import Final, Self

import redis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

from apps.common.live.archive import CONNECT_TIMEOUT_S

# A dead peer sends no end of stream: after this silence ask, after another one give up.
SILENCE_S: Final = 10.0


class Feed:
    """Subscriptions of one connection; one task receives, any task subscribes."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect; raises RedisError or OSError."""
        # No read limit of the socket: with one, redis-py drops a connection on which nothing happens.
        pool = ConnectionPool.from_url(
            url, socket_timeout=None, socket_connect_timeout=CONNECT_TIMEOUT_S, protocol=2
        )
        connection = pool.connection_class(**pool.connection_kwargs)
        await asyncio.wait_for(connection.connect(), CONNECT_TIMEOUT_S * 4)  # type: ignore[no-untyped-call]
        return cls(connection)

    async def subscribe(self, *channels: str) -> None:
        """Ask for channels; each is confirmed by a received message."""
        await self._send("SUBSCRIBE", *channels)

    async def unsubscribe(self, channel: str) -> None:
        """Give a channel up."""
        await self._send("UNSUBSCRIBE", channel)

    async def receive(self) -> tuple[bytes, str, bytes]:
        """Return the next message: its kind, channel and payload; raises ConnectionError at the end."""
        asked = False
        while True:
            answer = await self._connection.read_response(
                disable_decoding=True, timeout=SILENCE_S, push_request=True
            )
            if answer is None:
                if asked:
                    raise redis.ConnectionError("Valkey is silent")
                asked = True
                await self._send("PING")
            elif len(answer) == 3:  # noqa: PLR2004 - a pong has two parts
                kind, channel, payload = answer
                return kind, channel.decode(), payload
            else:
                asked = False

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.disconnect(nowait=True)

    async def _send(self, *command: str) -> None:
        # Sending on a closed connection would open a new one, without the other subscriptions.
        if not self._connection.is_connected:
            raise redis.ConnectionError("the connection is closed")
        await self._connection.send_command(*command, check_health=False)
