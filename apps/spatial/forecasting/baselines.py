"""The four forecasts that need no learning, and that a learned one must beat."""

from typing import Final

import numpy as np

from apps.datasets.queries import Floats
from apps.spatial.forecasting.calendar import MEAN_PERIODS, YEAR_PERIODS
from apps.spatial.states import Method, Period

DECAY: Final = 0.8
BASELINES: Final = (Method.MEAN, Method.DECAY, Method.LAST_YEAR, Method.LAST)


def recent_mean(before: Floats, period: Period) -> Floats:
    """Return each cell's mean of the last k periods, or of as many as there are. before: (cells, periods)."""
    return np.asarray(before[:, -MEAN_PERIODS[period] :].mean(axis=1))


def decayed_mean(before: Floats) -> Floats:
    """Return each cell's mean with weights 1, 0.8, 0.64 ... from the last period back."""
    weights = DECAY ** np.arange(before.shape[1] - 1, -1, -1.0)
    return np.asarray((before * weights).sum(axis=1) / weights.sum())


def last_year(before: Floats, period: Period) -> Floats | None:
    """Return each cell's count in the same period of last year; None when the data do not reach back."""
    lag = YEAR_PERIODS[period]
    return before[:, -lag] if before.shape[1] >= lag else None


def forecast_baselines(before: Floats, period: Period) -> dict[Method, Floats]:
    """Return the next period's forecast by each method that the history allows."""
    found = {
        Method.MEAN: recent_mean(before, period),
        Method.DECAY: decayed_mean(before),
        Method.LAST: before[:, -1],
    }
    seasonal = last_year(before, period)
    if seasonal is not None:
        found[Method.LAST_YEAR] = seasonal
    return found
