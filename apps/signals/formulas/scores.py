"""Where a value stands among its peers: z scores, robust z scores, percentile ranks."""

from typing import Final

import numpy as np

from apps.signals.formulas.arrays import Floats, median, population_std, present_count, present_mean

STD_FLOOR: Final = 0.01
TEMPORAL_STD_FLOOR: Final = 0.05
MAD_FLOOR: Final = 0.01
# Makes the median absolute deviation of a normal distribution its standard deviation.
MAD_SCALE: Final = 1.4826
MIN_PEERS: Final = 15
TEMPORAL_MIN_PEERS: Final = 10


def simple_z(values: Floats, floor: float) -> Floats:
    """Return (x - mean) / max(population std, floor) down axis 0, in standard deviations."""
    return np.asarray((values - present_mean(values)) / np.maximum(population_std(values), floor))


def scaled_mad(values: Floats) -> Floats:
    """Return 1.4826 x the median absolute deviation down axis 0, in the unit of the values."""
    return np.asarray(MAD_SCALE * median(np.abs(values - median(values))))


def robust_z(values: Floats, floor: float = MAD_FLOOR) -> Floats:
    """Return (x - median) / max(mad, floor) down axis 0."""
    return np.asarray((values - median(values)) / np.maximum(scaled_mad(values), floor))


def percentile_rank(values: Floats) -> Floats:
    """Return (count below + half of the ties including oneself) / n x 100 of a column; NaN stays NaN."""
    ordered = np.sort(values[~np.isnan(values)])
    if not len(ordered):
        return np.full(values.shape, np.nan)
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    ranks = (below + up_to) / 2.0 / len(ordered) * 100.0
    return np.where(np.isnan(values), np.nan, ranks)


def without_few(scores: Floats, values: Floats, min_peers: int) -> Floats:
    """Return the scores (shape of the values) with NaN where fewer than `min_peers` values are there."""
    return np.where(present_count(values) < min_peers, np.nan, scores)
