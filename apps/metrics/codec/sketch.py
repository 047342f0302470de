"""Sketches: how many points lie in each bin, as bytes that say all percentiles within 1 %.

Version 1: the version byte, the count of zeros, then for positive and for negative values the number of bins,
the steps of k from 0 (zigzag) and the counts, all LEB128. Bins never collapse, so a sketch is a function of
the set of its points: merging gives the bytes that encoding all points at once gives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from apps.metrics.codec import leb128
from apps.metrics.codec.arrays import Float64s, Int64s, Uint8s, Uint64s, places_in, sizes_of, starts_of
from apps.metrics.codec.bins import BIAS, HIGHEST_K, BinCounts, bin_numbers, bin_values, count_bins
from apps.metrics.codec.errors import CorruptPayload

__all__ = [
    "Sketch",
    "SketchSum",
    "bin_numbers",
    "bin_values",
    "decode_sketch",
    "decode_sketches",
    "encode_sketches",
    "merge_grouped_sketches",
    "merge_sketches",
]

VERSION: Final = 1
# Version, zeros, number of positive bins, number of negative bins.
_FEWEST_WORDS: Final = 4
# Counts and their sums stay exact as doubles.
_LARGEST_WORD: Final = 1 << 53


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
        return _encode(self._counts())[0]

    def _counts(self) -> BinCounts:
        if self._settled is None:
            decoded, values = _decode(self._sketches), np.concatenate([np.empty(0), *self._values])
            bins = np.concatenate((decoded.bins, bin_numbers(values)))
            weights = np.concatenate((decoded.counts, np.ones(len(values), dtype=np.int64)))
            self._settled = count_bins(bins, np.zeros(min(len(bins), 1), dtype=np.int64), weights)
        return self._settled


def encode_sketches(values: Float64s, starts: Int64s) -> list[bytes]:
    """Return the sketch of each group; groups are values[starts[i]:starts[i + 1]], none empty."""
    return _encode(count_bins(bin_numbers(values), starts))


def decode_sketch(data: bytes | memoryview) -> Sketch:
    """Return a sketch's bins; raises CorruptPayload if it is not what was written."""
    decoded = _decode([data])
    return Sketch(decoded.bins, decoded.counts)


def decode_sketches(sketches: Sequence[bytes | memoryview]) -> BinCounts:
    """Return the bins of each of many sketches, a group each; raises CorruptPayload."""
    return _decode(sketches)


def merge_sketches(sketches: Sequence[bytes | memoryview]) -> bytes:
    """Return the sketch of the points of all these, at least one; raises CorruptPayload."""
    return merge_grouped_sketches(sketches, np.zeros(1, dtype=np.int64))[0]


def merge_grouped_sketches(sketches: Sequence[bytes | memoryview], starts: Int64s) -> list[bytes]:
    """Return the merged sketch of each group of sketches; groups as in `encode_sketches`.

    Raises CorruptPayload if one of them is not what was written.
    """
    decoded = _decode(sketches)
    return _encode(count_bins(decoded.bins, decoded.starts[starts], decoded.counts))


def _encode(counted: BinCounts) -> list[bytes]:
    """Return the sketches of groups, laid out as words of all of them at once."""
    owners = np.repeat(np.arange(len(counted.starts)), sizes_of(counted.starts, len(counted.bins)))
    positive, negative = counted.bins > 0, counted.bins < 0
    positives = np.bincount(owners[positive], minlength=len(counted.starts))
    negatives = np.bincount(owners[negative], minlength=len(counted.starts))
    word_counts = _FEWEST_WORDS + 2 * (positives + negatives)
    firsts = starts_of(word_counts)
    words = np.zeros(int(word_counts.sum()), dtype=np.int64)
    words[firsts] = VERSION
    zero = counted.bins == 0
    words[firsts[owners[zero]] + 1] = counted.counts[zero]
    words[firsts + 2] = positives
    words[firsts + 3 + 2 * positives] = negatives
    _lay_side(words, firsts + 3, positives, counted.bins[positive] - BIAS, counted.counts[positive])
    ascending = _reversed_in_groups(negatives)
    ks, counts = -counted.bins[negative][ascending] - BIAS, counted.counts[negative][ascending]
    _lay_side(words, firsts + 4 + 2 * positives, negatives, ks, counts)
    return _cut(words.view(np.uint64), firsts)


def _lay_side(words: Int64s, places: Int64s, sizes: Int64s, ks: Int64s, counts: Int64s) -> None:
    """Write the steps of k, then the counts, of one sign of each group; they begin at `places`."""
    steps = np.diff(ks, prepend=0)
    firsts = starts_of(sizes)[sizes > 0]
    steps[firsts] = ks[firsts]
    places = np.repeat(places - starts_of(sizes), sizes) + np.arange(len(ks))
    words[places] = leb128.zigzag(steps).view(np.int64)
    words[places + np.repeat(sizes, sizes)] = counts


def _cut(words: Uint64s, firsts: Int64s) -> list[bytes]:
    """Return the LEB128 of words, cut before each of `firsts`."""
    sizes = leb128.sizes_in_bytes(words)
    encoded = leb128.encode_sized(words, sizes)
    cuts = [*(np.cumsum(sizes) - sizes)[firsts].tolist(), len(encoded)]
    return [encoded[start:end] for start, end in pairwise(cuts)]


def _reversed_in_groups(sizes: Int64s) -> Int64s:
    """Return the places of entries of groups of these sizes, the last of each group first."""
    return np.repeat(starts_of(sizes) + sizes - 1, sizes) - places_in(sizes)


def _decode(sketches: Sequence[bytes | memoryview]) -> BinCounts:
    """Return the bins of each sketch."""
    if not sketches:
        nothing = np.empty(0, dtype=np.int64)
        return BinCounts(nothing, nothing, nothing)
    lengths = np.fromiter(map(len, sketches), dtype=np.int64, count=len(sketches))
    joined = np.frombuffer(b"".join(sketches), dtype=np.uint8)
    if not lengths.all():
        raise CorruptPayload("a sketch is empty")
    unknown = set(joined[starts_of(lengths)].tolist()) - _READERS.keys()
    if unknown:
        raise CorruptPayload(f"version {min(unknown)} of a sketch is unknown; this release reads {VERSION}")
    # With a second version a call is split by version here.
    return _READERS[VERSION](joined, lengths)


def _decode_1(joined: Uint8s, lengths: Int64s) -> BinCounts:
    unsigned, ends = leb128.decode_with_ends(joined)
    last_words = np.searchsorted(ends, np.cumsum(lengths) - 1)
    if (ends[last_words] != np.cumsum(lengths) - 1).any():
        raise CorruptPayload("the last number of a sketch is cut off")
    if unsigned.max() > _LARGEST_WORD:
        raise CorruptPayload("a sketch has a number of more than 53 bits")
    words = unsigned.view(np.int64)
    word_counts = np.diff(last_words, prepend=-1)
    firsts = starts_of(word_counts)
    positives, negatives = _bin_counts(words, firsts, word_counts)
    zeros = words[firsts + 1]
    sizes = positives + negatives + (zeros > 0)
    if not sizes.all():
        raise CorruptPayload("a sketch has no points")
    starts = starts_of(sizes)
    bins, counts = np.zeros(int(sizes.sum()), dtype=np.int64), np.empty(int(sizes.sum()), dtype=np.int64)
    counts[(starts + negatives)[zeros > 0]] = zeros[zeros > 0]
    places = np.repeat(starts + sizes - positives, positives) + places_in(positives)
    bins[places], counts[places] = _read_side(words, firsts + 3, positives)
    places = np.repeat(starts + negatives - 1, negatives) - places_in(negatives)
    magnitudes, counts[places] = _read_side(words, firsts + 4 + 2 * positives, negatives)
    bins[places] = -magnitudes
    return BinCounts(bins, counts, starts)


_READERS: Final[Mapping[int, Callable[[Uint8s, Int64s], BinCounts]]] = {1: _decode_1}


def _bin_counts(words: Int64s, firsts: Int64s, word_counts: Int64s) -> tuple[Int64s, Int64s]:
    """Return how many positive and how many negative bins each sketch has."""
    if word_counts.min() < _FEWEST_WORDS:
        raise CorruptPayload("a sketch is shorter than its header")
    positives = words[firsts + 2]
    if (2 * positives + _FEWEST_WORDS > word_counts).any():
        raise CorruptPayload("a sketch claims more positive bins than it has")
    negatives = words[firsts + 3 + 2 * positives]
    if (2 * (positives + negatives) + _FEWEST_WORDS != word_counts).any():
        raise CorruptPayload("the numbers of bins of a sketch do not add up to its length")
    return positives, negatives


def _read_side(words: Int64s, places: Int64s, sizes: Int64s) -> tuple[Int64s, Int64s]:
    """Return bin numbers, without sign, and counts of one sign of each sketch."""
    inside = places_in(sizes)
    at = np.repeat(places, sizes) + inside
    steps, counts = leb128.unzigzag(words[at].view(np.uint64)), words[at + np.repeat(sizes, sizes)]
    if (np.abs(steps) > 2 * HIGHEST_K).any() or (steps[inside > 0] <= 0).any():
        raise CorruptPayload("the bins of a sketch do not ascend, or exceed their range")
    if not counts.all():
        raise CorruptPayload("a bin of a sketch has no points")
    sums = np.cumsum(steps)
    firsts = starts_of(sizes)[sizes > 0]
    numbers = sums - np.repeat((sums - steps)[firsts], sizes[sizes > 0]) + BIAS
    if len(numbers) and (numbers.min() < 1 or numbers.max() > HIGHEST_K + BIAS):
        raise CorruptPayload("the bins of a sketch exceed their range")
    return numbers, counts
