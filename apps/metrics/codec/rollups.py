"""Rollup rows: what is known of the points of one metric in one bucket.

A row is a function of the set of its points, bit for bit, so rows added in any order equal recomputed ones.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

import numpy as np

from apps.metrics.codec.arrays import Float64s, Int64s, sizes_of
from apps.metrics.codec.exact_sum import grouped_sum_parts
from apps.metrics.codec.sketch import encode_sketches, merge_grouped_sketches

SECOND_US: Final = 1_000_000

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class RollupColumns:
    """Rows by (number, start), one entry per row in every column.

    `starts`, `first_ats` and `last_ats` are microseconds since 1970; first and last go by (time, value).
    `sum_parts` are those of `exact_sum`, `sketches` those of `sketch`.
    """

    numbers: Int64s
    starts: Int64s
    counts: Int64s
    sum_parts: list[tuple[float, ...]]
    minima: Float64s
    maxima: Float64s
    firsts: Float64s
    lasts: Float64s
    first_ats: Int64s
    last_ats: Int64s
    sketches: list[bytes]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, places: Int64s) -> "RollupColumns":
        """Return the rows at these places, in this order."""
        listed = places.tolist()
        return RollupColumns(
            numbers=self.numbers[places],
            starts=self.starts[places],
            counts=self.counts[places],
            sum_parts=[self.sum_parts[place] for place in listed],
            minima=self.minima[places],
            maxima=self.maxima[places],
            firsts=self.firsts[places],
            lasts=self.lasts[places],
            first_ats=self.first_ats[places],
            last_ats=self.last_ats[places],
            sketches=[self.sketches[place] for place in listed],
        )


def roll_up(numbers: Int64s, times: Int64s, values: Float64s, width_s: int) -> RollupColumns:
    """Return the rows of points that are sorted by (number, time, value); buckets are aligned to 1970."""
    width_us = width_s * SECOND_US
    buckets = times // width_us
    places = _first_places(numbers, buckets)
    last_places = places + sizes_of(places, len(times)) - 1
    return RollupColumns(
        numbers=numbers[places],
        starts=buckets[places] * width_us,
        counts=sizes_of(places, len(times)),
        sum_parts=grouped_sum_parts(values, places),
        minima=_least(values, places),
        maxima=_greatest(values, places),
        firsts=values[places],
        lasts=values[last_places],
        first_ats=times[places],
        last_ats=times[last_places],
        sketches=encode_sketches(values, places),
    )


def combine(left: RollupColumns, right: RollupColumns) -> RollupColumns:
    """Return the rows of both, those of the same number and start added exactly.

    Raises CorruptPayload if a sketch is not what was written.
    """
    return _merge(_concatenate(left, right))


def widen(rows: RollupColumns, width_s: int) -> RollupColumns:
    """Return rows added to buckets of a width that is a multiple of theirs.

    Equal to rolling up their points by that width. Raises CorruptPayload as `combine`.
    """
    width_us = width_s * SECOND_US
    return _merge(
        RollupColumns(
            numbers=rows.numbers,
            starts=rows.starts // width_us * width_us,
            counts=rows.counts,
            sum_parts=rows.sum_parts,
            minima=rows.minima,
            maxima=rows.maxima,
            firsts=rows.firsts,
            lasts=rows.lasts,
            first_ats=rows.first_ats,
            last_ats=rows.last_ats,
            sketches=rows.sketches,
        )
    )


def _merge(rows: RollupColumns) -> RollupColumns:
    """Return rows in order, those of the same number and start added."""
    rows = rows.take(np.lexsort((rows.firsts, rows.first_ats, rows.starts, rows.numbers)))
    places = _first_places(rows.numbers, rows.starts)
    sizes = sizes_of(places, len(rows))
    last_order = np.lexsort((rows.lasts, rows.last_ats, rows.starts, rows.numbers))
    last_places = last_order[places + sizes - 1]
    return RollupColumns(
        numbers=rows.numbers[places],
        starts=rows.starts[places],
        counts=np.add.reduceat(rows.counts, places) if len(places) else rows.counts,
        sum_parts=_merged_sums(rows.sum_parts, places),
        minima=_least(rows.minima, places),
        maxima=_greatest(rows.maxima, places),
        firsts=rows.firsts[places],
        lasts=rows.lasts[last_places],
        first_ats=rows.first_ats[places],
        last_ats=rows.last_ats[last_places],
        sketches=_merged_sketches(rows.sketches, places),
    )


def _merged_sums(parts: list[tuple[float, ...]], places: Int64s) -> list[tuple[float, ...]]:
    counts = np.fromiter(map(len, parts), dtype=np.int64, count=len(parts))
    ends = np.cumsum(counts)
    terms = np.fromiter(chain.from_iterable(parts), dtype=np.float64, count=int(counts.sum()))
    return grouped_sum_parts(terms, (ends - counts)[places])


def _merged_sketches(sketches: list[bytes], places: Int64s) -> list[bytes]:
    """Return one sketch per group; those that stand alone stay as they are."""
    sizes = sizes_of(places, len(sketches))
    merged = [sketches[place] for place in places.tolist()]
    several = np.flatnonzero(sizes > 1)
    members = np.flatnonzero(np.repeat(sizes > 1, sizes))
    starts = np.cumsum(sizes[several]) - sizes[several]
    together = merge_grouped_sketches([sketches[member] for member in members.tolist()], starts)
    for group, sketch in zip(several.tolist(), together, strict=True):
        merged[group] = sketch
    return merged


def _concatenate(left: RollupColumns, right: RollupColumns) -> RollupColumns:
    return RollupColumns(
        numbers=np.concatenate((left.numbers, right.numbers)),
        starts=np.concatenate((left.starts, right.starts)),
        counts=np.concatenate((left.counts, right.counts)),
        sum_parts=[*left.sum_parts, *right.sum_parts],
        minima=np.concatenate((left.minima, right.minima)),
        maxima=np.concatenate((left.maxima, right.maxima)),
        firsts=np.concatenate((left.firsts, right.firsts)),
        lasts=np.concatenate((left.lasts, right.lasts)),
        first_ats=np.concatenate((left.first_ats, right.first_ats)),
        last_ats=np.concatenate((left.last_ats, right.last_ats)),
        sketches=[*left.sketches, *right.sketches],
    )


def _first_places(numbers: Int64s, buckets: Int64s) -> Int64s:
    """Return where a number or a bucket differs from the one before."""
    changes = np.empty(len(numbers), dtype=np.bool_)
    changes[:1] = True
    np.not_equal(buckets[1:], buckets[:-1], out=changes[1:])
    changes[1:] |= numbers[1:] != numbers[:-1]
    return np.flatnonzero(changes)


def _least(values: Float64s, places: Int64s) -> Float64s:
    return np.minimum.reduceat(values, places) if len(places) else np.empty(0)


def _greatest(values: Float64s, places: Int64s) -> Float64s:
    return np.maximum.reduceat(values, places) if len(places) else np.empty(0)
