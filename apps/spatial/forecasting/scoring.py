"""How good forecasts were: hits in the cells ranked first, deviance, error, coverage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from apps.datasets.queries import Floats, Int64s
from apps.spatial.forecasting.spread import MIN_EXPECTED, dispersion_of, interval, poisson_deviance
from apps.spatial.intervals import MIN_SAMPLE, t_quantiles
from apps.spatial.states import Method

# Of the cells, rounded up: name -> share.
SHARES: Final = {"1": 0.01, "5": 0.05, "10": 0.10}
DECIDING: Final = "5"
# Of the interval in which the mean gain over a baseline lies.
GAIN_LEVEL: Final = 0.95
FIGURES: Final = ("hit_rate", "pai", "pei")


@dataclass(frozen=True, slots=True)
class Trial:
    """What was expected of past periods and what came: (cells, periods) each.

    total: events of each period, those elsewhere included. tie: what breaks ties of the expected, before h3.
    floor: what every method expects of a cell at least, in the deviance.
    """

    starts: tuple[str, ...]
    cells: Int64s
    observed: Floats
    total: Floats
    tie: Floats
    expected: Mapping[Method, Floats]
    floor: float = MIN_EXPECTED


def ranking(expected: Floats, tie: Floats, cells: Int64s) -> Int64s:
    """Return the indexes of the cells, the most expected first; ties by `tie`, then by h3."""
    return np.lexsort((cells, -tie, -expected))


def top_number(cells: int, share: float) -> int:
    """Return how many cells a share of them is, rounded up; 1e-9 forgives the share's own rounding."""
    return math.ceil(cells * share - 1e-9)


def score(trial: Trial) -> dict[str, Any]:
    """Return the metrics as JSON: of each method the means over the periods with events, and each period's.

    No number is NaN: what is not defined is null.
    """
    methods = {str(method): _score_method(trial, method) for method in trial.expected}
    serving, is_better = choose_method(methods)
    return {
        "cells": int(trial.cells.size),
        "periods": list(trial.starts),
        "empty_periods": int((trial.total == 0).sum()),
        "events": int(trial.total.sum()),
        "floor": trial.floor,
        "methods": methods,
        "better": is_better,
        "serving_method": str(serving),
    }


def _score_method(trial: Trial, method: Method) -> dict[str, Any]:
    expected = trial.expected[method]
    dispersion = dispersion_of(trial.observed, expected)
    columns = [at for at in range(len(trial.starts)) if trial.total[at] > 0 and trial.cells.size]
    periods = [_score_period(trial, expected, dispersion, at) for at in columns]
    figures: dict[str, Any] = {
        name: {share: _mean([period[name][share] for period in periods]) for share in SHARES}
        for name in FIGURES
    }
    for name in ("deviance", "mae", "bias", "coverage"):
        figures[name] = _mean([period[name] for period in periods])
    return {**figures, "dispersion": dispersion, "by_period": periods}


def _score_period(trial: Trial, expected: Floats, dispersion: float, at: int) -> dict[str, Any]:
    observed, forecast = trial.observed[:, at], expected[:, at]
    total, number = float(trial.total[at]), trial.cells.size
    order = ranking(forecast, trial.tie[:, at], trial.cells)
    most = np.sort(observed)[::-1]
    found: dict[str, Any] = {"period": trial.starts[at], "events": int(total), "hits": {}}
    found |= {name: {} for name in FIGURES}
    for name, share in SHARES.items():
        top = top_number(number, share)
        hits, possible = float(observed[order[:top]].sum()), float(most[:top].sum())
        found["hits"][name] = int(hits)
        found["hit_rate"][name] = hits / total
        found["pai"][name] = hits / total / (top / number)
        found["pei"][name] = hits / possible if possible else None
    lower, upper = interval(forecast, dispersion)
    found["deviance"] = float(poisson_deviance(observed, forecast, trial.floor).mean())
    found["mae"] = float(np.abs(observed - forecast).mean())
    found["bias"] = float((forecast - observed).mean())
    found["coverage"] = float(((observed >= lower) & (observed <= upper)).mean())
    return found


def choose_method(methods: Mapping[str, dict[str, Any]]) -> tuple[Method, bool]:
    """Return what serves, and whether boosting is better than every baseline.

    Better: its mean PEI at 5 % is above each baseline's and its mean deviance below each's by more than
    chance. Else the baseline with the best PEI serves, among equals the one of less deviance.
    """
    baselines = {name: found for name, found in methods.items() if name != Method.BOOSTING}
    best = min(baselines, key=lambda name: _merit(baselines[name]))
    boosting = methods.get(Method.BOOSTING)
    if boosting is None or boosting["pei"][DECIDING] is None:
        return Method(best), False
    is_better = all(
        boosting["pei"][DECIDING] > (found["pei"][DECIDING] or 0.0)
        and is_surely_less(boosting["by_period"], found["by_period"])
        for found in baselines.values()
    )
    return (Method.BOOSTING if is_better else Method(best)), is_better


def is_surely_less(periods: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> bool:
    """Tell whether the deviance is less than another method's by more than chance, paired by period.

    That is: the 95 % interval of the mean difference lies above 0. Where nothing can be learned from the past
    the best of several means wins as often as not, and its deviance is less by a hair; a real gain shows in
    every period.
    """
    pairs = zip(periods, others, strict=True)
    gains = np.array([other["deviance"] - period["deviance"] for period, other in pairs], np.float64)
    if gains.size < MIN_SAMPLE:
        return False
    quantile = float(t_quantiles(np.array([gains.size - 1]), GAIN_LEVEL)[0])
    return bool(gains.mean() > quantile * gains.std(ddof=1) / math.sqrt(gains.size))


def best_baseline(methods: Mapping[str, dict[str, Any]]) -> Method:
    """Return the baseline with the best PEI at 5 %, among equals the one of less deviance."""
    return choose_method({name: found for name, found in methods.items() if name != Method.BOOSTING})[0]


def _merit(found: dict[str, Any]) -> tuple[float, float]:
    pei, deviance = found["pei"][DECIDING], found["deviance"]
    return (-pei if pei is not None else math.inf, deviance if deviance is not None else math.inf)


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of those that are defined; None without any."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None
