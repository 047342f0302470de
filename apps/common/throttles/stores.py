"""Where buckets are kept: in Valkey by one script, and while that is away, for guards, in the process."""

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
import redis.asyncio

from apps.common.throttles.gcra import SECOND_US, Bucket, fits
from apps.common.valkey import valkey_at

PURPOSE: Final = "throttles"
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

# Whether all buckets passed, and how far off the time of each was: see `gcra`.
Counted = tuple[bool, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Note:
    """Something to remember on the way, in a hash: what it costs is part of the one call."""

    key: str
    field: str
    value: str


def take(url: str, buckets: Sequence[Bucket], note: Note | None) -> Counted | None:
    """Take from all buckets or none; None while Valkey is away."""
    keys, arguments = _arguments(buckets, note)

    def call(client: "redis.Redis") -> Any:
        # Sends the script itself when a restart has lost it.
        return client.register_script(TAKE)(keys, arguments)

    return _counted(valkey_at(url).attempt(call, purpose=PURPOSE))


def take_all(url: str, calls: Sequence[tuple[Sequence[Bucket], Note | None]]) -> Sequence[Counted | None]:
    """Take for several calls in one round trip, each from all of its buckets or none."""
    if len(calls) == 1:
        # A pipeline asks first whether the server knows the script: a round trip of its own.
        return [take(url, *calls[0])]

    def call(client: "redis.Redis") -> Sequence[Any]:
        pipeline = client.pipeline(transaction=False)
        script = client.register_script(TAKE)
        for buckets, note in calls:
            script(*_arguments(buckets, note), client=pipeline)
        answers: Sequence[Any] = pipeline.execute()
        return answers

    answers = valkey_at(url).attempt(call, purpose=PURPOSE)
    return [None] * len(calls) if answers is None else [_counted(answer) for answer in answers]


async def take_async(url: str, buckets: Sequence[Bucket], note: Note | None) -> Counted | None:
    """Do the same on an event loop."""
    keys, arguments = _arguments(buckets, note)

    async def call(client: "redis.asyncio.Redis") -> Any:
        return await client.register_script(TAKE)(keys, arguments)

    return _counted(await valkey_at(url).attempt_async(call, purpose=PURPOSE))


def collect_notes(url: str, key: str) -> dict[str, str]:
    """Return the notes under a key, those of a run that died too; `drop_notes` them once they are safe.

    Empty while Valkey is away.
    """

    def call(client: "redis.Redis") -> dict[bytes, bytes]:
        taken = f"{key}:taken"
        if client.exists(key) and not client.exists(taken):
            client.rename(key, taken)
        notes: dict[bytes, bytes] = client.hgetall(taken)  # type: ignore[assignment]
        return notes

    notes = valkey_at(url).attempt(call, purpose=PURPOSE) or {}
    return {field.decode(): value.decode() for field, value in notes.items()}


def drop_notes(url: str, key: str) -> None:
    """Forget the notes that `collect_notes` gave."""
    valkey_at(url).attempt(lambda client: client.delete(f"{key}:taken"), purpose=PURPOSE)


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


def _counted(answer: Sequence[int] | None) -> Counted | None:
    return (bool(answer[0]), answer[1:]) if answer else None
