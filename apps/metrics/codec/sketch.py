"""Sketches: how many points lie in each bin, as bytes that tell every percentile within 1 %.

Bins never collapse, so a sketch is a function of the set of its points: merging sketches gives the bytes that
encoding all points at once gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.metrics.codec.arrays import Float64s, Int64s, sizes_of
from apps.metrics.codec.bins import BIAS, BinCounts, bin_numbers, bin_values, count_bins
from apps.metrics.codec.sketch_format import decode_bins, encode_bins

__all__ = [
    "Sketch",
    "SketchSum",
    "bin_numbers",
    "bin_values",
    "decode_sketch",
    "encode_sketches",
    "grouped_rank_values",
    "merge_grouped_sketches",
    "merge_sketches",
]


@dataclass(frozen=True, slots=True)
class Sketch:
    """One decoded sketch: bin numbers, ascending like their values, and how many points each bin has."""

    bins: Int64s
    counts: Int64s

    @property
    def zeros(self) -> int:
        """Return how many points are nearer to zero than 1e-290."""
        return int(self.counts[self.bins == 0].sum())

    @property
    def positives(self) -> tuple[Int64s, Int64s]:
        """Return k and counts of the bins of positive values, by k."""
        positive = self.bins > 0
        return self.bins[positive] - BIAS, self.counts[positive]

    @property
    def negatives(self) -> tuple[Int64s, Int64s]:
        """Return k and counts of the bins of negative values, by k."""
        negative = self.bins < 0
        return -self.bins[negative][::-1] - BIAS, self.counts[negative][::-1]


class SketchSum:
    """Points of one bucket, added as sketches and as values; answers by rank."""

    __slots__ = ("_settled", "_sketches", "_values")

    def __init__(self) -> None:
        self._sketches: list[bytes | memoryview] = []
        self._values: list[Float64s] = []
        self._settled: BinCounts | None = None

    def add_sketch(self, data: bytes | memoryview) -> None:
        """Add the points of a sketch; if it is corrupt, the next answer raises CorruptPayload."""
        self._sketches.append(data)
        self._settled = None

    def add_values(self, values: Float64s) -> None:
        """Add single points."""
        self._values.append(values)
        self._settled = None

    @property
    def point_count(self) -> int:
        """Return how many points were added."""
        return int(self._counts().counts.sum())

    def rank_value(self, rank: int, minimum: float, maximum: float) -> float:
        """Return the value of the point of this rank, from 0, within 1 % and inside [minimum, maximum].

        Raises ValueError if there is no such point.
        """
        counted = self._counts()
        reached = np.cumsum(counted.counts)
        if not len(reached) or not 0 <= rank < reached[-1]:
            raise ValueError(f"no point has rank {rank}")
        place = np.searchsorted(reached, rank, side="right")
        value = float(bin_values(counted.bins[place : place + 1])[0])
        return min(max(value, minimum), maximum)

    def encode(self) -> bytes:
        """Return the sketch of all points that were added."""
        return encode_bins(self._counts())[0]

    def _counts(self) -> BinCounts:
        if self._settled is None:
            values = np.concatenate([np.empty(0), *self._values])
            groups = np.zeros(len(self._sketches), dtype=np.int64), np.zeros(len(values), dtype=np.int64)
            self._settled = _counts_of_groups(
                self._sketches, groups[0], values, groups[1], int(bool(self._sketches or len(values)))
            )
        return self._settled


def encode_sketches(values: Float64s, starts: Int64s) -> list[bytes]:
    """Return the sketch of each group; groups are values[starts[i]:starts[i + 1]], none empty."""
    return encode_bins(count_bins(bin_numbers(values), starts))


def decode_sketch(data: bytes | memoryview) -> Sketch:
    """Return a sketch's bins; raises CorruptPayload if it is not what was written."""
    decoded = decode_bins([data])
    return Sketch(decoded.bins, decoded.counts)


def merge_sketches(sketches: Sequence[bytes | memoryview]) -> bytes:
    """Return the sketch of the points of all these, at least one; raises CorruptPayload."""
    return merge_grouped_sketches(sketches, np.zeros(1, dtype=np.int64))[0]


def merge_grouped_sketches(sketches: Sequence[bytes | memoryview], starts: Int64s) -> list[bytes]:
    """Return the merged sketch of each group of sketches; groups as in `encode_sketches`.

    Raises CorruptPayload if one of them is not what was written.
    """
    decoded = decode_bins(sketches)
    return encode_bins(count_bins(decoded.bins, decoded.starts[starts], decoded.counts))


def grouped_rank_values(
    *,
    sketches: Sequence[bytes | memoryview],
    sketch_groups: Int64s,
    values: Float64s,
    value_groups: Int64s,
    ranks: Int64s,
    minima: Float64s,
    maxima: Float64s,
) -> Float64s:
    """Return for each group the values of the points of its ranks: what `SketchSum` says, for many at once.

    `sketch_groups` and `value_groups` say to which group, from 0, each sketch and each single value belongs;
    every group has a point. `ranks` has a row per group, as has the answer. Raises CorruptPayload if a sketch
    is not what was written.
    """
    counted = _counts_of_groups(sketches, sketch_groups, values, value_groups, len(ranks))
    reached = np.cumsum(counted.counts)
    before = reached[counted.starts] - counted.counts[counted.starts]
    places = np.searchsorted(reached, before[:, None] + ranks, side="right")
    read: Float64s = np.clip(bin_values(counted.bins[places]), minima[:, None], maxima[:, None])
    return read


def _counts_of_groups(
    sketches: Sequence[bytes | memoryview],
    sketch_groups: Int64s,
    values: Float64s,
    value_groups: Int64s,
    group_count: int,
) -> BinCounts:
    decoded = decode_bins(sketches)
    owners = np.concatenate(
        (np.repeat(sketch_groups, sizes_of(decoded.starts, len(decoded.bins))), value_groups)
    )
    bins = np.concatenate((decoded.bins, bin_numbers(values)))
    weights = np.concatenate((decoded.counts, np.ones(len(values), dtype=np.int64)))
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(group_count))
    return count_bins(bins[order], starts, weights[order])
