"""Empty buckets: what stands in them, and where there are many in a row."""

from enum import StrEnum

import numpy as np

from apps.metrics.calendar.intervals import Instants
from apps.metrics.codec.arrays import Float64s, Int64s


class Fill(StrEnum):
    """What stands in a bucket without points."""

    NONE = "none"
    NULL = "null"
    ZERO = "zero"
    PREVIOUS = "previous"


def filled(fill: Fill, size: int, buckets: Int64s, values: Float64s) -> Float64s:
    """Return the values of all buckets, of which `buckets` (ascending) have some; NaN is null.

    With Fill.NONE only these are listed. Fill.PREVIOUS leaves the buckets before the first value null.
    """
    if fill is Fill.NONE:
        return values
    if fill is Fill.PREVIOUS:
        latest = np.searchsorted(buckets, np.arange(size), "right") - 1
        return np.concatenate((values, [np.nan]))[latest]
    spread = np.full(size, 0.0 if fill is Fill.ZERO else np.nan)
    spread[buckets] = values
    return spread


def gaps_of(edges: Instants, buckets: Int64s, first_point: int | None) -> Int64s:
    """Return the maximal runs of empty buckets after a metric's first point, as rows of start and end."""
    if first_point is None:
        return np.empty((0, 2), np.int64)
    size = len(edges) - 1
    is_empty = np.ones(size + 2, np.bool_)
    is_empty[buckets + 1] = False
    is_empty[1:-1] &= edges[:-1] > first_point
    is_empty[0] = is_empty[-1] = False
    changes = np.flatnonzero(np.diff(is_empty))
    return edges[changes.reshape(-1, 2)]
