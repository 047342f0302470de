"""Reading what Valkey keeps: kept events, acknowledged numbers, and who is connected; asynchronous."""

from typing import Any, Final

import redis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from apps.common.errors import Unavailable
from apps.common.live import streams
from apps.common.live.streams import Address, Position, Reading

CONNECT_TIMEOUT_S: Final = 0.25
CALL_TIMEOUT_S: Final = 0.5
POOL_SIZE: Final = 8
POOL_TIMEOUT_S: Final = 5.0
# A process that dies leaves its connections behind; they count until nobody has renewed them for so long.
PRESENCE_S: Final = 90

# ARGV: 1 connection, 2 how many at most, 3 seconds a connection counts unrenewed. Returns 1 if it may stay.
_ADMIT: Final = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class LiveUnavailable(Unavailable):
    """Live events are unavailable just now; try again."""

    code = "live.unavailable"


class Archive:
    """The asking side of one Valkey, for one event loop. Every method raises LiveUnavailable without it."""

    def __init__(self, url: str) -> None:
        # A blocking pool: a thousand clients that come back at once wait for a connection each, instead of
        # being told that there is none.
        pool = BlockingConnectionPool.from_url(
            url,
            timeout=POOL_TIMEOUT_S,
            max_connections=POOL_SIZE,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CALL_TIMEOUT_S,
            # A time-out too: in a busy loop the timer may fire before the answer that is there is looked at.
            retry=Retry(NoBackoff(), 2, supported_errors=(redis.ConnectionError, redis.TimeoutError)),
            decode_responses=True,
        )
        self._client = Redis.from_pool(pool)
        self._read = self._client.register_script(streams.READ)
        self._acknowledge = self._client.register_script(streams.ACKNOWLEDGE)
        self._admit = self._client.register_script(_ADMIT)

    async def read(
        self, address: Address, after: Position | None, *, limit: int = 2 * streams.EVENTS_KEPT
    ) -> Reading:
        """Return the topic's position, and what it kept after `after`."""
        wanted = ["", ""] if after is None else [str(after.seq), after.epoch]
        arguments: list[str | int] = [streams.new_epoch(), streams.COUNTER_KEPT_S, *wanted, limit]
        epoch, seq, reset, frames = await self._call(self._read(keys=address.keys, args=arguments))
        return Reading(Position(seq, epoch), bool(reset), [frame.encode() for frame in frames])

    async def acknowledge(self, address: Address, watcher_key: str, position: Position) -> None:
        """Keep for 24 hours how far a watcher has read."""
        arguments: list[str | int] = [position.epoch, position.seq, streams.KEPT_S]
        await self._call(self._acknowledge(keys=[address.acked_key(watcher_key)], args=arguments))

    async def acknowledged(self, address: Address, watcher_key: str) -> Position | None:
        """Return how far a watcher has read; None if it is not known (any more)."""
        held = await self._call(self._client.hgetall(address.acked_key(watcher_key)))
        return Position(int(held["seq"]), held["epoch"]) if held else None

    async def admit(self, watcher_key: str, connection_id: str, *, limit: int) -> bool:
        """Count a connection of a watcher, new or renewed; False if it is one too many."""
        arguments: list[str | int] = [connection_id, limit, PRESENCE_S]
        return bool(await self._call(self._admit(keys=[_presence_key(watcher_key)], args=arguments)))

    async def dismiss(self, watcher_key: str, connection_id: str) -> None:
        """Count a connection no more."""
        await self._call(self._client.zrem(_presence_key(watcher_key), connection_id))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, answer: Any) -> Any:
        try:
            return await answer
        except (redis.RedisError, OSError) as error:
            raise LiveUnavailable(retry_after_s=1) from error


def _presence_key(watcher_key: str) -> str:
    return f"{streams.PREFIX}:connections:{watcher_key}"
