"""All figures of a node, in the order of its entities, under the names they have in files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from apps.signals.formulas.arrays import Floats, Ints, present_mean
from apps.signals.formulas.facets import (
    AggregateFigures,
    Scores,
    TrendFigures,
    aggregate_figures,
    trend_figures,
)

# By method (short name), then by key of its `statistics`: (entities,), or (entities, periods) for lists.
MethodFigures: TypeAlias = Mapping[str, Mapping[str, Floats]]
# Deviations of the per-period simple z: what classifications have in `inputs`.
CLASSIFICATION: Final = "classification"


@dataclass(frozen=True, slots=True)
class FacetSummary:
    """What line 1 of a node says of a facet; moments are of the entities' values (means, if temporal)."""

    rows: Ints
    mean: float
    std: float
    median: float
    mad: float
    record_count: int
    with_value: int


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """The figures of a node by method, and its facets by number."""

    methods: MethodFigures
    facets: Mapping[int, FacetSummary]


def rows_of_facets(facets: Ints) -> Iterator[tuple[int, Ints]]:
    """Return each facet's number and its rows, ascending in both."""
    order = np.argsort(facets, kind="stable")
    ordered = facets[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    for start, rows in zip(starts, np.split(order, starts[1:]), strict=True):
        yield int(ordered[start]), rows


def aggregate_node(values: Floats, facets: Ints) -> NodeFigures:
    """Return the figures of an aggregate node: values (entities,), facet numbers (entities,)."""
    columns = _Columns(len(values))
    summaries = {}
    for facet, rows in rows_of_facets(facets):
        found = aggregate_figures(values[rows])
        columns.add(rows, _aggregate_columns(found, len(rows)))
        summaries[facet] = _summary(rows, values[rows], len(rows))
    return NodeFigures(columns.methods, summaries)


def temporal_node(timeline: Floats, facets: Ints) -> NodeFigures:
    """Return the figures of a temporal node: timeline (entities, periods), facet numbers (entities,)."""
    columns = _Columns(len(timeline))
    summaries = {}
    for facet, rows in rows_of_facets(facets):
        found = trend_figures(timeline[rows])
        columns.add(rows, _trend_columns(found, len(rows)))
        summaries[facet] = _summary(rows, present_mean(timeline[rows], 1), timeline[rows].size)
    return NodeFigures(columns.methods, summaries)


def _summary(rows: Ints, values: Floats, record_count: int) -> FacetSummary:
    found = aggregate_figures(values)
    return FacetSummary(
        rows=rows,
        mean=found.mean,
        std=found.std,
        median=found.median,
        mad=found.mad,
        record_count=record_count,
        with_value=found.peer_count,
    )


class _Columns:
    """Columns of a node, filled facet by facet."""

    def __init__(self, entities: int) -> None:
        self._entities = entities
        self.methods: dict[str, dict[str, Floats]] = {}

    def add(self, rows: Ints, methods: MethodFigures) -> None:
        """Put a facet's figures into its rows."""
        for method, figures in methods.items():
            columns = self.methods.setdefault(method, {})
            for name, values in figures.items():
                if name not in columns:
                    columns[name] = np.full((self._entities, *values.shape[1:]), np.nan)
                columns[name][rows] = values


def _aggregate_columns(found: AggregateFigures, peers: int) -> MethodFigures:
    return {
        "simple_zscore": {
            "simple_zscore": found.simple_z,
            "peer_mean": np.full(peers, found.mean),
            "peer_std": np.full(peers, found.std),
            "percentile_rank": found.percentile_rank,
        },
        "robust_zscore": {"robust_zscore": found.robust_z},
    }


def _trend_columns(found: TrendFigures, peers: int) -> MethodFigures:
    return {
        "trending_simple_zscore": _scores("simple", found.simple),
        "trending_robust_zscore": {
            **_scores("robust", found.robust),
            "peer_median": np.full(peers, found.latest_median),
            "peer_mad": np.full(peers, found.latest_mad),
        },
        "slope_percentile": {
            "slope": found.slope,
            "acceleration": found.acceleration,
            "end_start_delta": found.end_start_delta,
            "percentile_rank": found.slope_percentile,
            "slope_percentile": found.slope_percentile,
        },
        CLASSIFICATION: {
            "aggregate_zscore": found.simple.mean,
            "slope_percentile": found.slope_percentile,
            "acceleration": found.acceleration,
            "zscore_std": found.zscore_std,
            "max_abs_deviation": found.max_abs_deviation,
        },
    }


def _scores(kind: str, found: Scores) -> dict[str, Floats]:
    return {
        f"mean_{kind}_zscore": found.mean,
        f"latest_{kind}_zscore": found.latest,
        "percentile_rank": found.percentile_rank,
        f"per_period_{kind}_zscores": found.per_period,
    }
