"""Servers that may be missing: who finds one down spares the rest of the process the same wait for a second.

For what goes on without them (platform.md section 14). A server may be cache, limits, live and broker in one:
a request that speaks to it four times waits once, and of the requests that follow one at a time.
"""

import contextlib
import functools
import threading
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import redis
import structlog
from kombu.exceptions import OperationalError as BrokerError

UNTRIED_S: Final = 1.0

logger = structlog.get_logger(__name__)


class Reachability:
    """What this process knows about one server, for code of any thread and of any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_down = False
        self._untried_until_s = 0.0

    def may_call(self) -> bool:
        """Tell whether to call it; a server that was seen down is tried by one caller a second."""
        if not self._is_down:
            return True
        with self._lock:
            now_s = time.monotonic()
            if now_s < self._untried_until_s:
                return False
            # Whoever asks while this caller waits for its answer is refused: a call is over within a second.
            self._untried_until_s = now_s + UNTRIED_S
            return True

    @contextlib.contextmanager
    def watch(self, purpose: str) -> Iterator[None]:
        """Learn from the call inside, and swallow its failure; `purpose` names in the log what is lost."""
        try:
            yield
        except (redis.RedisError, BrokerError, OSError) as error:
            # The broker's library wraps what happened. A refusal (no memory left, say) is a quick answer.
            if isinstance(error.__cause__ or error, redis.ResponseError):
                self.note_answer()
                logger.warning("server.refused", purpose=purpose, error=str(error))
            else:
                self._note_silence()
                logger.warning("server.unavailable", purpose=purpose, error=str(error))
        else:
            self.note_answer()

    def note_answer(self) -> None:
        """Let everybody call it again."""
        self._is_down = False

    def _note_silence(self) -> None:
        with self._lock:
            self._is_down = True
            self._untried_until_s = time.monotonic() + UNTRIED_S


def reachability_at(url: str) -> Reachability:
    """Return what is known about the server behind a URL, whatever database, scheme or password it names."""
    return _reachability(_address(url))


@functools.lru_cache(maxsize=32)
def _address(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


@functools.lru_cache(maxsize=32)
def _reachability(_address: str) -> Reachability:
    return Reachability()
