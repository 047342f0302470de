"""Where buckets are kept: in Valkey by one script, and while that is away, for guards, in the process."""

import asyncio
import functools
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.common.throttles.gcra import SECOND_US, Bucket, fits

CONNECT_TIMEOUT_S: Final = 0.25
CALL_TIMEOUT_S: Final = 0.5
UNTRIED_S: Final = 1.0
# The process forgets the buckets that were touched longest ago.
PROCESS_BUCKETS_MAX: Final = 10_000

# Each bucket's key holds the microsecond, since 2026 to stay exact, at which it is full again. The server's
# clock counts, so that all processes agree. All buckets pass or none is charged.
# KEYS: one per bucket, then that of the note. ARGV: number of buckets; quota, window in us and cost of each;
# field and value of the note, if there is one. Returns 1 or 0, then how far off each bucket's time was.
TAKE: Final = """
local clock = redis.call('TIME')
local now = (clock[1] - 1767225600) * 1000000 + clock[2]
local count = tonumber(ARGV[1])
local answer, full_at = {1}, {}
for i = 1, count do
  local window = tonumber(ARGV[3 * i])
  local step = window / tonumber(ARGV[3 * i - 1])
  local used = (tonumber(redis.call('GET', KEYS[i]) or now) or now) - now
  -- A clock that was set back must not lock anybody out for longer than a window.
  used = math.min(math.max(used, 0), window)
  local wanted = used + step * tonumber(ARGV[3 * i + 1])
  if wanted > window + step / 100 then answer[1] = 0 end
  answer[i + 1] = math.floor(used)
  full_at[i] = wanted
end
if answer[1] == 1 then
  for i = 1, count do
    local left = math.ceil(full_at[i] / 1000)
    if left > 0 then redis.call('SET', KEYS[i], string.format('%.2f', now + full_at[i]), 'PX', left) end
  end
end
local note = 3 * count + 2
if ARGV[note] then redis.call('HSET', KEYS[count + 1], ARGV[note], ARGV[note + 1]) end
return answer
"""

logger = structlog.get_logger(__name__)

# Whether all buckets passed, and how far off the time of each was: see `gcra`.
Counted = tuple[bool, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Note:
    """Something to remember on the way, in a hash: what it costs is part of the one call."""

    key: str
    field: str
    value: str


class ValkeyBuckets:
    """The buckets in one Valkey. Seen down, it is not tried again for a second."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CALL_TIMEOUT_S,
            # A pooled connection that a restart of Valkey broke is opened again once; a call that ran out of
            # time is not repeated, as it may have been charged.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        # Sends the script itself when a restart has lost it.
        self._take = self._client.register_script(TAKE)
        self._takes_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = (
            weakref.WeakKeyDictionary()
        )
        self._untried_until_s = 0.0

    def take(self, buckets: Sequence[Bucket], note: Note | None) -> Counted | None:
        """Take from all buckets or none; None while Valkey is away."""
        if self._is_untried:
            return None
        try:
            return _counted(self._take(*_arguments(buckets, note)))
        except (redis.RedisError, OSError) as error:
            self._note_loss(error)
            return None

    async def take_async(self, buckets: Sequence[Bucket], note: Note | None) -> Counted | None:
        """Do the same for code on an event loop."""
        if self._is_untried:
            return None
        try:
            return _counted(await self._take_of_loop()(*_arguments(buckets, note)))
        except (redis.RedisError, OSError) as error:
            self._note_loss(error)
            return None

    def take_notes(self, key: str) -> dict[str, str]:
        """Return and remove the notes under a key; raises RedisError. Those of a run that died come again."""
        taken = f"{key}:taken"
        if not self._client.exists(taken):
            try:
                self._client.rename(key, taken)
            except redis.ResponseError:  # nothing was noted
                return {}
        notes: dict[bytes, bytes] = self._client.hgetall(taken)  # type: ignore[assignment]
        return {field.decode(): value.decode() for field, value in notes.items()}

    def drop_notes(self, key: str) -> None:
        """Forget the notes that `take_notes` gave, once they are safe; raises RedisError."""
        self._client.delete(f"{key}:taken")

    @property
    def _is_untried(self) -> bool:
        return time.monotonic() < self._untried_until_s

    def _note_loss(self, error: Exception) -> None:
        self._untried_until_s = time.monotonic() + UNTRIED_S
        logger.warning("throttles.not_counted", error=str(error))

    def _take_of_loop(self) -> Any:
        """Return the script on a client of the running loop: connections cannot change theirs."""
        loop = asyncio.get_running_loop()
        take = self._takes_of_loops.get(loop)
        if take is None:
            client = redis.asyncio.Redis.from_url(
                self._url,
                socket_connect_timeout=CONNECT_TIMEOUT_S,
                socket_timeout=CALL_TIMEOUT_S,
                retry=AsyncRetry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            )
            take = self._takes_of_loops[loop] = client.register_script(TAKE)
        return take


class ProcessBuckets:
    """The buckets of this process, for guards while Valkey is away."""

    def __init__(self) -> None:
        self._full_at_us: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, buckets: Sequence[Bucket], *, now_us: float) -> Counted:
        """Take from all buckets or none."""
        with self._lock:
            used = [max(0.0, self._full_at_us.get(each.key, now_us) - now_us) for each in buckets]
            has_passed = all(map(fits, buckets, used))
            if has_passed:
                for each, used_us in zip(buckets, used, strict=True):
                    self._full_at_us[each.key] = now_us + used_us + each.cost * each.step_us
                    self._full_at_us.move_to_end(each.key)
            while len(self._full_at_us) > PROCESS_BUCKETS_MAX:
                self._full_at_us.popitem(last=False)
        return has_passed, used


@functools.lru_cache(maxsize=4)
def valkey_buckets(url: str) -> ValkeyBuckets:
    """Return this process's buckets of an address; its pool notices a fork by itself."""
    return ValkeyBuckets(url)


@functools.lru_cache(maxsize=4)
def process_buckets(url: str) -> ProcessBuckets:
    """Return the buckets that stand in for those of an address."""
    return ProcessBuckets()


def monotonic_us() -> float:
    """Return the process's clock."""
    return time.monotonic() * SECOND_US


def _arguments(buckets: Sequence[Bucket], note: Note | None) -> tuple[list[str], list[str | int]]:
    keys = [each.key for each in buckets]
    arguments: list[str | int] = [len(buckets)]
    for each in buckets:
        arguments += [each.quota, each.window_us, each.cost]
    if note is not None:
        keys.append(note.key)
        arguments += [note.field, note.value]
    return keys, arguments


def _counted(answer: Sequence[int]) -> Counted:
    return bool(answer[0]), answer[1:]
