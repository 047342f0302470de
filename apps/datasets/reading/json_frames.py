"""JSON to the bytes of its rows: the elements of an array, or lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from apps.datasets.reading.errors import Damaged, NotATable
from apps.datasets.reading.formats import RECORD_SEPARATOR
from apps.datasets.reading.json_cursor import JsonCursor
from apps.datasets.reading.limits import BLOCK_BYTES, FIELD_MAX_BYTES
from apps.datasets.reading.lines import Blocks, ByteStream, split_lines

_MARK: Final = b"\xef\xbb\xbf"
_ROWS_OR_NONE: Final = frozenset(b"{]")
_AFTER_ELEMENT: Final = frozenset(b",]")


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one row. `line` is null for elements of arrays; `raw` is cut where it is too long."""

    raw: bytes
    byte_offset: int
    byte_length: int
    line: int | None = None


class _Marked:
    """A stream without the byte-order mark of UTF-8 that may begin it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._start = stream.read(len(_MARK))
        self.mark_bytes = 0
        if self._start == _MARK:
            self.mark_bytes, self._start = len(_MARK), b""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        part, self._start = self._start or self._stream.read(size), b""
        return part


@dataclass(slots=True)
class Lines:
    """The lines of a stream that hold something, each a frame; `blank_lines` counts the others."""

    stream: ByteStream
    blank_lines: int = 0

    def __iter__(self) -> Iterator[Frame]:
        marked = _Marked(self.stream)
        blocks = Blocks(marked, None, BLOCK_BYTES)
        offset, line = marked.mark_bytes, 0
        while True:
            block = blocks.take()
            lines = split_lines(block.data, None)
            for number, text in enumerate(lines, 1):
                line += 1
                skipped = block.skipped if number == len(lines) else 0
                if text.strip(b" \t\r\n" + RECORD_SEPARATOR):
                    yield Frame(text, offset, len(text) + skipped, line)
                else:
                    self.blank_lines += 1
                offset += len(text) + skipped
            if block.at_end:
                return


@dataclass(slots=True)
class Document:
    """The elements of the array of a JSON document: the root, or the only one of objects in the root.

    In a FeatureCollection that begins with its type it is `features`: other members are nobody's rows.

    `members` are the small values beside the array, by key, once all elements were seen.
    Raises NotATable where there is no such array or more than one, Damaged where the document ends early.
    """

    stream: ByteStream
    blank_lines: int = 0
    members: dict[bytes, bytes] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Frame]:
        marked = _Marked(self.stream)
        cursor = JsonCursor(marked, marked.mark_bytes)
        if cursor.peek() == ord("["):
            cursor.step()
            yield from _elements(cursor)
        else:
            yield from self._members(cursor)
        if cursor.peek() != -1:
            raise Damaged("There is text after the end of the JSON.")

    def _members(self, cursor: JsonCursor) -> Iterator[Frame]:
        cursor.step()
        arrays = 0
        while (key := _next_key(cursor)) is not None:
            if cursor.peek() != ord("["):
                value = cursor.value()
                if value.byte_length <= FIELD_MAX_BYTES:
                    self.members[key] = value.raw
                continue
            cursor.step()
            is_rows = cursor.peek() in _ROWS_OR_NONE and self._may_hold_rows(key)
            arrays += is_rows
            if arrays > 1:
                raise NotATable("The JSON document holds more than one array of objects.")
            for element in _elements(cursor):
                if is_rows:
                    yield element
        if not arrays:
            raise NotATable("The JSON document holds no array of objects.")

    def _may_hold_rows(self, key: bytes) -> bool:
        """Tell whether an array may be the one: GeoJSON says which it is, whatever stands beside it."""
        return key == b"features" or self.members.get(b"type") != b'"FeatureCollection"'


def _next_key(cursor: JsonCursor) -> bytes | None:
    """Move to the value of the next member and return its key, None at the end of the object."""
    if cursor.peek() == ord(","):
        cursor.step()
    if cursor.peek() == ord("}"):
        cursor.step()
        return None
    if cursor.peek() != ord('"'):
        raise Damaged("The JSON document cannot be followed.")
    key = cursor.value().raw.strip(b'"')
    if cursor.peek() != ord(":"):
        raise Damaged("The JSON document cannot be followed.")
    cursor.step()
    return key


def _elements(cursor: JsonCursor) -> Iterator[Frame]:
    """Yield the elements of the array that begins here and move past its end."""
    while (byte := cursor.peek()) != ord("]"):
        if byte == ord(","):
            cursor.step()
            continue
        value = cursor.value()
        yield Frame(value.raw, value.byte_offset, value.byte_length)
        if cursor.peek() not in _AFTER_ELEMENT:
            raise Damaged("An element of the JSON array does not end where the next begins.")
    cursor.step()
