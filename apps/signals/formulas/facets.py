"""All figures of one facet: the peers that differ in nothing but the facility."""

from dataclasses import dataclass

import numpy as np

from apps.signals.formulas import scores, trends
from apps.signals.formulas.arrays import (
    Floats,
    Ints,
    median,
    population_std,
    present_count,
    present_mean,
    quantile,
)


@dataclass(frozen=True, slots=True)
class AggregateFigures:
    """Figures of an aggregate facet: arrays (peers,), and the facet's own numbers (NaN without a value)."""

    simple_z: Floats
    robust_z: Floats
    percentile_rank: Floats
    mean: float
    std: float
    median: float
    mad: float
    peer_count: int


@dataclass(frozen=True, slots=True)
class Scores:
    """z of one kind over time: (peers, periods), the rest (peers,); latest is that of the last period."""

    per_period: Floats
    mean: Floats
    latest: Floats
    percentile_rank: Floats


@dataclass(frozen=True, slots=True)
class TrendFigures:
    """Figures of a temporal facet: arrays (peers,), and the median and mad of the last period."""

    simple: Scores
    robust: Scores
    zscore_std: Floats
    max_abs_deviation: Floats
    observations: Ints
    slope: Floats
    slope_percentile: Floats
    acceleration: Floats
    end_start_delta: Floats
    latest_median: float
    latest_mad: float


def aggregate_figures(values: Floats) -> AggregateFigures:
    """Return the figures of values (peers,); z and rank are NaN below 15 peers or without a value."""

    def enough(figures: Floats) -> Floats:
        return scores.without_few(figures, values, scores.MIN_PEERS)

    return AggregateFigures(
        simple_z=enough(scores.simple_z(values, scores.STD_FLOOR)),
        robust_z=enough(scores.robust_z(values)),
        percentile_rank=enough(scores.percentile_rank(values)),
        mean=float(present_mean(values)),
        std=float(population_std(values)),
        median=float(median(values)),
        mad=float(scores.scaled_mad(values)),
        peer_count=int(present_count(values)),
    )


def trend_figures(values: Floats) -> TrendFigures:
    """Return the figures of timelines (peers, periods); a period's z are NaN below 10 values in it."""
    simple = _over_time(scores.simple_z(values, scores.TEMPORAL_STD_FLOOR), values)
    slope = trends.slope(values)
    last = values[:, -1]
    return TrendFigures(
        simple=simple,
        robust=_over_time(scores.robust_z(values), values),
        zscore_std=population_std(simple.per_period, 1),
        max_abs_deviation=_largest(simple.per_period),
        observations=present_count(values, 1),
        slope=slope,
        slope_percentile=_rank(slope),
        acceleration=trends.acceleration(values),
        end_start_delta=trends.end_start_delta(values),
        latest_median=float(median(last)),
        latest_mad=float(scores.scaled_mad(last)),
    )


def percentile_trends(values: Floats) -> dict[str, Floats]:
    """Return p10 to p90 per period over all entities of a node (entities, periods) -> (periods,)."""
    return {f"p{share}": quantile(values, share / 100.0) for share in (10, 25, 50, 75, 90)}


def _over_time(per_period: Floats, values: Floats) -> Scores:
    kept = scores.without_few(per_period, values, scores.TEMPORAL_MIN_PEERS)
    mean = present_mean(kept, 1)
    return Scores(per_period=kept, mean=mean, latest=kept[:, -1], percentile_rank=_rank(mean))


def _rank(values: Floats) -> Floats:
    return scores.without_few(scores.percentile_rank(values), values, scores.TEMPORAL_MIN_PEERS)


def _largest(values: Floats) -> Floats:
    filled = np.where(np.isnan(values), -1.0, np.abs(values)).max(axis=1, initial=-1.0)
    return np.where(filled < 0, np.nan, filled)
