"""The rolling origin: past periods forecast from nothing but what came before each of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from apps.datasets.queries import Floats
from apps.spatial.forecasting.baselines import forecast_baselines, recent_mean
from apps.spatial.forecasting.boosting import Hyperparameters, fit_forest
from apps.spatial.forecasting.features import LAGS, features_at
from apps.spatial.forecasting.panel import Panel
from apps.spatial.forecasting.scoring import Trial
from apps.spatial.forecasting.spread import least_expected
from apps.spatial.forecasting.trees import Forest
from apps.spatial.states import Method

# Is told how many of how many origins are done.
Watch = Callable[[int, int], None]
# (the periods before, the index of the one to forecast) -> what trees expect of it.
Expect = Callable[[Panel, int], Floats]


@dataclass(frozen=True, slots=True)
class Learner:
    """What fits trees to a panel; `features` are those of each period from the first learnable on.

    newest: what was fitted last, by the number of periods it was fitted to.
    """

    panel: Panel
    parameters: Hyperparameters
    seed: int
    features: Mapping[int, Floats]
    newest: dict[int, Forest] = field(default_factory=dict)

    @classmethod
    def of(cls, panel: Panel, parameters: Hyperparameters, seed: int) -> "Learner":
        """Compute the features once: those of a period depend on the periods before it alone."""
        periods = range(LAGS, len(panel.starts))
        features = {at: features_at(panel.before(at), panel.starts[at]) for at in periods}
        return cls(panel, parameters, seed, features)

    def fit(self, end: int) -> Forest:
        """Return trees fitted to the first `end` periods."""
        if end in self.newest:
            return self.newest[end]
        rows = [self.features[at] for at in range(LAGS, end)]
        counts = [self.panel.counts[:, at] for at in range(LAGS, end)]
        forest = fit_forest(np.concatenate(rows), np.concatenate(counts), self.parameters, self.seed)
        self.newest.clear()
        self.newest[end] = forest
        return forest

    def refitted(self, past: Panel, at: int) -> Floats:
        """Return what trees fitted to the periods before one expect of it."""
        return self.fit(at).predict(self.features[at])


def roll(panel: Panel, first: int, expect: Expect, watch: Watch) -> Trial:
    """Return what each method expected of the periods from index `first` on, and what came.

    A baseline that the history before the first origin does not allow is left out everywhere.
    """
    columns: dict[Method, list[Floats]] = {}
    ties: list[Floats] = []
    origins = range(first, len(panel.starts))
    for done, at in enumerate(origins, 1):
        past = panel.before(at)
        found = {Method.BOOSTING: expect(past, at), **forecast_baselines(past.counts, panel.period)}
        for method in found if done == 1 else columns:
            columns.setdefault(method, []).append(found[method])
        ties.append(recent_mean(past.counts, panel.period))
        watch(done, len(origins))
    return Trial(
        starts=tuple(start.isoformat() for start in panel.starts[first:]),
        cells=panel.cells,
        observed=panel.counts[:, first:],
        total=panel.total[first:],
        tie=np.column_stack(ties),
        expected={method: np.column_stack(values) for method, values in columns.items()},
        floor=least_expected(first),
    )
