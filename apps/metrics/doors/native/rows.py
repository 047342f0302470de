"""Points as JSON objects: `{metric, type, value, timestamp?, tags?}`."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from apps.metrics.doors.documents import read_document, read_elements, read_members
from apps.metrics.doors.native.fields import Fault, faults_of
from apps.metrics.doors.native.sent import Heads, Sent, TypeName
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.timestamps import ExactText, Stamp

# An item stands in a list in an object.
ITEM_DEPTH: Final = 3


class Row(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One point of a batch."""

    metric: str
    type: TypeName | None = None
    value: float | UnsetType = UNSET
    timestamp: Stamp = None
    # Undecoded: the tags of a series are looked at once.
    tags: msgspec.Raw | UnsetType = UNSET


ROW_FIELDS: Final = frozenset(Row.__struct_fields__)
_row: Final = msgspec.json.Decoder(Row)
_STAND_IN: Final = Row("", value=1.0)


def sent_rows(rows: Sequence[Row], body: bytes) -> Sent:
    """Return the columns of rows that the typed decoder has read."""
    return _sent(rows, Refusals(len(rows)), RowStampTexts(body))


def examined_rows(raw_items: Sequence[msgspec.Raw], body: bytes) -> Sent:
    """Return the columns of rows some of which are faulty, with a refusal for each fault.

    Raises Malformed if an item is no valid JSON.
    """
    refusals = Refusals(len(raw_items))
    rows = [_row_of(number, raw, refusals) for number, raw in enumerate(raw_items)]
    return _sent(rows, refusals, RowStampTexts(body))


def sent_single(row: Row | list[Fault], body: bytes) -> Sent:
    """Return the columns of the one point of a body."""
    refusals = Refusals(1)
    if isinstance(row, Row):
        return _sent([row], refusals, lambda _item: bytes(read_members(body)["timestamp"]).decode())
    for fault in row:
        refusals.add(0, *fault)
    return _sent([None], refusals, lambda _item: "0")


class RowStampTexts:
    """The digits of the timestamps of a body's rows, looked up when the first is asked for."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._items: list[msgspec.Raw] | None = None

    def __call__(self, item: int) -> str:
        """Return the text of one item's timestamp."""
        if self._items is None:
            self._items = read_elements(bytes(read_members(self._body)["points"])) or []
        return bytes(read_members(bytes(self._items[item]))["timestamp"]).decode()


def examine(raw: bytes, known: frozenset[str], depth: int) -> Row | list[Fault]:
    """Return a point that the typed decoder has refused, or what is wrong with it; raises Malformed.

    There is nothing wrong where only the last of several values of a key counts.
    """
    point = read_document(raw, depth)
    if not isinstance(point, dict):
        return [Fault("", "invalid", "A point is an object.")]
    faults = faults_of(point, known)
    if faults:
        return faults
    tags = msgspec.Raw(msgspec.json.encode(point.pop("tags", None)))
    return Row(**point, tags=tags)


def _row_of(number: int, raw: msgspec.Raw, refusals: Refusals) -> Row | None:
    try:
        return _row.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = examine(bytes(raw), ROW_FIELDS, ITEM_DEPTH)
    if isinstance(found, Row):
        return found
    for fault in found:
        refusals.add(number, *fault)
    return None


def _sent(rows: Sequence[Row | None], refusals: Refusals, exact_text: ExactText) -> Sent:
    filled = [_STAND_IN if row is None else row for row in rows]
    types = {row.type for row in filled}
    tags = [row.tags for row in filled]
    heads: Heads = [row.metric for row in filled]
    if len(types) > 1 or set(map(type, tags)) != {UnsetType}:
        heads = [
            (row.metric, row.type, b"" if raw is UNSET else bytes(raw))
            for row, raw in zip(filled, tags, strict=True)
        ]
    if refusals:
        heads = [None if row is None else head for row, head in zip(rows, heads, strict=True)]
    values = [row.value for row in filled]
    stamps = [row.timestamp for row in filled]
    return Sent(heads, next(iter(types)), values, stamps, refusals, exact_text)
