"""The points of a body as they were sent, by column, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from apps.metrics.doors.documents import read_document
from apps.metrics.doors.native.fields import REQUIRED, fault_of
from apps.metrics.errors import InvalidName, InvalidTags, InvalidValue, TypeConflict
from apps.metrics.metric_types import MetricType
from apps.metrics.points.assembly import KeyTable, Numbering, assemble
from apps.metrics.points.batch import Indexes, Parsed, Values
from apps.metrics.points.names import parse_key
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.timestamps import ExactText, Stamp, TimeWindow, read_stamps
from apps.metrics.points.values import COUNT_DEFAULT, counter_faults, value_faults, without_minus_zero

TypeName = Literal["counter", "value"]
# What tells the series of a body apart before their keys are made: metric, type, tags as they were sent.
# Where all points have one type and no tags it is the metric alone, which saves a tuple a point.
Head = tuple[str, TypeName | None, bytes]
Heads = Sequence[Head | str | None]

TYPES: Final[dict[str | None, MetricType | None]] = {None: None} | {kind.value: kind for kind in MetricType}
# Tags stand in an item in a list in an object.
TAGS_DEPTH: Final = 4
VALUE_FAULT: Final = "A value is a finite number of at most 1e290."
COUNTER_FAULT: Final = "An amount of a counter is a whole number of 1 to 2^53 - 1."

_tags: Final = msgspec.json.Decoder(dict[str, str] | None)


@dataclass(frozen=True, slots=True)
class Sent:
    """The points of a body, by column, with the refusals of those that are no points at all.

    A refused item has None as its head, and anything in its other columns. `common_type` is the type of heads
    that are only a metric. `tags_field` is where the tags stand. `exact_text` gives the digits of an item's
    timestamp.
    """

    heads: Heads
    common_type: TypeName | None
    values: Sequence[float | UnsetType]
    stamps: Sequence[Stamp]
    refusals: Refusals
    exact_text: ExactText
    tags_field: str = "tags"


def parse_sent(sent: Sent, window: TimeWindow) -> Parsed:
    """Judge names, values and times, and return what can be stored."""
    table = KeyTable()
    key_index = _key_index(sent, table)
    values = _values_of(sent, _is_counter(table, key_index))
    times = read_stamps(sent.stamps, window, sent.refusals, sent.exact_text)
    return assemble(table, key_index, times, values, sent.refusals)


def _key_index(sent: Sent, table: KeyTable) -> Indexes:
    """Return the numbers of the items' keys, -1 for refused ones; each head is looked at once."""
    numbering: Numbering[Head | str | None] = Numbering()
    head_index = numbering.of(sent.heads, len(sent.heads))
    keys = np.full(len(numbering), -1, dtype=np.int32)
    faults: dict[int, tuple[str, str, str]] = {}
    for head, number in numbering.items():
        if head is None:
            continue
        metric, metric_type, tags = (head, sent.common_type, b"") if isinstance(head, str) else head
        try:
            keys[number] = table.add(parse_key(metric, _tags_of(tags)), TYPES[metric_type])
        except InvalidName as error:
            faults[number] = ("metric", error.code, error.detail)
        except InvalidTags as error:
            faults[number] = (sent.tags_field, error.code, error.detail)
        except TypeConflict as error:
            faults[number] = ("type", error.code, error.detail)
    if faults:
        for item, number in enumerate(head_index.tolist()):
            if number in faults:
                sent.refusals.add(item, *faults[number])
    return keys[head_index]


def _tags_of(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Return the tags of one head; raises InvalidTags, and Malformed for what is no JSON."""
    if not raw:
        return ()
    try:
        tags = _tags.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        tags = read_document(raw, TAGS_DEPTH)
        fault = fault_of("tags", tags)
        if fault:
            raise InvalidTags(fault.detail) from None
    return tuple(tags.items()) if tags else ()


def _is_counter(table: KeyTable, key_index: Indexes) -> npt.NDArray[np.bool_]:
    """Mark the items whose metric this request calls a counter."""
    if MetricType.COUNTER not in table.types:
        return np.zeros(len(key_index), dtype=np.bool_)
    counters = np.array([kind is MetricType.COUNTER for kind in table.types])
    return counters[key_index] & (key_index >= 0)


def _values_of(sent: Sent, is_counter: npt.NDArray[np.bool_]) -> Values:
    try:
        values = np.array(sent.values, dtype=np.float64)
    except TypeError:
        values = _with_defaults(sent, is_counter)
    sent.refusals.add_marked(value_faults(values), "value", InvalidValue.code, VALUE_FAULT)
    if is_counter.any():
        wrong = is_counter & counter_faults(values) & ~value_faults(values)
        sent.refusals.add_marked(wrong, "value", InvalidValue.code, COUNTER_FAULT)
    return without_minus_zero(values)


def _with_defaults(sent: Sent, is_counter: npt.NDArray[np.bool_]) -> Values:
    """Return the values, 1 where a counter's is missing; refuses readings without one."""
    missing = np.array([value is UNSET for value in sent.values])
    wrong = missing & ~is_counter & ~sent.refusals.marks
    sent.refusals.add_marked(wrong, "value", REQUIRED, "The value is missing; only a counter's is 1 then.")
    known: list[Any] = [COUNT_DEFAULT if value is UNSET else value for value in sent.values]
    return np.array(known, dtype=np.float64)
