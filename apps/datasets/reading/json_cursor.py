"""A walk over the bytes of JSON that keeps memory flat and knows where each value lies.

Only brackets and quotes are looked at, so that an element that is wrong inside costs one row and not the
file; what a value means is for whoever parses its bytes.
"""

import re
from dataclasses import dataclass
from typing import Final

from apps.datasets.reading.errors import Damaged
from apps.datasets.reading.limits import RECORD_MAX_BYTES
from apps.datasets.reading.lines import ByteStream

_READ_BYTES: Final = 1 << 20
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.S)
_STRING_TOKEN: Final = re.compile(rb'\\.|"', re.S)
_SCALAR: Final = re.compile(rb"[^,\]}\s]*")
_OPENING: Final = frozenset(b"{[")
_QUOTE: Final = ord('"')


@dataclass(frozen=True, slots=True)
class Value:
    """The bytes of a value, cut at the cap, where they begin in the file and how many they are."""

    raw: bytes
    byte_offset: int
    byte_length: int


class JsonCursor:
    """Stands at a byte of a stream of JSON."""

    def __init__(self, stream: ByteStream, offset: int = 0) -> None:
        """`offset` bytes of the file lie before the stream."""
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self._base = offset
        self._ended = False

    @property
    def offset(self) -> int:
        """Return how many bytes of the file lie behind."""
        return self._base + self._at

    def peek(self) -> int:
        """Move over whitespace and return the byte there, -1 at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return -1

    def step(self) -> None:
        """Move over the byte that `peek` returned."""
        self._at += 1

    def value(self) -> Value:
        """Move over the value that begins here; raises Damaged where the file ends within it."""
        start = self.offset
        first = self.peek()
        if first in _OPENING or first == _QUOTE:
            raw, length = self._nested()
        else:
            raw, length = self._scalar()
        return Value(raw, start, length)

    def _more(self) -> bool:
        """Read on, forgetting what lies behind; tell whether there was anything."""
        part = b"" if self._ended else self._stream.read(_READ_BYTES)
        if not part:
            self._ended = True
            return False
        behind = min(self._at, len(self._buffer))
        self._buffer = self._buffer[behind:] + part
        self._base += behind
        self._at -= behind
        return True

    def _scalar(self) -> tuple[bytes, int]:
        while True:
            match = _SCALAR.match(self._buffer, self._at)
            end = match.end() if match else self._at
            if end < len(self._buffer) or end - self._at > RECORD_MAX_BYTES or not self._more():
                break
        raw = self._buffer[self._at : end]
        if not raw:
            raise Damaged("A value is missing where the JSON needs one.")
        self._at = end
        return raw, len(raw)

    def _nested(self) -> tuple[bytes, int]:
        """Return an object, array or string; beyond the cap its end is looked for without keeping it."""
        depth, seen = 0, 0  # `seen` bytes from the cursor on are looked through
        while True:
            depth, seen, is_complete = self._look_through(depth, seen)
            if is_complete:
                raw = self._buffer[self._at : self._at + seen]
                self._at += seen
                return raw, seen
            if len(self._buffer) - self._at > RECORD_MAX_BYTES:
                return self._overlong(depth, seen)
            if not self._more():
                raise Damaged("The JSON ends within a value.")

    def _look_through(self, depth: int, seen: int) -> tuple[int, int, bool]:
        """Go over tokens until the value ends or a token is cut; return depth, bytes seen, and which."""
        for match in _TOKEN.finditer(self._buffer, self._at + seen):
            token = self._buffer[match.start()]
            if token in _OPENING:
                depth += 1
            elif token != _QUOTE:
                depth -= 1
            elif match.end() - match.start() == 1:
                return depth, match.start() - self._at, False
            if depth <= 0:
                return depth, match.end() - self._at, True
        return depth, len(self._buffer) - self._at, False

    def _overlong(self, depth: int, seen: int) -> tuple[bytes, int]:
        """Move to the end of a value that is too long, keeping its beginning."""
        start, raw = self.offset, self._buffer[self._at : self._at + RECORD_MAX_BYTES]
        self._at += seen
        in_string = False
        while True:
            match = (_STRING_TOKEN if in_string else _TOKEN_START).search(self._buffer, self._at)
            if match is None:
                # A backslash at the very end escapes a byte that is not read yet.
                is_cut = in_string and self._buffer.endswith(b"\\")
                self._at = len(self._buffer) - is_cut
                if not self._more():
                    raise Damaged("The JSON ends within a value.")
                continue
            self._at = match.end()
            token = match[0][0]
            if token == _QUOTE:
                in_string = not in_string
            elif not in_string:
                depth += 1 if token in _OPENING else -1
            if depth <= 0 and not in_string:
                return raw, self.offset - start


_TOKEN_START: Final = re.compile(rb'["{}\[\]]')
