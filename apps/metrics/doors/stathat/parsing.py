"""Requests of the sending calls: parameters to points and refusals. Pure."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np

from apps.common.errors import DomainError, Malformed
from apps.metrics.doors.stathat.items import Item, read_item, stat_names
from apps.metrics.doors.stathat.parameters import Parameters
from apps.metrics.errors import BatchSize, InvalidName, InvalidValue, TimestampOutOfRange, TypeConflict
from apps.metrics.points.assembly import KeyTable, assemble
from apps.metrics.points.batch import Parsed
from apps.metrics.points.names import door_key
from apps.metrics.points.refusals import Refusals
from apps.metrics.points.timestamps import TextRefused, TimeWindow
from apps.metrics.points.values import COUNT_DEFAULT


class Call(StrEnum):
    """The sending calls: by name, and the classic ones by id."""

    EZ = "ez"
    COUNTER = "c"
    VALUE = "v"


@dataclass(frozen=True, slots=True)
class StatHatCall:
    """A parsed request.

    `metric_id` is the metric that a classic call names by its id: the batch's only key is then that id, to be
    replaced by the metric's own. `is_list` tells that the body was a list of items, of which good ones are
    stored though others are refused.
    """

    parsed: Parsed
    metric_id: str | None = field(default=None)
    is_list: bool = field(default=False)


_COUNTER_BY_CALL: Final = {Call.EZ: None, Call.COUNTER: True, Call.VALUE: False}


def parse_send(call: Call, parameters: Parameters, window: TimeWindow, *, max_points: int) -> StatHatCall:
    """Return the points of `/ez`, `/c` and `/v`; raises Malformed, BatchSize.

    A fault of an item is a refusal: of the only one (item 0) or of one of a list.
    """
    if call is not Call.EZ:
        return _classic(call, parameters, window)
    if parameters.document is None:
        reader = _ItemReader(1, window, max_points)
        reader.read(0, parameters.named, default=None)
        return StatHatCall(reader.parsed())
    items = parameters.document.get("data")
    if not isinstance(items, list) or not items:
        raise Malformed("`data` is a list of stats.")
    if len(items) > max_points:
        raise BatchSize(f"A request has at most {max_points} stats, this one {len(items)}.")
    reader = _ItemReader(len(items), window, max_points)
    for number, item in enumerate(items):
        reader.read(number, item, default=COUNT_DEFAULT)
    return StatHatCall(reader.parsed(), is_list=True)


def _classic(call: Call, parameters: Parameters, window: TimeWindow) -> StatHatCall:
    fields: Mapping[str, Any] = {**parameters.named, **(parameters.document or {})}
    metric_id = fields.get("key")
    if not isinstance(metric_id, str) or not metric_id.strip():
        raise Malformed("`key` is missing: the id of the metric.")
    reader = _ItemReader(1, window, 1)
    reader.read_named(0, [metric_id.strip()], fields, counter=_COUNTER_BY_CALL[call], default=None)
    return StatHatCall(reader.parsed(), metric_id=metric_id.strip())


class _ItemReader:
    """Reads the items of one request."""

    def __init__(self, count: int, window: TimeWindow, max_points: int) -> None:
        self._window = window
        self._max_points = max_points
        self._refusals = Refusals(count)
        self._table = KeyTable()
        self._key_index, self._items = array("i"), array("i")
        self._times, self._values = array("q"), array("d")

    def read(self, number: int, fields: object, *, default: float | None) -> None:
        """Read one item of `/ez`, which names its metric by `stat`."""
        if not isinstance(fields, Mapping):
            self._refusals.add(number, "", "invalid", "A stat is an object.")
            return
        stat = fields.get("stat")
        if not isinstance(stat, str) or not stat.strip():
            self._refusals.add(number, "metric", InvalidName.code, "`stat` is missing: the metric's name.")
            return
        try:
            names = stat_names(stat)
            keys = [door_key(name, ()) for name in names]
        except (BatchSize, InvalidName) as error:
            self._refuse(number, "metric", error)
            return
        self.read_named(number, keys, fields, counter=None, default=default)

    def read_named(
        self,
        number: int,
        keys: Sequence[str],
        fields: Mapping[str, Any],
        *,
        counter: bool | None,
        default: float | None,
    ) -> None:
        """Read one item of metrics that are known by key or id."""
        try:
            item = read_item(fields, self._window, counter=counter, default=default)
            _check_time(item, self._window)
            indexes = [self._table.add(key, item.metric_type) for key in dict.fromkeys(keys)]
        except InvalidValue as error:
            self._refuse(number, "value", error)
        except (TextRefused, TimestampOutOfRange) as error:
            self._refuse(number, "timestamp", error)
        except TypeConflict as error:
            self._refuse(number, "type", error)
        else:
            self._keep(number, indexes, item)

    def parsed(self) -> Parsed:
        """Return the good points."""
        return assemble(
            self._table,
            np.array(self._key_index, dtype=np.int32),
            np.array(self._times, dtype=np.int64),
            np.array(self._values, dtype=np.float64),
            self._refusals,
            items=np.array(self._items, dtype=np.int32),
            item_count=len(self._refusals.marks),
        )

    def _refuse(self, number: int, field_name: str, error: DomainError) -> None:
        code = "invalid" if isinstance(error, TextRefused) else error.code
        self._refusals.add(number, field_name, code, error.detail)

    def _keep(self, number: int, indexes: Sequence[int], item: Item) -> None:
        if len(self._values) + len(indexes) > self._max_points:
            raise BatchSize(f"A request has at most {self._max_points} points.")
        for index in indexes:
            self._key_index.append(index)
            self._items.append(number)
            self._times.append(item.at_us)
            self._values.append(item.value)


def _check_time(item: Item, window: TimeWindow) -> None:
    if not window.first_us <= item.at_us <= window.last_us:
        raise TimestampOutOfRange(window.explain(item.seconds))
