"""What boosting learns from: counts by place and calendar, never anything about a person."""

from datetime import date
from typing import Final

import numpy as np

from apps.datasets.queries import Floats
from apps.spatial.forecasting.baselines import decayed_mean, last_year, recent_mean
from apps.spatial.forecasting.calendar import calendar_phases
from apps.spatial.forecasting.panel import Panel
from apps.spatial.states import Period

LAGS: Final = 6
_NAMES: Final = (
    *(f"lag_{lag}" for lag in range(1, LAGS + 1)),
    *("mean", "decay", "last_year", "ring_lag", "ring_mean", "mean_so_far", "year_sine", "year_cosine"),
)


def feature_names(period: Period) -> tuple[str, ...]:
    """Return what the columns of `features_at` are called."""
    return (*_NAMES, "week_sine", "week_cosine") if period is Period.DAY else _NAMES


def features_at(past: Panel, start: date) -> Floats:
    """Return (cells, features) for the period that starts at `start`, from the periods of `past` alone.

    What the history does not reach back to is NaN. At least one period of history.
    """
    counts = past.counts
    cells, periods = counts.shape
    columns = [counts[:, -lag] if lag <= periods else np.full(cells, np.nan) for lag in range(1, LAGS + 1)]
    recent = recent_mean(counts, past.period)
    seasonal = last_year(counts, past.period)
    columns += [
        recent,
        decayed_mean(counts),
        np.full(cells, np.nan) if seasonal is None else seasonal,
        ring_mean(past, counts[:, -1]),
        ring_mean(past, recent),
        counts.mean(axis=1),
        *(np.full(cells, phase) for phase in calendar_phases(start, past.period)),
    ]
    return np.column_stack(columns)


def ring_mean(panel: Panel, values: Floats) -> Floats:
    """Return the mean over each cell's neighbours in the study; 0 for a cell without any."""
    padded = np.append(values, 0.0)
    number = (panel.neighbours < values.size).sum(axis=1)
    return np.asarray(padded[panel.neighbours].sum(axis=1) / np.maximum(number, 1))
