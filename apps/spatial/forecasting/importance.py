"""What the trees rely on: how much worse they do once a feature's values are shuffled among the rows."""

from typing import Final

import numpy as np

from apps.datasets.queries import Floats
from apps.spatial.forecasting.spread import poisson_deviance
from apps.spatial.forecasting.trees import Forest

SHUFFLES: Final = 5
MAX_ROWS: Final = 10_000


def permutation_importance(
    forest: Forest, features: Floats, counts: Floats, names: tuple[str, ...], seed: int
) -> dict[str, float]:
    """Return the mean rise of deviance over 5 shuffles of each feature; of at most 10,000 rows.

    features: rows that the trees were not fitted to.
    """
    random = np.random.default_rng(seed)
    if counts.size > MAX_ROWS:
        kept = random.choice(counts.size, MAX_ROWS, replace=False)
        features, counts = features[kept], counts[kept]
    base = _deviance(forest, features, counts)
    found = {}
    for column, name in enumerate(names):
        rises = []
        for _ in range(SHUFFLES):
            shuffled = features.copy()
            shuffled[:, column] = random.permutation(shuffled[:, column])
            rises.append(_deviance(forest, shuffled, counts) - base)
        found[name] = float(np.mean(rises))
    return found


def _deviance(forest: Forest, features: Floats, counts: Floats) -> float:
    return float(poisson_deviance(counts, forest.predict(features)).mean()) if counts.size else 0.0
