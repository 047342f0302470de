"""Nodes: z scores, ranks, slopes and their labels, the facets of line 1, the percentile trends."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import numpy as np

from apps.signals.formulas.arrays import Floats, present_count
from apps.signals.formulas.facets import percentile_trends
from apps.signals.formulas.labels import slope_label, z_label
from apps.signals.formulas.nodes import FacetSummary, NodeFigures, aggregate_node, temporal_node
from apps.signals.formulas.trends import momentum, trend_direction
from apps.signals.formulas.verification.differences import (
    ABSENT,
    Comparison,
    Difference,
    value_of,
)
from apps.signals.formulas.verification.reading import LISTS, Json, NodeTable, number_of
from apps.signals.keys import entity_hash

Weighed: TypeAlias = Iterator[tuple[float, Difference]]
# A word whose number is nearer to zero than this may go either way: 6 decimals decide.
NEAR_ZERO: Final = 2e-6
# The figure that is null when a method is suppressed.
SUPPRESSES: Final = {
    "simple_zscore": "simple_zscore",
    "robust_zscore": "robust_zscore",
    "trending_simple_zscore": "mean_simple_zscore",
    "trending_robust_zscore": "mean_robust_zscore",
    "slope_percentile": "slope_percentile",
}
FACET_FIGURES: Final = {
    "simple_zscore": {"global_metric_mean": "mean", "global_metric_std": "std"},
    "robust_zscore": {"global_metric_mean": "mean", "global_metric_median": "median", "global_mad": "mad"},
}


def figures_of(table: NodeTable) -> NodeFigures:
    """Return what the formulas give for the values of a node."""
    facets = table.facet_of_entities()
    if table.is_temporal:
        return temporal_node(table.timeline(), facets)
    return aggregate_node(table.values(), facets)


def check_node(table: NodeTable, figures: NodeFigures) -> Iterator[Difference]:
    """Return what is off in a node file, the farthest first: a changed value moves its peers' figures too."""
    comparison = Comparison(table.file, table.line_numbers())
    found = [
        *_numbers(table, figures, comparison),
        *_suppressed(table, figures, comparison),
        *_words(table, figures, comparison),
        *_anomalies(table, figures, comparison),
        *_facets(table, figures),
        *_percentile_trends(table),
    ]
    found.sort(key=lambda pair: -pair[0])
    return (difference for _, difference in found)


def _numbers(table: NodeTable, figures: NodeFigures, comparison: Comparison) -> Weighed:
    for (method, name), written in table.numbers.items():
        if method in figures.methods:
            computed = figures.methods[method][name]
            yield from comparison.column(f"{method}.{name}", np.array(written), computed)
    for method, name in LISTS.items():
        if method in figures.methods:
            computed = figures.methods[method][name]
            yield from comparison.column(f"{method}.{name}", table.written_list(method), computed)


def _suppressed(table: NodeTable, figures: NodeFigures, comparison: Comparison) -> Weighed:
    for method, written in table.suppressed.items():
        if method in figures.methods:
            computed = np.isnan(figures.methods[method][SUPPRESSES[method]]).astype(np.float64)
            yield from comparison.column(f"{method}.suppressed", np.array(written), computed)


def _words(table: NodeTable, figures: NodeFigures, comparison: Comparison) -> Weighed:
    if not table.is_temporal:
        return
    slopes = figures.methods["slope_percentile"]
    for name, source, word_of in (
        ("trend_direction", "slope", trend_direction),
        ("momentum", "acceleration", momentum),
    ):
        allowed = [
            () if value is None or abs(value) < NEAR_ZERO else (word_of(value),)
            for value in map(value_of, slopes[source].tolist())
        ]
        yield from comparison.words(
            f"slope_percentile.{name}", table.words["slope_percentile", name], allowed
        )


def _anomalies(table: NodeTable, figures: NodeFigures, comparison: Comparison) -> Weighed:
    for (method, name), anomalies in table.anomalies.items():
        computed = figures.methods.get(method, {}).get(name)
        if computed is None:
            continue
        missing = len(table.lines) - len(anomalies.words)
        written = np.array([*anomalies.values, *[ABSENT] * missing])
        label = slope_label if name == "slope_percentile" else z_label
        # At a bound, 6 decimals decide: the label of the written value is right, too.
        allowed = [
            () if value == ABSENT else (label(value_of(due)), label(value_of(value)))
            for value, due in zip(written.tolist(), computed.tolist(), strict=True)
        ]
        figure = f"{method}.anomalies.{name}"
        yield from comparison.column(f"{figure}.statistic_value", written, computed)
        yield from comparison.words(f"{figure}.anomaly", [*anomalies.words, *[None] * missing], allowed)


def _facets(table: NodeTable, figures: NodeFigures) -> Weighed:
    """Return what is off in the facets of an aggregate node."""
    for method in table.metadata.get("statistical_methods") or ():
        short = method["statistical_method"].split("__")[1]
        for facet in _written_facets(method):
            number = table.facet_numbers.get(entity_hash(None, (facet.get("facet_values") or {}).items()))
            if number is not None and short in FACET_FIGURES:
                yield from _facet(table, short, facet, figures.facets[number])


def _written_facets(method: Json) -> list[Json]:
    statistics = (method.get("summary") or {}).get("global_statistics") or {}
    return list(statistics.get("facets") or ())


def _facet(table: NodeTable, short: str, written: Json, computed: FacetSummary) -> Weighed:
    statistics = written.get("method_statistics") or {}
    names = {name: field for name, field in FACET_FIGURES[short].items() if name in statistics}
    where = "/".join(map(str, (written.get("facet_values") or {}).values()))
    for name, field in names.items():
        found = number_of(statistics[name])
        yield from _first_line(table, f"{short}.{name}({where})", [found], [getattr(computed, field)])


def _percentile_trends(table: NodeTable) -> Weighed:
    for method in table.metadata.get("statistical_methods") or ():
        trends = (method.get("summary") or {}).get("percentile_trends")
        if not trends or not table.is_temporal:
            continue
        timeline = table.timeline()
        due: Mapping[str, Floats] = {
            **percentile_trends(timeline),
            "sample_sizes": present_count(timeline).astype(np.float64),
        }
        places = {period: place for place, period in enumerate(table.periods())}
        columns = [places.get(str(period).replace("-", "")) for period in trends["periods"]]
        for name, values in due.items():
            computed = [np.nan if place is None else values[place] for place in columns]
            yield from _first_line(
                table, f"percentile_trends.{name}", [*map(number_of, trends[name])], computed
            )


def _first_line(table: NodeTable, figure: str, written: list[float], computed: list[float]) -> Weighed:
    line = Comparison(table.file, np.ones(1, dtype=np.int64))
    if len(written) != len(computed):
        yield np.inf, Difference(table.file, 1, f"{figure}.length", len(written), len(computed))
    elif len(written) == 1:
        yield from line.column(figure, np.array(written), np.array(computed))
    else:
        yield from line.column(figure, np.array([written]), np.array([computed]))
