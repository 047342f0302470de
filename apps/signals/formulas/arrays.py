"""Columns with gaps: counts, means, medians and quantiles that leave NaN out and never warn."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


def present_count(values: Floats, axis: int = 0) -> Ints:
    """Return how many values along the axis are there."""
    return np.asarray(np.count_nonzero(~np.isnan(values), axis=axis), dtype=np.int64)


def present_mean(values: Floats, axis: int = 0) -> Floats:
    """Return the means along the axis; NaN where nothing is there."""
    count = present_count(values, axis)
    return ratio(np.nansum(values, axis=axis), count)


def population_std(values: Floats, axis: int = 0) -> Floats:
    """Return the population standard deviations along the axis; NaN where nothing is there."""
    centered = values - np.expand_dims(present_mean(values, axis), axis)
    return np.asarray(np.sqrt(present_mean(centered * centered, axis)), dtype=np.float64)


def quantile(values: Floats, share: float) -> Floats:
    """Return the quantile (share 0..1) along axis 0 by linear interpolation; NaN where nothing is there."""
    ordered = np.sort(values, axis=0)  # NaN last
    place = np.maximum(present_count(values) - 1, 0) * share
    low = np.floor(place).astype(np.int64)
    high = np.ceil(place).astype(np.int64)
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    at_low = np.take_along_axis(ordered, np.expand_dims(low, 0), axis=0)[0]
    at_high = np.take_along_axis(ordered, np.expand_dims(high, 0), axis=0)[0]
    return np.asarray(at_low + (at_high - at_low) * (place - low), dtype=np.float64)


def median(values: Floats) -> Floats:
    """Return the medians along axis 0; NaN where nothing is there."""
    return quantile(values, 0.5)


def ratio(above: Floats | Ints, below: Floats | Ints) -> Floats:
    """Return above / below; NaN where below is 0."""
    top, bottom = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    return np.asarray(np.divide(top, bottom, out=np.full(shape, np.nan), where=bottom != 0))
