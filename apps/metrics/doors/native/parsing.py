"""Bodies of our own sending calls: bytes to points and refusals. Pure."""

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from apps.common.errors import FieldError, Invalid
from apps.metrics.doors.documents import (
    check_nul,
    check_parts,
    read_document,
    read_elements,
    read_members,
)
from apps.metrics.doors.native.columns import Columns, examined_columns, sent_columns, sent_examined
from apps.metrics.doors.native.fields import REQUIRED, Fault
from apps.metrics.doors.native.pointers import Form, pointer_of
from apps.metrics.doors.native.rows import ROW_FIELDS, Row, examine, examined_rows, sent_rows, sent_single
from apps.metrics.doors.native.sent import Sent, TypeName, parse_sent
from apps.metrics.errors import BatchSize
from apps.metrics.points.batch import Parsed, Refusal
from apps.metrics.points.timestamps import Stamp, TimeWindow

BATCH_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class NativeBatch:
    """A parsed batch, and how its body held the points."""

    parsed: Parsed
    form: Form
    scalars: frozenset[str] = frozenset()

    def pointer_of(self, refusal: Refusal) -> str:
        """Return where in the body a refusal's fault stands, as a JSON pointer."""
        return pointer_of(refusal, self.form, self.scalars)


class _Single(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The one point of a call that says its type."""

    metric: str
    value: float | UnsetType = UNSET
    timestamp: Stamp = None
    tags: msgspec.Raw | UnsetType = UNSET


class _Batch(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A batch in either form."""

    points: list[Row] | UnsetType = UNSET
    columns: Columns | UnsetType = UNSET


_SINGLE_FIELDS: Final = ROW_FIELDS - {"type"}
_single: Final = msgspec.json.Decoder(_Single)
_batch: Final = msgspec.json.Decoder(_Batch)


def parse_counter(body: bytes, window: TimeWindow) -> Parsed:
    """Return the point of `POST /metrics/counter`; raises Malformed.

    A refusal's place is that of `pointer_of(refusal, Form.SINGLE)`.
    """
    return _parse_single(body, window, "counter")


def parse_value(body: bytes, window: TimeWindow) -> Parsed:
    """Return the point of `POST /metrics/value`; raises Malformed. See `parse_counter`."""
    return _parse_single(body, window, "value")


def parse_batch(body: bytes, window: TimeWindow, *, max_points: int = BATCH_POINTS) -> NativeBatch:
    """Return the points of `POST /metrics/batch`, rows or columns.

    Raises Malformed for what is no JSON object, BatchSize for none or too many points, Invalid for what is
    wrong with the batch as a whole, TooLarge.
    """
    check_parts(body)
    check_nul(body)
    try:
        batch = _batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _examined_batch(body, window, max_points)
    if isinstance(batch.points, list) and batch.columns is UNSET:
        _check_size(len(batch.points), max_points)
        return NativeBatch(parse_sent(sent_rows(batch.points, body), window), Form.ROWS)
    if isinstance(batch.columns, Columns) and batch.points is UNSET:
        count = batch.columns.count()
        _check_size(count, max_points)
        return _columns_batch(batch.columns, sent_columns(batch.columns, count, body), window)
    return _examined_batch(body, window, max_points)


def _parse_single(body: bytes, window: TimeWindow, type_name: TypeName) -> Parsed:
    check_parts(body)
    check_nul(body)
    row: Row | list[Fault]
    try:
        point = _single.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read_members(body)
        row = examine(body, _SINGLE_FIELDS, 1)
    else:
        row = Row(point.metric, None, point.value, point.timestamp, point.tags)
    if isinstance(row, Row):
        row.type = type_name
    return parse_sent(sent_single(row, body), window)


def _examined_batch(body: bytes, window: TimeWindow, max_points: int) -> NativeBatch:
    """Parse a body that the typed decoder has refused, item by item."""
    members = read_members(body)
    _check_members(members, body)
    if "columns" in members:
        columns, faulty = examined_columns(bytes(members["columns"]))
        count = columns.count()
        _check_size(count, max_points)
        return _columns_batch(columns, sent_examined(columns, faulty, count, body), window)
    items = read_elements(bytes(members["points"]))
    if items is None:
        raise BatchSize("`points` is a list.", errors=[_size_error("/points", "It is no list.")])
    _check_size(len(items), max_points)
    return NativeBatch(parse_sent(examined_rows(items, body), window), Form.ROWS)


def _columns_batch(columns: Columns, sent: Sent, window: TimeWindow) -> NativeBatch:
    return NativeBatch(parse_sent(sent, window), Form.COLUMNS, columns.scalars())


def _check_members(members: dict[str, msgspec.Raw], body: bytes) -> None:
    """Require exactly one form; raises Invalid, and Malformed if there is worse in an unknown field."""
    unknown = [name for name in members if name not in {"points", "columns"}]
    if unknown:
        read_document(body)
        raise Invalid(errors=[_unknown_field(name) for name in unknown])
    if not members:
        detail = "Send `points` or `columns`."
        raise Invalid(errors=[FieldError(detail, code=REQUIRED, pointer="/points")])
    if len(members) > 1:
        raise Invalid(errors=[FieldError("Send either `points` or `columns`.", pointer="/columns")])


def _unknown_field(name: str) -> FieldError:
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    return FieldError("There is no such field.", code="unknown_field", pointer=pointer)


def _check_size(count: int, max_points: int) -> None:
    if not 1 <= count <= max_points:
        detail = f"A batch has 1 to {max_points} points, this one {count}."
        raise BatchSize(detail)


def _size_error(pointer: str, detail: str) -> FieldError:
    return FieldError(detail, code=BatchSize.code, pointer=pointer)
