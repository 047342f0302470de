"""From what a parser has read to the columns of a batch."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np

from apps.metrics.errors import TypeConflict
from apps.metrics.metric_types import MetricType
from apps.metrics.points.batch import Indexes, Instants, Parsed, PointBatch, Values
from apps.metrics.points.refusals import Refusals

Item = TypeVar("Item", bound=Hashable)


class Numbering(dict[Item, int], Generic[Item]):
    """Numbers items as they are asked for: 0, 1, 2, equal ones alike."""

    def __missing__(self, item: Item) -> int:
        """Give the next number to an item that has none."""
        number = self[item] = len(self)
        return number

    def of(self, items: Iterable[Item], count: int) -> Indexes:
        """Return the numbers of `count` items."""
        return np.fromiter(map(self.__getitem__, items), np.int32, count)


class KeyTable:
    """The keys of a request and their types, in the order in which they are first used."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.types: list[MetricType | None] = []
        self._numbers: dict[str, int] = {}

    @classmethod
    def of_untyped(cls, keys: Sequence[str]) -> tuple["KeyTable", Indexes]:
        """Return the table of keys whose types the request does not say, and the number of each of them."""
        table = cls()
        table.keys = list(dict.fromkeys(keys))
        table.types = [None] * len(table.keys)
        table._numbers = dict(zip(table.keys, range(len(table.keys)), strict=True))
        if len(table.keys) == len(keys):
            return table, np.arange(len(keys), dtype=np.int32)
        return table, np.fromiter(map(table._numbers.__getitem__, keys), np.int32, len(keys))

    def add(self, key: str, metric_type: MetricType | None) -> int:
        """Return the key's number; raises TypeConflict if the request gave it another type before."""
        number = self._numbers.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
            self.types.append(metric_type)
        elif self.types[number] is None:
            self.types[number] = metric_type
        elif metric_type not in {None, self.types[number]}:
            raise TypeConflict("The same request gives the metric another type before.")
        return number


def assemble(
    table: KeyTable,
    key_index: Indexes,
    times: Instants,
    values: Values,
    refusals: Refusals,
    *,
    items: Indexes | None = None,
    item_count: int | None = None,
) -> Parsed:
    """Return the points whose item is not refused, and the refusals.

    `items` is the place of each point's item, None where points and items are the same. Points of refused
    items may have any content.
    """
    batch = PointBatch(table.keys, table.types, key_index, times, values, items)
    if refusals:
        marks = refusals.marks if items is None else refusals.marks[items]
        batch = batch.without(marks)
    return Parsed(batch, refusals.in_order(), len(refusals.marks) if item_count is None else item_count)
