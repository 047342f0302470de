"""Valkey as something that may be missing: a quick call, or none at all for a second after it was seen down.

For what goes on without it (platform.md section 14): live events, cached answers, limits, breakers. What is
known of a server, `reachability` shares with everybody of the process who speaks to it.
"""

import asyncio
import functools
import weakref
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.common.reachability import reachability_at

CONNECT_TIMEOUT_S: Final = 0.25
CALL_TIMEOUT_S: Final = 0.5

ResultT = TypeVar("ResultT")


class Valkey:
    """The connections of this process to one Valkey, for code of any thread and of any event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = (
            weakref.WeakKeyDictionary()
        )
        self.client = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CALL_TIMEOUT_S,
            # A pooled connection that a restart of Valkey broke is opened again once; a call that ran out of
            # time is not repeated, as it may have had its effect already.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._reachability = reachability_at(url)

    def attempt(self, call: Callable[["redis.Redis"], ResultT], *, purpose: str) -> ResultT | None:
        """Return the result of a call, None while Valkey is down; `purpose` names what is lost in the log."""
        if self._reachability.may_call():
            with self._reachability.watch(purpose):
                return call(self.client)
        return None

    async def attempt_async(
        self, call: Callable[["redis.asyncio.Redis"], Awaitable[ResultT]], *, purpose: str
    ) -> ResultT | None:
        """Do the same on the running event loop."""
        if self._reachability.may_call():
            with self._reachability.watch(purpose):
                return await _call_unbroken(call, self._client_of_loop())
        return None

    def _client_of_loop(self) -> redis.asyncio.Redis:
        """Return the running loop's client: a connection cannot change its loop."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = redis.asyncio.Redis.from_url(
                self._url,
                socket_connect_timeout=CONNECT_TIMEOUT_S,
                socket_timeout=CALL_TIMEOUT_S,
                retry=AsyncRetry(NoBackoff(), 0),  # `_call_unbroken` tries again
            )
        return client


async def _call_unbroken(
    call: Callable[["redis.asyncio.Redis"], Awaitable[ResultT]], client: "redis.asyncio.Redis"
) -> ResultT:
    """Call, and once more if a restart of Valkey broke the pooled connection.

    Not by the library's own retry: to it a new connection whose first answer does not come in time is broken
    too, and would be waited for twice.
    """
    try:
        return await call(client)
    except redis.ConnectionError as error:
        if isinstance(error.__cause__, redis.TimeoutError):
            raise
        return await call(client)


@functools.lru_cache(maxsize=8)
def valkey_at(url: str) -> Valkey:
    """Return this process's connections to an address; their pool notices a fork by itself."""
    return Valkey(url)
