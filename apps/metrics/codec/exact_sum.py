"""Exact sums of doubles, group by group, whatever the order of their terms.

A sum is kept as parts: the exact sum rounded to a double (half to even), then the rounded rest, and so on
until nothing is left. So sums of the same exact value have the same parts, and parts can be added again.

Method (Rump, Ogita, Oishi: Accurate floating-point summation, 2008): adding and taking away a large constant
splits each term of a group exactly into a multiple of one unit, small enough that such multiples add without
rounding, and a rest, which is split again. Bits decide only how many rounds that takes.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from apps.metrics.codec.arrays import Float64s, Int64s, sizes_of, starts_of

# Values worked on at once. Groups do not know of each other, so their sums are the same in any blocks.
BLOCK: Final = 1 << 15


def grouped_sum_parts(values: Float64s, starts: Int64s) -> list[tuple[float, ...]]:
    """Return the parts of each group's exact sum, the largest first.

    Groups are values[starts[i]:starts[i + 1]], none empty. No part is 0.0, but a sum of zero is (0.0,). The
    magnitudes of a group must add up to less than 1e300.
    """
    return list(chain.from_iterable(map(_sum_parts, *_blocks(values, starts))))


def grouped_sums(values: Float64s, starts: Int64s) -> Float64s:
    """Return each group's exact sum, rounded once; groups as in `grouped_sum_parts`."""
    return np.concatenate([np.empty(0), *map(_sums, *_blocks(values, starts))])


def _blocks(values: Float64s, starts: Int64s) -> tuple[list[Float64s], list[Int64s]]:
    """Return blocks of whole groups that stay in the processor's cache: their values, and their starts."""
    if len(values) <= BLOCK:
        return ([values], [starts]) if len(starts) else ([], [])
    first_groups = np.unique(np.searchsorted(starts, np.arange(BLOCK, len(values), BLOCK)))
    parts = np.split(starts, first_groups[first_groups < len(starts)])
    firsts = [int(part[0]) for part in parts]
    return np.split(values, firsts[1:]), [part - part[0] for part in parts]


def _sum_parts(values: Float64s, starts: Int64s) -> list[tuple[float, ...]]:
    levels = list(_levels(values, starts))
    heads, rests = _two_largest(levels)
    parts: list[tuple[float, ...]] = list(zip(heads.tolist(), strict=True))
    uneven = np.flatnonzero(rests)
    for group, head, rest in zip(
        uneven.tolist(), heads[uneven].tolist(), rests[uneven].tolist(), strict=True
    ):
        parts[group] = (head, rest)
    for group, terms in _deep_terms(levels).items():
        parts[group] = merge_sum_parts([*parts[group], *terms])
    return parts


def _sums(values: Float64s, starts: Int64s) -> Float64s:
    levels = list(_levels(values, starts))
    heads, rests = _two_largest(levels)
    for group, terms in _deep_terms(levels).items():
        heads[group] = math.fsum([heads[group], rests[group], *terms])
    return heads


def merge_sum_parts(parts: Sequence[float]) -> tuple[float, ...]:
    """Return the parts of the exact sum of these doubles, such as the parts of several sums end to end."""
    terms = list(parts)
    merged: list[float] = []
    # fsum is exact and rounds once, half to even.
    while (rounded := math.fsum(terms)) != 0:
        merged.append(rounded)
        terms.append(-rounded)
    return tuple(merged) or (0.0,)


def _levels(values: Float64s, starts: Int64s) -> Iterator[tuple[Int64s, Float64s]]:
    """Yield (groups, sums): sums of one level of bits, exact as doubles; all levels add up to the sum."""
    groups, sizes = np.arange(len(starts)), sizes_of(starts, len(values))
    while True:
        highs = _high_bits(values, starts, sizes)
        yield groups, np.add.reduceat(highs, starts) + 0.0
        rests = values - highs
        kept = rests != 0
        if not kept.any():
            return
        sizes = np.add.reduceat(kept, starts, dtype=np.int64)
        alive = sizes > 0
        values, groups, sizes = rests[kept], groups[alive], sizes[alive]
        starts = starts_of(sizes)


def _high_bits(values: Float64s, starts: Int64s, sizes: Int64s) -> Float64s:
    """Return each value rounded to a unit of its group in which all of the group add exactly, in any order.

    With |x| <= 2^e and at most 2^k terms the constant is 1.5 * 2^(e + k - 1), its unit 2^(e + k - 53): no
    partial sum is over 2^53 units.
    """
    tops = np.frexp(np.maximum.reduceat(np.abs(values), starts))[1]
    # At least one more than e, so that adding a term does not leave the constant's binade.
    spare = np.maximum(np.frexp(sizes.astype(np.float64))[1] - 1, 1)
    # Of subnormals, which are multiples of one unit anyway, the constant may be subnormal or 0.0.
    constants = np.ldexp(1.5, tops + spare)
    spread = constants if len(starts) == 1 else np.repeat(constants, sizes)
    highs: Float64s = (spread + values) - spread
    return highs


def _two_largest(levels: list[tuple[Int64s, Float64s]]) -> tuple[Float64s, Float64s]:
    """Return the sum of every group's first two levels, rounded, and the rest (Knuth's exact two-sum)."""
    first = levels[0][1]
    second = np.zeros(len(first))
    if len(levels) > 1:
        second[levels[1][0]] = levels[1][1]
    heads = first + second
    shares = heads - first
    return heads, (first - (heads - shares)) + (second - shares)


def _deep_terms(levels: list[tuple[Int64s, Float64s]]) -> dict[int, list[float]]:
    """Return the sums of the third level and deeper, by group: few groups have any."""
    terms: dict[int, list[float]] = {}
    for groups, sums in levels[2:]:
        for group, term in zip(groups.tolist(), sums.tolist(), strict=True):
            terms.setdefault(group, []).append(term)
    return terms
