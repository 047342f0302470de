"""Bins of sketches: bin k holds magnitudes over B(k-1) up to B(k), B(k) the double nearest to (101/99)^k.

A bin number orders all bins by value: k + BIAS for positive values, its negative for negative ones, 0 for
what is nearer to zero than 1e-290. A value's bin is found by comparing it with these bounds alone, so it is
the same on every machine; logarithms differ in their last bits.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from apps.metrics.codec.arrays import Float64s, Int64s, sizes_of, starts_of

SMALLEST: Final = 1e-290
LARGEST: Final = 1e290
# (101/99)^33,400 is over 1e290, so k of values lies well inside this.
HIGHEST_K: Final = 33_400
BIAS: Final = HIGHEST_K + 1
_PRECISION_BITS: Final = 320
# Cells of 1/64 of their lower end are narrower than a bin, so at most one bound lies in each.
_CELL_SHIFT: Final = 52 - 6


@dataclass(frozen=True, slots=True)
class BinCounts:
    """How many points each bin of several groups has: by group, then bin; every group has at least one.

    `starts` says where each group begins in `bins` (distinct inside a group, ascending) and `counts`.
    """

    bins: Int64s
    counts: Int64s
    starts: Int64s


@dataclass(frozen=True, slots=True)
class _Tables:
    """The bounds B(-HIGHEST_K..HIGHEST_K); the lowest bin of each cell of doubles, and its upper bound."""

    bounds: Float64s
    first_cell: int
    cell_bins: Int64s
    cell_bounds: Float64s


def bin_numbers(values: Float64s) -> Int64s:
    """Return the bin number of each value; it never falls where the value rises.

    Raises ValueError for what is not finite, or over 1e290 in magnitude.
    """
    if not len(values):
        return np.empty(0, dtype=np.int64)
    tables = _tables()
    magnitudes = np.abs(values)
    cells = (magnitudes.view(np.int64) >> _CELL_SHIFT) - tables.first_cell
    if cells.max() >= len(tables.cell_bins):
        raise ValueError("a value is not finite, or its magnitude is over 1e290")
    # Cells of what is nearer to zero lie before the first.
    tiny = magnitudes < SMALLEST
    np.maximum(cells, 0, out=cells)
    numbers: Int64s = tables.cell_bins[cells] + (magnitudes > tables.cell_bounds[cells])
    np.negative(numbers, out=numbers, where=values < 0)
    numbers[tiny] = 0
    return numbers


def bin_values(numbers: Int64s) -> Float64s:
    """Return how each bin reads: 0.99 B(k), within 1 % of all that it holds; bin 0 reads as 0.0."""
    magnitudes = 0.99 * _tables().bounds[np.abs(numbers) - 1]
    return np.where(numbers == 0, 0.0, np.copysign(magnitudes, numbers))


def count_bins(bins: Int64s, starts: Int64s, weights: Int64s | None = None) -> BinCounts:
    """Return the counts of the bins in each group, groups being bins[starts[i]:starts[i + 1]], none empty.

    Each entry counts as one, or as its weight.
    """
    if not len(starts):
        return BinCounts(bins, bins, starts)
    lows, highs = np.minimum.reduceat(bins, starts), np.maximum.reduceat(bins, starts)
    most_slots = 4 * len(bins) + 65_536
    if int((highs - lows).sum()) + len(starts) <= most_slots:
        return _count_in_table(bins, starts, weights, lows, highs)
    # Values far apart, or on both sides of zero: few of the bins between them are in use anywhere.
    used, ranks = _ranks(bins)
    lows, highs = np.minimum.reduceat(ranks, starts), np.maximum.reduceat(ranks, starts)
    if int((highs - lows).sum()) + len(starts) <= most_slots:
        counted = _count_in_table(ranks, starts, weights, lows, highs)
    else:
        counted = _count_by_sorting(ranks, starts, weights)
    return BinCounts(used[counted.bins], counted.counts, counted.starts)


def _count_in_table(
    bins: Int64s, starts: Int64s, weights: Int64s | None, lows: Int64s, highs: Int64s
) -> BinCounts:
    """Count in one table with a slot for each bin from the lowest to the highest of each group."""
    spans = highs - lows + 1
    first_slots = starts_of(spans)
    slots = bins + np.repeat(first_slots - lows, sizes_of(starts, len(bins)))
    # Sums of weights stay exact: they are counts of points, far under 2^53.
    table = np.bincount(slots, weights, minlength=int(spans.sum()))
    used = np.flatnonzero(table)
    first_used = np.searchsorted(used, first_slots)
    shifts = np.repeat(first_slots - lows, sizes_of(first_used, len(used)))
    return BinCounts(used - shifts, table[used].astype(np.int64), first_used)


def _count_by_sorting(bins: Int64s, starts: Int64s, weights: Int64s | None) -> BinCounts:
    groups = np.repeat(np.arange(len(starts)), sizes_of(starts, len(bins)))
    keys = groups << 32 | bins
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = sizes_of(firsts, len(keys)) if weights is None else np.add.reduceat(weights[order], firsts)
    return BinCounts(
        keys[firsts] & 0xFFFFFFFF, counts, np.searchsorted(keys[firsts], np.arange(len(starts)) << 32)
    )


def _ranks(bins: Int64s) -> tuple[Int64s, Int64s]:
    """Return the bins that occur, ascending, and the place of each entry's bin among them."""
    lowest = bins.min()
    occurs = np.zeros(bins.max() - lowest + 1, dtype=np.bool_)
    occurs[bins - lowest] = True
    return np.flatnonzero(occurs) + lowest, (np.cumsum(occurs) - 1)[bins - lowest]


@cache
def _tables() -> _Tables:
    bounds = np.array([*[*_powers(99, 101)][:0:-1], *_powers(101, 99)])
    first_cell, last_cell = (np.array([SMALLEST, LARGEST]).view(np.int64) >> _CELL_SHIFT).tolist()
    cell_starts = (np.arange(first_cell, last_cell + 1) << _CELL_SHIFT).view(np.float64)
    lowest = np.searchsorted(bounds, cell_starts)
    return _Tables(bounds, first_cell, lowest + 1, bounds[lowest])


def _powers(numerator: int, denominator: int) -> Iterator[float]:
    """Yield the doubles nearest to (numerator / denominator)^k for k = 0 to HIGHEST_K.

    Multiplied step by step with 320 bits: what the steps cut off adds up to less than 2^-300 of the power,
    too little to change the double. An integer is converted to the nearest double.
    """
    mantissa, exponent = 1 << _PRECISION_BITS, -_PRECISION_BITS
    for _ in range(HIGHEST_K + 1):
        yield math.ldexp(float(mantissa), exponent)
        mantissa = mantissa * numerator // denominator
        shift = _PRECISION_BITS + 1 - mantissa.bit_length()
        mantissa = mantissa << shift if shift > 0 else mantissa >> -shift
        exponent -= shift
