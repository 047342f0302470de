"""How far counts lie about what is expected: the negative binomial distribution, Poisson's at dispersion 0.

The variance is mu + dispersion mu^2.
"""

from typing import Final

import numpy as np

from apps.datasets.queries import Floats

LOWER: Final = 0.1
UPPER: Final = 0.9
# Keeps the distributions of cells where next to nothing is expected defined.
MIN_EXPECTED: Final = 1e-3
MAX_DISPERSION: Final = 1e6
# Below this the two distributions agree, and the negative binomial's parameters grow beyond all bounds.
MIN_DISPERSION: Final = 1e-6


def floored(expected: Floats, floor: float = MIN_EXPECTED) -> Floats:
    """Return what is expected, at least the floor."""
    return np.maximum(expected, floor)


def dispersion_of(observed: Floats, expected: Floats) -> float:
    """Return the dispersion by the method of moments, 0 for counts that vary less than Poisson's."""
    expected = floored(expected)
    excess = float(((observed - expected) ** 2 - expected).sum())
    return min(max(0.0, excess / float((expected**2).sum())), MAX_DISPERSION) if expected.size else 0.0


def interval(expected: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Return the ends of the 80 % interval: the 10 % and 90 % quantiles, whole numbers."""
    # Heavy; only workers that train or predict need it.
    from scipy.stats import nbinom, poisson  # noqa: PLC0415

    distinct, position = np.unique(floored(expected), return_inverse=True)
    if dispersion < MIN_DISPERSION:
        ends = [poisson.ppf(level, distinct) for level in (LOWER, UPPER)]
    else:
        size, chance = 1 / dispersion, 1 / (1 + dispersion * distinct)
        ends = [nbinom.ppf(level, size, chance) for level in (LOWER, UPPER)]
    lower, upper = (np.asarray(end, np.float64)[position] for end in ends)
    return lower, upper


def least_expected(periods: int) -> float:
    """Return what a cell without any event in so many periods may still expect: half an event in all of them.

    That is the mean of Jeffreys' prior after them. Below it a deviance would only tell how surely a method
    says "never", which no history of this length can know.
    """
    return 0.5 / max(periods, 1)


def poisson_deviance(observed: Floats, expected: Floats, floor: float = MIN_EXPECTED) -> Floats:
    """Return each cell's deviance 2 (y log(y / mu) - y + mu), mu at least the floor."""
    expected = floored(expected, floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(observed > 0, observed * np.log(observed / expected), 0.0)
    return np.asarray(2 * (surprise - observed + expected))
