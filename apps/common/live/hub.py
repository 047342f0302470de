"""The process's switchboard: one subscription per topic, however many clients watch it.

A hub belongs to one event loop and lives as long as somebody is connected. When Valkey is lost, clients stay;
when it is back, each room reads what it missed, or tells its members to refetch if that is gone.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol
from weakref import WeakKeyDictionary

import orjson
import redis
import structlog
from django.conf import settings

from apps.common.live.archive import Archive, LiveUnavailable
from apps.common.live.feed import Feed
from apps.common.live.room import RETRY_FIRST_S, RETRY_LAST_S, Member, Room
from apps.common.live.streams import CONTROL_CHANNEL, Address
from apps.common.metrics import live_connections

READY_LIMIT_S: Final = 1.5
RECHECK_S: Final = 60.0
RENEW_S: Final = 30.0
RECHECKS_AT_ONCE: Final = 4

logger = structlog.get_logger(__name__)


class Connection(Protocol):
    """One client, whatever door it came through."""

    def concerns(self, subjects: frozenset[str]) -> bool:
        """Tell whether a user, session, key or organization of these ids is behind it."""

    async def recheck(self) -> None:
        """Look again whether it may still be here, and watch what it watches."""

    async def renew(self) -> None:
        """Count it as present for another while."""


class Hub:
    """Rooms and connections of one event loop."""

    def __init__(self, url: str) -> None:
        self.archive = Archive(url)
        self.connections: set[Connection] = set()
        self._url = url
        self._rooms: dict[str, Room] = {}
        self._feed: Feed | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._rechecks = asyncio.Semaphore(RECHECKS_AT_ONCE)
        self._rechecking: set[asyncio.Task[None]] = set()

    @property
    def is_full(self) -> bool:
        """Tell whether this process has more connections than it may, the newest counted."""
        return len(self.connections) > settings.LIVE_MAX_CONNECTIONS

    def enter(self, connection: Connection) -> None:
        """Take a connection in; the first one starts the work in the background."""
        self.connections.add(connection)
        live_connections.set(len(self.connections))
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(self._listen()),
                loop.create_task(self._every(RECHECK_S, self.recheck_all)),
                loop.create_task(self._every(RENEW_S, self._renew_all)),
            ]

    async def leave(self, connection: Connection) -> None:
        """Let a connection go; with the last one the hub ends."""
        self.connections.discard(connection)
        live_connections.set(len(self.connections))
        if self.connections:
            return
        _hubs.pop(asyncio.get_running_loop(), None)
        for task in (*self._tasks, *self._rechecking):
            task.cancel()
        for room in self._rooms.values():
            room.close()
        await self.archive.aclose()

    async def join(self, address: Address, member: Member) -> Room:
        """Put a member into a topic's room once it is gapless; raises LiveUnavailable."""
        room = self._rooms.get(address.channel)
        is_new = room is None
        if room is None:
            room = self._rooms[address.channel] = Room(address, self.archive)
        room.members.add(member)  # before anything is awaited: an empty room is given up by whoever parts
        if is_new:
            await self._subscribe(address.channel)
        try:
            await asyncio.wait_for(room.ready.wait(), READY_LIMIT_S)
        except TimeoutError as error:
            await self.part(room, member)
            raise LiveUnavailable(retry_after_s=1) from error
        return room

    async def part(self, room: Room, member: Member) -> None:
        """Take a member out; an empty room is given up."""
        room.members.discard(member)
        if room.members or self._rooms.get(room.address.channel) is not room:
            return
        del self._rooms[room.address.channel]
        room.close()
        if self._feed is not None:
            with contextlib.suppress(redis.RedisError, OSError):
                await self._feed.unsubscribe(room.address.channel)

    async def recheck_all(self, subjects: frozenset[str] | None = None) -> None:
        """Check the connections of these ids again, or all."""
        chosen = [item for item in self.connections if subjects is None or item.concerns(subjects)]
        await asyncio.gather(*(self._recheck(item) for item in chosen))

    async def _recheck(self, connection: Connection) -> None:
        async with self._rechecks:
            if connection in self.connections:
                try:
                    await connection.recheck()
                except Exception:  # the boundary of background work: one connection must not end it for all
                    logger.exception("live.recheck_failed")

    async def _renew_all(self) -> None:
        for connection in tuple(self.connections):
            await connection.renew()

    async def _subscribe(self, channel: str) -> None:
        """Ask for a channel; if the feed is down, its next start does."""
        if self._feed is not None:
            with contextlib.suppress(redis.RedisError, OSError):
                await self._feed.subscribe(channel)

    async def _listen(self) -> None:
        """Keep the feed up, whatever happens to Valkey."""
        delay_s = RETRY_FIRST_S
        while True:
            try:
                feed = await Feed.open(self._url)
                try:
                    self._feed = feed  # first: a room that opens meanwhile subscribes itself
                    await feed.subscribe(CONTROL_CHANNEL, *self._rooms)
                    delay_s = RETRY_FIRST_S
                    await self._receive(feed)
                finally:
                    self._feed = None
                    await feed.aclose()
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("live.feed_lost", error=str(error))
            except Exception:  # the boundary of background work: without it all clients would fall silent
                logger.exception("live.feed_failed")
            for room in self._rooms.values():
                room.lose_feed()
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_LAST_S)

    async def _receive(self, feed: Feed) -> None:
        while True:
            kind, channel, payload = await feed.receive()
            if channel == CONTROL_CHANNEL:
                if kind == b"message":
                    self._recheck_in_background(frozenset(orjson.loads(payload)))
            elif (room := self._rooms.get(channel)) is not None:
                if kind == b"message":
                    room.take(payload)
                elif kind == b"subscribe":
                    room.catch_up()

    def _recheck_in_background(self, subjects: frozenset[str]) -> None:
        task = asyncio.get_running_loop().create_task(self.recheck_all(subjects))
        self._rechecking.add(task)
        task.add_done_callback(self._rechecking.discard)

    @staticmethod
    async def _every(period_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(period_s)
            await work()


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def current_hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub(settings.CHANNEL_URL)
    return hub
