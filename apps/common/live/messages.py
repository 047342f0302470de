"""A message to clients: encoded once, however many of them get it, through whatever door."""

import struct
from typing import Final

from apps.common.live.streams import Position

# The ASGI extension by which our websocket server takes a ready frame without a task switch.
WIRE: Final = "sextant.wire"
_SHORT: Final = 126
_MIDDLE: Final = 1 << 16
_TEXT_FRAME: Final = 0x81


class Message:
    """JSON, and what it is about: an event, or a reset, moves its reader to `position` of `topic`."""

    __slots__ = ("_wire", "content", "op", "position", "topic")

    def __init__(self, op: str, content: bytes, topic: str = "", position: Position | None = None) -> None:
        self.op = op
        self.content = content
        self.topic = topic
        self.position = position
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """Return the message as one websocket frame of a server: unmasked text (RFC 6455, section 5.2)."""
        if self._wire is None:
            self._wire = _frame_head(len(self.content)) + self.content
        return self._wire


def _frame_head(size: int) -> bytes:
    if size < _SHORT:
        return struct.pack("!BB", _TEXT_FRAME, size)
    if size < _MIDDLE:
        return struct.pack("!BBH", _TEXT_FRAME, 126, size)
    return struct.pack("!BBQ", _TEXT_FRAME, 127, size)
