"""The points of one request, as every parser hands them on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.metrics.metric_types import MetricType

Instants = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.int32]

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item of a request is not stored.

    `item` is its place in the request, `field` what of it is wrong (`value`, `timestamp`, `metric`, `type`,
    `tags`), `code` an error code such as `metrics.invalid_value`.
    """

    item: int
    field: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PointBatch:
    """Points by column. `keys` are distinct canonical keys, `types` stand beside them.

    A type of None means that the request does not say: the metric's own holds. `key_index`, `times`
    (microseconds since 1970) and `values` have one entry per point, in the order of the request; `items` is
    the place of each point's item in the request, None where that is 0, 1, 2 and so on.
    """

    keys: Sequence[str]
    types: Sequence[MetricType | None]
    key_index: Indexes
    times: Instants
    values: Values
    items: Indexes | None = field(default=None)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def item_numbers(self) -> Indexes:
        """Return the place of each point's item in the request."""
        return np.arange(len(self.times), dtype=np.int32) if self.items is None else self.items

    def without(self, points: npt.NDArray[np.bool_]) -> "PointBatch":
        """Return the batch without the marked points; keys that lose all of theirs go, too."""
        kept = ~points
        used, key_index = np.unique(self.key_index[kept], return_inverse=True)
        return PointBatch(
            keys=[self.keys[number] for number in used],
            types=[self.types[number] for number in used],
            key_index=key_index.astype(np.int32),
            times=self.times[kept],
            values=self.values[kept],
            items=self.item_numbers[kept],
        )


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser makes of a body: the good points, and why the others are not.

    `item_count` is how many items the request had.
    """

    batch: PointBatch
    refusals: Sequence[Refusal]
    item_count: int

    def with_batch(self, batch: PointBatch) -> "Parsed":
        """Return the same with other points."""
        return Parsed(batch, self.refusals, self.item_count)
