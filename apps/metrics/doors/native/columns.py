"""Points as JSON columns: `{metric, type, value, timestamp}`, lists of one length or a value for all."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from apps.common.errors import FieldError, Invalid
from apps.metrics.doors.documents import read_document, read_elements, read_members
from apps.metrics.doors.native.fields import REQUIRED, fault_of
from apps.metrics.doors.native.sent import Heads, Sent, TypeName
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.timestamps import Stamp

# A column stands in an object in an object.
COLUMN_DEPTH: Final = 3
# In place of what a refused item holds.
STAND_INS: Final = {"metric": "", "type": None, "value": 1.0, "timestamp": None}


class Columns(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The points of a batch by column."""

    metric: list[str] | str
    type: list[TypeName | None] | TypeName | None = None
    value: list[float] | float | UnsetType = UNSET
    timestamp: list[Stamp] | Stamp = None

    def scalars(self) -> frozenset[str]:
        """Return the columns that hold one value for all points."""
        return frozenset(name for name, column in self.sent() if not isinstance(column, list))

    def sent(self) -> list[tuple[str, Any]]:
        """Return names and contents of the columns."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__]

    def count(self) -> int:
        """Return how many points there are; raises Invalid if the lists differ in length."""
        lengths = {name: len(column) for name, column in self.sent() if isinstance(column, list)}
        count = max(lengths.values(), default=1)
        short = [name for name, length in lengths.items() if length != count]
        if short:
            detail = f"The column is shorter than another one, which has {count} items."
            raise Invalid(errors=[FieldError(detail, pointer=f"/columns/{name}") for name in short])
        return count


def sent_columns(columns: Columns, count: int, body: bytes) -> Sent:
    """Return columns that the typed decoder has read, each at its full length."""
    return _sent(columns, Refusals(count), body)


def examined_columns(raw: bytes) -> tuple[Columns, dict[str, list[int]]]:
    """Return columns that the typed decoder has refused, and the faulty items of each.

    Faulty items hold a stand-in. A column of one value for all has it as its item 0. Raises Malformed, and
    Invalid for what is wrong with the columns themselves.
    """
    documents = {
        name: read_document(bytes(column), COLUMN_DEPTH) for name, column in _members_of(raw).items()
    }
    _check_names(documents)
    faulty: dict[str, list[int]] = {}
    sound = {name: _sound(name, column, faulty) for name, column in documents.items()}
    return Columns(**sound), faulty


def sent_examined(columns: Columns, faulty: dict[str, list[int]], count: int, body: bytes) -> Sent:
    """Return examined columns at their full length, with a refusal for each faulty item."""
    refusals = Refusals(count)
    scalars = columns.scalars()
    for name, items in faulty.items():
        for item in range(count) if name in scalars else items:
            fault = fault_of(name, _NOTHING)
            if fault:
                refusals.add(item, *fault)
    return _sent(columns, refusals, body)


class ColumnStampTexts:
    """The digits of a body's column of timestamps, looked up when the first is asked for."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._items: Sequence[msgspec.Raw] = ()

    def __call__(self, item: int) -> str:
        """Return the text of one item's timestamp."""
        if not self._items:
            columns = read_members(bytes(read_members(self._body)["columns"]))
            column = columns["timestamp"]
            self._items = read_elements(bytes(column)) or [column]
        return bytes(self._items[item if len(self._items) > 1 else 0]).decode()


# No field may hold this, so each says what is wrong with it.
_NOTHING: Final = object()


def _members_of(raw: bytes) -> dict[str, msgspec.Raw]:
    if not raw.startswith(b"{"):
        detail = "The columns are an object of lists."
        raise Invalid(errors=[FieldError(detail, pointer="/columns")])
    return read_members(raw)


def _check_names(documents: dict[str, Any]) -> None:
    unknown = [name for name in documents if name not in STAND_INS]
    items = [
        FieldError("There is no such column.", code="unknown_field", pointer=f"/columns/{_escaped(name)}")
        for name in unknown
    ]
    if "metric" not in documents:
        items.append(FieldError("The column is missing.", code=REQUIRED, pointer="/columns/metric"))
    if items:
        raise Invalid(errors=items)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _sound(name: str, column: Any, faulty: dict[str, list[int]]) -> Any:
    """Return a column with stand-ins for what is faulty, whose places are noted."""
    items = column if isinstance(column, list) else [column]
    wrong = [number for number, item in enumerate(items) if fault_of(name, item)]
    if not wrong:
        return column
    faulty[name] = wrong
    sound = [STAND_INS[name] if fault_of(name, item) else item for item in items]
    return sound if isinstance(column, list) else sound[0]


def _sent(columns: Columns, refusals: Refusals, body: bytes) -> Sent:
    count = len(refusals.marks)
    metrics = _full(columns.metric, count)
    heads: Heads = metrics
    if isinstance(columns.type, list):
        heads = list(zip(metrics, columns.type, repeat(b"", count), strict=True))
    if refusals:
        heads = [None if refused else head for head, refused in zip(heads, refusals.marks, strict=True)]
    return Sent(
        heads,
        None if isinstance(columns.type, list) else columns.type,
        _full(columns.value, count),
        _full(columns.timestamp, count),
        refusals,
        ColumnStampTexts(body),
        tags_field="metric",
    )


def _full(column: Any, count: int) -> Sequence[Any]:
    return column if isinstance(column, list) else [column] * count
