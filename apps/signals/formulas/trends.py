"""How values move over the periods of a timeline: slope, acceleration, change from start to end."""

from typing import Final

import numpy as np

from apps.signals.formulas.arrays import Floats, present_count, present_mean, ratio

MIN_OBSERVED: Final = 6
HALF: Final = 6
ENDS: Final = 2


def slope(values: Floats, min_observed: int = MIN_OBSERVED) -> Floats:
    """Return the least-squares slope per period of each row (entities, periods), in units per period.

    Gaps are left out and keep their place; NaN below `min_observed` values.
    """
    there = ~np.isnan(values)
    index = np.where(there, np.arange(values.shape[1], dtype=np.float64), np.nan)
    off_x = np.where(there, index - present_mean(index, 1)[:, None], 0.0)
    off_y = np.where(there, values - present_mean(values, 1)[:, None], 0.0)
    found = ratio((off_x * off_y).sum(axis=1), (off_x * off_x).sum(axis=1))
    return np.where(there.sum(axis=1) < min_observed, np.nan, found)


def acceleration(values: Floats) -> Floats:
    """Return slope of the last six periods - slope of the six before, per row; NaN unless all are there."""
    last = values[:, -2 * HALF :]
    if last.shape[1] < 2 * HALF:
        return np.full(len(values), np.nan)
    complete = present_count(last, 1) == 2 * HALF
    return np.where(complete, slope(last[:, HALF:], 2) - slope(last[:, :HALF], 2), np.nan)


def end_start_delta(values: Floats) -> Floats:
    """Return mean of the last two - mean of the first two values of each row; NaN below two values."""
    place = np.cumsum(~np.isnan(values), axis=1)
    count = place[:, -1:] if values.shape[1] else np.zeros((len(values), 1))
    there = ~np.isnan(values)
    first = np.where(there & (place <= ENDS), values, np.nan)
    last = np.where(there & (place > count - ENDS), values, np.nan)
    return np.where(count[:, 0] < ENDS, np.nan, present_mean(last, 1) - present_mean(first, 1))


def trend_direction(slope_value: float | None) -> str | None:
    """Return increasing above 0, else decreasing; None without a slope."""
    if slope_value is None:
        return None
    return "increasing" if slope_value > 0 else "decreasing"


def momentum(acceleration_value: float | None) -> str | None:
    """Return gaining above 0, else slowing; None without an acceleration."""
    if acceleration_value is None:
        return None
    return "gaining" if acceleration_value > 0 else "slowing"
