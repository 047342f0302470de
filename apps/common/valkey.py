"""Valkey as something that may be missing: a quick call, or none at all for a second after it was seen down.

For what goes on without it (platform.md section 14): live events, cached answers, limits, breakers.
"""

import asyncio
import functools
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import redis
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S: Final = 0.25
CALL_TIMEOUT_S: Final = 0.5
UNTRIED_S: Final = 1.0

ResultT = TypeVar("ResultT")

logger = structlog.get_logger(__name__)


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
        self._untried_until = 0.0

    @property
    def is_untried(self) -> bool:
        """Tell whether it was seen down less than a second ago."""
        return time.monotonic() < self._untried_until

    def attempt(self, call: Callable[["redis.Redis"], ResultT], *, purpose: str) -> ResultT | None:
        """Return the result of a call, None while Valkey is down; `purpose` names what is lost in the log."""
        if self.is_untried:
            return None
        try:
            return call(self.client)
        except (redis.RedisError, OSError) as error:
            self._see_down(error, purpose)
            return None

    async def attempt_async(
        self, call: Callable[["redis.asyncio.Redis"], Awaitable[ResultT]], *, purpose: str
    ) -> ResultT | None:
        """Do the same on the running event loop."""
        if self.is_untried:
            return None
        try:
            return await call(self._client_of_loop())
        except (redis.RedisError, OSError) as error:
            self._see_down(error, purpose)
            return None

    def _see_down(self, error: Exception, purpose: str) -> None:
        self._untried_until = time.monotonic() + UNTRIED_S
        logger.warning("valkey.unavailable", purpose=purpose, error=str(error))

    def _client_of_loop(self) -> redis.asyncio.Redis:
        """Return the running loop's client: a connection cannot change its loop."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = redis.asyncio.Redis.from_url(
                self._url,
                socket_connect_timeout=CONNECT_TIMEOUT_S,
                socket_timeout=CALL_TIMEOUT_S,
                retry=AsyncRetry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            )
        return client


@functools.lru_cache(maxsize=8)
def valkey_at(url: str) -> Valkey:
    """Return this process's connections to an address; their pool notices a fork by itself."""
    return Valkey(url)
