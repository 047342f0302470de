"""The lines of the entities of a panel, aggregate and temporal, in the order of the file."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from apps.signals.formulas.arrays import Floats, Ints
from apps.signals.formulas.nodes import CLASSIFICATION, NodeFigures
from apps.signals.formulas.scores import MIN_PEERS
from apps.signals.formulas.trends import momentum, trend_direction
from apps.signals.sampling import lines, names
from apps.signals.sampling.lines import Column, Json, column
from apps.signals.sampling.values import Panel, rounded


@dataclass(frozen=True, slots=True)
class Rows:
    """A stretch of a panel with the figures of its methods, as columns of JSON values."""

    panel: Panel
    span: slice
    columns: dict[str, dict[str, Column]]

    def records(self, method: str) -> Iterator[Json]:
        """Return the method's figures entity by entity."""
        figures = self.columns[method]
        for values in zip(*figures.values(), strict=True):
            yield dict(zip(figures, values, strict=True))


def stretches(panel: Panel, figures: NodeFigures) -> Iterator[Rows]:
    """Return the panel in stretches; figures have 6 decimals from here on."""
    for span in lines.chunks(len(panel.facility)):
        columns = {
            method: {name: _column(values[span]) for name, values in found.items()}
            for method, found in figures.methods.items()
            if method != CLASSIFICATION
        }
        yield Rows(panel, span, columns)


def _column(values: Floats) -> Column:
    """Return numbers with 6 decimals; in lists NaN stays, which the encoder writes as null."""
    return column(rounded(values)) if values.ndim == 1 else list(rounded(values).tolist())


def aggregate_lines(panel: Panel, figures: NodeFigures) -> Iterator[Json]:
    """Return the lines of an aggregate node."""
    entities = lines.entity_fragments(panel)
    counts = _peer_counts(panel, figures)
    for rows in stretches(panel, figures):
        span = rows.span
        metric = {"metric_id": panel.block.metric.id}
        encounters = panel.encounters[span].sum(axis=1).astype(np.float64).tolist()
        for entity, value, facility, weight, peers, simple, robust in zip(
            entities[span],
            column(panel.values[span]),
            panel.facility[span].tolist(),
            encounters,
            counts[span].tolist(),
            rows.records("simple_zscore"),
            rows.records("robust_zscore"),
            strict=True,
        ):
            simple["suppressed"] = robust["suppressed"] = suppressed = value is None or peers < MIN_PEERS
            runtime = lines.runtime_of(suppressed=suppressed, peer_count=peers)
            yield {
                "entity": entity,
                "metric": [{"metadata": metric, "values": value}],
                "metadata": _metadata(weight, facility),
                "statistical_methods": [
                    lines.SIMPLE.entry(simple, runtime),
                    lines.ROBUST.entry(robust, runtime),
                ],
            }


def temporal_lines(panel: Panel, figures: NodeFigures, periods: tuple[str, ...]) -> Iterator[Json]:
    """Return the lines of a temporal node."""
    entities = lines.entity_fragments(panel)
    calendar = Calendar.of(periods)
    for rows in stretches(panel, figures):
        span = rows.span
        for entity, timeline, weights, facility, *methods in zip(
            entities[span],
            panel.timeline[span].tolist(),
            panel.encounters[span].tolist(),
            panel.facility[span].tolist(),
            rows.records("trending_simple_zscore"),
            rows.records("trending_robust_zscore"),
            rows.records("slope_percentile"),
            strict=True,
        ):
            observed = sum(value == value for value in timeline)  # noqa: PLR0124 - NaN is not observed
            yield {
                "entity": entity,
                "metric": [calendar.metric(panel.block.metric.id, timeline, observed)],
                "metadata": {**_metadata(sum(weights), facility), "per_period": calendar.encounters(weights)},
                "statistical_methods": _temporal_methods(methods, calendar, observed),
            }


def _metadata(encounters: float, facility: int) -> Json:
    return {
        "encounters": encounters,
        "systemName": names.system_name(facility),
        "facility": names.facility_name(facility),
    }


def _peer_counts(panel: Panel, figures: NodeFigures) -> Ints:
    counts = np.zeros(len(panel.facet), dtype=np.int64)
    for summary in figures.facets.values():
        counts[summary.rows] = summary.with_value
    return counts


def _temporal_methods(methods: list[Json], calendar: "Calendar", observed: int) -> list[Json]:
    simple, robust, slope = methods
    for kind, found in (("simple", simple), ("robust", robust)):
        found["observations"] = observed
        found["periods"] = len(calendar.periods)
        found["latest_period"] = calendar.dashed[-1]
        found["suppressed"] = found[f"mean_{kind}_zscore"] is None
    robust["winsor_applied"] = False
    slope["slope_weighted"] = slope["slope"]
    slope["period_count"] = observed
    slope["trend_direction"] = trend_direction(slope["slope"])
    slope["momentum"] = momentum(slope["acceleration"])
    slope["suppressed"] = slope["slope_percentile"] is None
    return [
        profile.entry(found, lines.runtime_of(suppressed=found["suppressed"]))
        for profile, found in zip(lines.TEMPORAL_PROFILES, methods, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months of a node, in both spellings that files have, as JSON ready to stand in a list."""

    periods: tuple[str, ...]
    dashed: tuple[str, ...]

    @classmethod
    def of(cls, periods: tuple[str, ...]) -> "Calendar":
        """Return the calendar of periods YYYYMM."""
        return cls(periods, tuple(f"{period[:4]}-{period[4:]}" for period in periods))

    def metric(self, metric_id: str, timeline: list[float], observed: int) -> Json:
        """Return the `metric` entry of an entity."""
        values = [
            {"period": period, "value": value} for period, value in zip(self.periods, timeline, strict=True)
        ]
        return {
            "metadata": {"metric_id": metric_id},
            "values": {"timeline": values},
            "temporal_runtime": {
                "observed_count": observed,
                "missing_count": len(timeline) - observed,
                "coverage_ratio": round(observed / len(timeline), 6),
                "fill_strategy": "null",
            },
        }

    def encounters(self, weights: list[int]) -> Json:
        """Return the `per_period` columns of an entity; months without a value have none."""
        return {
            "encounters": [
                {"period": period, "value": weight or None}
                for period, weight in zip(self.dashed, weights, strict=True)
            ]
        }
