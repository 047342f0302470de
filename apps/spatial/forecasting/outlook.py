"""Looking ahead: what is expected of the next periods, cell by cell, with interval, baseline and rank."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from apps.datasets.queries import Bools, Floats, Int64s
from apps.spatial.forecasting.baselines import forecast_baselines, recent_mean
from apps.spatial.forecasting.calendar import following_starts
from apps.spatial.forecasting.features import features_at
from apps.spatial.forecasting.panel import Panel
from apps.spatial.forecasting.scoring import ranking
from apps.spatial.forecasting.spread import interval
from apps.spatial.forecasting.trees import Forest
from apps.spatial.states import Method


@dataclass(frozen=True, slots=True)
class Outlook:
    """One period ahead: columns by cell, in order of h3; rank 1 is the most expected."""

    start: date
    cells: Int64s
    expected: Floats
    lower: Floats
    upper: Floats
    baseline: Floats
    rank: Int64s

    def of_cells(self, kept: Bools) -> "Outlook":
        """Return the cells marked true, ranked among themselves."""
        order = np.empty(int(kept.sum()), np.int64)
        order[np.argsort(self.rank[kept], kind="stable")] = np.arange(1, order.size + 1)
        return Outlook(
            self.start,
            cells=self.cells[kept],
            expected=self.expected[kept],
            lower=self.lower[kept],
            upper=self.upper[kept],
            baseline=self.baseline[kept],
            rank=order,
        )


def look_ahead(
    past: Panel,
    origin: date,
    horizon: int,
    forest: Forest,
    *,
    method: Method,
    baseline: Method,
    dispersions: Mapping[str, float],
) -> list[Outlook]:
    """Return the outlook for `horizon` periods from `origin` on.

    What is expected of a period counts as what was in it when the next one is looked at.
    """
    own, plain = past, past
    found = []
    for start in following_starts(origin, past.period, horizon):
        expected = _expect(own, start, forest, method)
        simple = expected if method is baseline else _expect(plain, start, forest, baseline)
        lower, upper = interval(expected, dispersions.get(str(method), 0.0))
        order = ranking(expected, recent_mean(past.counts, past.period), past.cells)
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(1, order.size + 1)
        found.append(Outlook(start, past.cells, expected, lower, upper, simple, rank))
        own, plain = own.extended(start, expected), plain.extended(start, simple)
    return found


def _expect(past: Panel, start: date, forest: Forest, method: Method) -> Floats:
    """Return what a method expects; where it needs a longer history than there is, the mean's."""
    if method is Method.BOOSTING:
        return forest.predict(features_at(past, start))
    found = forecast_baselines(past.counts, past.period)
    return found.get(method, found[Method.MEAN])
