"""Valkey as something that may be missing: a quick call, or none at all for a second after it was seen down.

For what goes on without it (platform.md section 14): live events, cached answers, limits, breakers.
"""

import functools
import time
from collections.abc import Callable
from typing import Final, TypeVar

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S: Final = 0.25
CALL_TIMEOUT_S: Final = 0.5
UNTRIED_S: Final = 1.0

ResultT = TypeVar("ResultT")

logger = structlog.get_logger(__name__)


class Valkey:
    """The connections of this process to one Valkey, for synchronous code of any thread."""

    def __init__(self, url: str) -> None:
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
            self._untried_until = time.monotonic() + UNTRIED_S
            logger.warning("valkey.unavailable", purpose=purpose, error=str(error))
            return None


@functools.lru_cache(maxsize=8)
def valkey_at(url: str) -> Valkey:
    """Return this process's connections to an address; their pool notices a fork by itself."""
    return Valkey(url)
