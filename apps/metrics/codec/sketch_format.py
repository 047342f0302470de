"""The bytes of sketches, written and read for many of them at once.

Version 1: the version byte, the count of zeros, then for positive and for negative values the number of bins,
the steps of k from 0 (zigzag) and the counts, all LEB128. The version is a LEB128 number, too, so a sketch is
a run of such words.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from apps.metrics.codec import leb128
from apps.metrics.codec.arrays import Int64s, Uint8s, Uint64s, places_in, sizes_of, starts_of
from apps.metrics.codec.bins import BIAS, HIGHEST_K, BinCounts
from apps.metrics.codec.errors import CorruptPayload

VERSION: Final = 1
# Version, zeros, number of positive bins, number of negative bins.
_FEWEST_WORDS: Final = 4
# Counts and their sums stay exact as doubles.
_LARGEST_WORD: Final = 1 << 53


def encode_bins(counted: BinCounts) -> list[bytes]:
    """Return the sketch of each group."""
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


def decode_bins(sketches: Sequence[bytes | memoryview]) -> BinCounts:
    """Return the bins of sketches, each a group; raises CorruptPayload if one is not what was written."""
    lengths = np.fromiter(map(len, sketches), dtype=np.int64, count=len(sketches))
    return decode_joined_bins(np.frombuffer(b"".join(sketches), dtype=np.uint8), lengths)


def decode_joined_bins(joined: Uint8s, lengths: Int64s) -> BinCounts:
    """Return the bins of sketches that are laid end to end; raises like `decode_bins`."""
    if not len(lengths):
        nothing = np.empty(0, dtype=np.int64)
        return BinCounts(nothing, nothing, nothing)
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
