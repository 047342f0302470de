"""What Valkey keeps of a topic: a counter with an epoch, and the last events; and the scripts on them.

    sextant:live:{<owner>}:<topic>          hash: epoch, seq
    sextant:live:{<owner>}:<topic>:events   stream: id <seq>-0, the encoded frame, the time in s
    sextant:live:{<owner>}:<topic>:acked:<actor>   hash: epoch, seq
    channel sextant:live:{<owner>}:<topic>  "<seq> <epoch>\n<frame>"

The owner is an organization, or for a private topic a user. The braces make one slot of an owner in a
cluster. An epoch is a random name of one life of the
counter: when Valkey loses its data, the next one differs, and so a client learns that its number is void.
"""

import uuid
from dataclasses import dataclass
from typing import Final

import orjson

PREFIX: Final = "sextant:live"
CONTROL_CHANNEL: Final = f"{PREFIX}:control"
EVENTS_KEPT: Final = 1_000
KEPT_S: Final = 24 * 3600
# The counter outlives its events, so that a client that missed nothing is not told to refetch.
COUNTER_KEPT_S: Final = 7 * 24 * 3600

_OPEN_COUNTER: Final = """
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', 0)
  redis.call('DEL', KEYS[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

# ARGV: 1 epoch for a new counter, 2 its life in s, 3 channel, 4 and 5 frame up to seq and from the end of
# epoch on, 6 events kept, 7 seconds kept. Returns seq.
APPEND: Final = (
    _OPEN_COUNTER
    + """
local seq = string.format('%d', redis.call('HINCRBY', KEYS[1], 'seq', 1))
local frame = ARGV[4] .. seq .. ',"epoch":"' .. epoch .. ARGV[5]
local now = redis.call('TIME')[1]
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], seq .. '-0', 'frame', frame, 'at', now)
redis.call('EXPIRE', KEYS[2], ARGV[7])
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
if tonumber(oldest[2][4]) < now - ARGV[7] then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+')) do
    if tonumber(entry[2][4]) >= now - ARGV[7] then
      redis.call('XTRIM', KEYS[2], 'MINID', entry[1])
      break
    end
  end
end
redis.call('PUBLISH', ARGV[3], seq .. ' ' .. epoch .. '\\n' .. frame)
return tonumber(seq)
"""
)

# ARGV: 1 and 2 as above, 3 the sequence after which events are wanted ('' for none), 4 its epoch ('' if
# unknown), 5 how many at most. Returns epoch, seq, 1 if the wanted ones are gone, frames from 3 + 1 on.
READ: Final = (
    _OPEN_COUNTER
    + """
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq'))
if ARGV[3] == '' then return {epoch, seq, 0, {}} end
local after = tonumber(ARGV[3])
if (ARGV[4] ~= '' and ARGV[4] ~= epoch) or after > seq then return {epoch, seq, 1, {}} end
if after == seq then return {epoch, seq, 0, {}} end
local rows = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3] .. '-0', '+', 'COUNT', ARGV[5])
if #rows == 0 or rows[1][1] ~= string.format('%d-0', after + 1) then return {epoch, seq, 1, {}} end
local frames = {}
for i, row in ipairs(rows) do frames[i] = row[2][2] end
return {epoch, seq, 0, frames}
"""
)

# ARGV: 1 epoch, 2 seq, 3 seconds kept. Two tabs of one person acknowledge apart: the higher number stays.
ACKNOWLEDGE: Final = """
local held = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if held[1] ~= ARGV[1] or tonumber(held[2]) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one topic of one organization, or a private one of one user, is kept."""

    owner_id: uuid.UUID
    topic: str

    @property
    def channel(self) -> str:
        """Return the name of the counter, which is the channel's too."""
        return f"{PREFIX}:{{{self.owner_id}}}:{self.topic}"

    @property
    def keys(self) -> list[str]:
        """Return the keys of counter and events, as the scripts take them."""
        return [self.channel, f"{self.channel}:events"]

    def acked_key(self, watcher_key: str) -> str:
        """Return the key of what one watcher acknowledged."""
        return f"{self.channel}:acked:{watcher_key}"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a topic; an empty epoch means that the client did not name one."""

    seq: int
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a topic held at one instant: its position, and the frames after the wanted one.

    `reset` says that the wanted ones are gone. Frames follow each other without gap; there may be more.
    """

    position: Position
    reset: bool
    frames: list[bytes]


def new_epoch() -> str:
    """Return a name for a counter's life, used if it turns out to be new."""
    return uuid.uuid4().hex[:12]


def split_frame(*, topic: str, type_: str, at: str, data: orjson.Fragment) -> tuple[bytes, bytes]:
    """Encode an event but for its sequence number and epoch, which the script puts between the halves."""
    head = b'{"op":"event","topic":' + orjson.dumps(topic) + b',"seq":'
    rest = orjson.dumps({"type": type_, "at": at, "data": data}, option=orjson.OPT_UTC_Z)
    return head, b'",' + rest[1:]
