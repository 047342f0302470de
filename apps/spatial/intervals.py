"""Confidence intervals of means: Student's t, and moments that merge.

The probability that |T| < t with f degrees of freedom is the integral of cos(x)^(f - 1) from 0 to
atan(t / sqrt(f)) over that from 0 to pi / 2 (the substitution behind Abramowitz and Stegun 26.7.3 and
26.7.4). Both are smooth, so Gauss-Legendre quadrature gives them to machine precision for every f.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.aggregate import Groups

NODES: Final = 64
# Beyond so many standard deviations nothing is left of the integrand.
TAIL: Final = 12.0
MAX_STEPS: Final = 60
MIN_SAMPLE: Final = 2


@dataclass(frozen=True, slots=True)
class Moments:
    """Values of cells: number, sum, mean, sum of squared differences from it, least and greatest (or NaN)."""

    n: Int64s
    total: Floats
    mean: Floats
    m2: Floats
    low: Floats
    high: Floats

    def merged(self, other: "Moments") -> "Moments":
        """Return the statistics of both samples together (Chan, Golub and LeVeque 1979)."""
        n = self.n + other.n
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(n > 0, other.n / n, 0.0)
        difference = np.where(self.n > 0, other.mean - self.mean, 0.0)
        mean = np.where(self.n > 0, self.mean + difference * share, other.mean)
        m2 = self.m2 + other.m2 + np.where(other.n > 0, difference**2 * self.n * share, 0.0)
        return Moments(
            n=n,
            total=self.total + other.total,
            mean=np.where(other.n > 0, mean, self.mean),
            m2=m2,
            low=np.fmin(self.low, other.low),
            high=np.fmax(self.high, other.high),
        )

    def half_widths(self, level: float) -> Floats:
        """Return t(n - 1) s / sqrt(n); NaN where n is less than two."""
        widths = np.full(self.n.shape, np.nan)
        enough = self.n >= MIN_SAMPLE
        n = self.n[enough]
        freedom, position = np.unique(n - 1, return_inverse=True)
        quantiles = t_quantiles(freedom, level)[position]
        widths[enough] = quantiles * np.sqrt(self.m2[enough] / (n - 1) / n)
        return widths


def cell_moments(groups: Groups, starts: Int64s, pivot: float) -> Moments:
    """Return the moments of runs of groups that begin at `starts`, from sums of value - pivot."""
    n = np.add.reduceat(groups.n_value, starts)
    sum_d, sum_d2 = np.add.reduceat(groups.sum_d, starts), np.add.reduceat(groups.sum_d2, starts)
    low, high = np.fmin.reduceat(groups.low, starts), np.fmax.reduceat(groups.high, starts)
    size = np.maximum(n, 1)
    # Equal values have no spread, whatever rounding left of it.
    m2 = np.where(low == high, 0.0, np.maximum(sum_d2 - sum_d * sum_d / size, 0.0))
    mean = np.where(low == high, low, pivot + sum_d / size)
    return Moments(n=n, total=pivot * n + sum_d, mean=mean, m2=m2, low=low, high=high)


def t_quantiles(freedom: Int64s, level: float) -> Floats:
    """Return t with P(|T| < t) = level for each number of degrees of freedom (>= 1), to about 1e-12."""
    f = freedom.astype(np.float64)
    whole = _integrals(f, np.minimum(np.pi / 2, TAIL / np.sqrt(f)))
    angle = np.zeros_like(f)
    # The integrand falls, so Newton's steps from 0 approach the root from below and never pass it.
    for _ in range(MAX_STEPS):
        step = (level * whole - _integrals(f, angle)) / np.exp((f - 1) * np.log1p(-(np.sin(angle) ** 2)) / 2)
        angle += step
        if np.all(np.abs(step) <= 1e-15 * angle):
            break
    return np.asarray(np.sqrt(f) * np.tan(angle), np.float64)


def _integrals(freedom: Floats, upper: Floats) -> Floats:
    """Return the integral of cos(x)^(f - 1) from 0 to `upper` for each f."""
    nodes, weights = _nodes()
    x = upper[:, None] * nodes
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log1p(-(np.sin(x) ** 2)) / 2  # of the cosine; exact for small x
    heights = np.exp(np.where(freedom[:, None] > 1, (freedom[:, None] - 1) * logs, 0.0))
    return np.asarray(upper * (heights @ weights), np.float64)


@cache
def _nodes() -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes and weights on 0..1."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2
