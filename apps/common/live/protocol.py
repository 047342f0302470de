"""The words of `/ws/live`: parsing of client messages, server messages, close codes, the rate of a client.

Pure; specified as a table in platform.md section 12.
"""

import enum
from typing import Annotated, Any, Final, Literal

import msgspec
import orjson

from apps.common.errors import DomainError, Malformed
from apps.common.live.messages import Message
from apps.common.live.streams import Position
from apps.common.live.topics import TOPIC_MAX_CHARS

SUBPROTOCOL: Final = "sextant.v1"
HEARTBEAT_S: Final = 20
PONG_LIMIT_S: Final = 40
AUTH_LIMIT_S: Final = 5
MESSAGE_MAX_BYTES: Final = 4096
MESSAGES_PER_S: Final = 10
MESSAGES_BURST: Final = 40
TOPICS_MAX: Final = 100
BAD_MESSAGES_MAX: Final = 3
REPLAY_MAX: Final = 1_000


class CloseCode(enum.IntEnum):
    """Why the server closes a connection."""

    RESTART = 1001
    INTERNAL = 1011
    BAD_MESSAGES = 4400
    SIGNED_OUT = 4401
    ORIGIN = 4403
    PATH = 4404
    SILENT = 4408
    TOO_LARGE = 4413
    TOO_MUCH = 4429


ClientId = Annotated[str, msgspec.Meta(max_length=64)] | int | None
TopicName = Annotated[str, msgspec.Meta(min_length=1, max_length=TOPIC_MAX_CHARS)]
Sequence = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class Auth(msgspec.Struct, tag_field="op", tag="auth"):
    """Sign in, or (without token) pick another organization."""

    token: str | None = None
    organization: str | None = None
    id: ClientId = None


class Subscribe(msgspec.Struct, tag_field="op", tag="subscribe"):
    """Watch a topic, from after a known event on."""

    topic: TopicName
    id: ClientId = None
    after: Sequence | Literal["acked"] | None = None
    epoch: str = ""


class Unsubscribe(msgspec.Struct, tag_field="op", tag="unsubscribe"):
    """Watch a topic no more."""

    topic: TopicName
    id: ClientId = None


class Replay(msgspec.Struct, tag_field="op", tag="replay"):
    """Send kept events again."""

    topic: TopicName
    after: Sequence
    id: ClientId = None
    epoch: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=REPLAY_MAX)] = REPLAY_MAX


class Ack(msgspec.Struct, tag_field="op", tag="ack"):
    """Remember how far I have read."""

    topic: TopicName
    seq: Sequence
    id: ClientId = None


class Ping(msgspec.Struct, tag_field="op", tag="ping"):
    """Tell me that you are there."""

    id: ClientId = None


ClientMessage = Auth | Subscribe | Unsubscribe | Replay | Ack | Ping
_decoder: Final = msgspec.json.Decoder(ClientMessage)


def parse_message(text: str | bytes | None) -> ClientMessage:
    """Return what a client says; raises Malformed. None stands for a binary message."""
    if text is None:
        raise Malformed("Messages are JSON text, not binary.")
    try:
        message: ClientMessage = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"The message is not understood: {error}") from error
    return message


def message_id(text: str | None) -> ClientId:
    """Return the id of a message that could not be parsed, so that its error can name it; None if none."""
    try:
        found = msgspec.json.decode(text or "", type=dict[str, Any]).get("id")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, str | int) and len(str(found)) <= 64 else None  # noqa: PLR2004


def encode(op: str, **fields: Any) -> Message:
    """Return a server message."""
    return Message(op, orjson.dumps({"op": op, **fields}))


def encode_error(error: DomainError, *, id: ClientId = None) -> Message:  # noqa: A002 - the protocol's name
    """Return the message that something went wrong."""
    return encode("error", id=id, code=error.code, detail=error.detail)


def encode_subscribed(
    *,
    id: ClientId,  # noqa: A002 - the protocol's name
    topic: str,
    head: Position,
    here: Position,
    reset: bool,
) -> Message:
    """Return the message that says from where on a client watches a topic.

    The topic stands at `head`, and the client at `here` until it has what it missed. Unasked, with `reset`,
    it says that the topic began anew or has a gap: refetch.
    """
    fields = {"id": id, "topic": topic, "seq": head.seq, "epoch": head.epoch, "reset": reset}
    return Message("subscribed", orjson.dumps({"op": "subscribed", **fields}), topic, here)


class MessageRate:
    """A client's allowance: a burst, refilled by the second."""

    __slots__ = ("_at_s", "_tokens")

    def __init__(self, now_s: float) -> None:
        self._tokens = float(MESSAGES_BURST)
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Count one message; False if it is one too many."""
        self._tokens = min(MESSAGES_BURST, self._tokens + (now_s - self._at_s) * MESSAGES_PER_S)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
