"""Classifications of a panel, by the rules, from figures as the node files have them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np

from apps.signals.formulas.arrays import Floats, population_std
from apps.signals.formulas.contributions import coefficient_of_variation
from apps.signals.formulas.nodes import CLASSIFICATION, NodeFigures
from apps.signals.formulas.scores import percentile_rank
from apps.signals.rules.classification import Classification, classify_fully
from apps.signals.rules.inputs import Inputs, scaled_acceleration
from apps.signals.rules.severity import Refinement
from apps.signals.sampling import lines, names
from apps.signals.sampling.lines import Column, Json, column
from apps.signals.sampling.node_summaries import NodeContent
from apps.signals.sampling.values import rounded

FILE_INPUTS = ("aggregate_zscore", "slope_percentile", "acceleration", "zscore_std", "max_abs_deviation")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every line of an analysis says of its run."""

    run_id: str
    timestamp: str


def classification_lines(aggregate: NodeContent, temporal: NodeFigures, stamp: Stamp) -> Iterator[Json]:
    """Return a line per entity of an aggregate node; `temporal` has the figures of its trend, in order."""
    panel = aggregate.panel
    polarity = panel.block.metric.polarity
    for span in lines.chunks(len(panel.facility)):
        rule_inputs = _rule_inputs(aggregate, temporal, span)
        file_inputs = _file_inputs(temporal, span)
        for number, (facility, facet) in enumerate(
            zip(panel.facility[span].tolist(), panel.facet[span].tolist(), strict=True)
        ):
            inputs = Inputs(
                **{name: values[number] for name, values in rule_inputs.items()}, polarity=polarity
            )
            entity = {names.FACILITY: names.facility_id(facility)}
            if panel.block.dimension is not None:
                entity[panel.block.dimension] = panel.segments[facet]
            yield {
                "run_id": stamp.run_id,
                "node_id": aggregate.node.id,
                "entity_key": entity,
                "metric_id": panel.block.metric.id,
                "inputs": {name: file_inputs[name][number] for name in FILE_INPUTS},
                "coefficient_of_variation": file_inputs["cv"][number],
                **_verdict(classify_fully(inputs), inputs),
                "timestamp": stamp.timestamp,
            }


@cache
def _refinement(each: Refinement) -> Json:
    """Return a refinement as JSON; there are a few dozen different ones."""
    return asdict(each)


def _verdict(found: Classification, inputs: Inputs) -> Json:
    labels = found.indicators
    return {
        "signal_type": found.type.value,
        "severity": found.severity,
        "severity_range": [found.rule.low, found.rule.high],
        "derived_indicators": {
            "position": labels.position,
            "trend": labels.trend,
            "momentum": labels.momentum,
            "consistency": labels.consistency,
            "has_spike": labels.has_spike,
        },
        "classification_reasoning": f"{found.type.value}: {found.rule.text}",
        "severity_calculation": {
            "base": found.calculation.base,
            "refinements": [_refinement(each) for each in found.calculation.refinements],
            "final": found.calculation.final,
        },
        "suppressed": inputs.suppressed,
        "period_count": inputs.observations,
        "magnitude_tier": labels.magnitude_tier.upper() if labels.magnitude_tier else None,
        "trajectory_tier": labels.trajectory_tier.upper(),
        "consistency_tier": labels.consistency_tier.upper(),
    }


def _rule_inputs(aggregate: NodeContent, temporal: NodeFigures, span: slice) -> dict[str, Column]:
    """Return the fields of `Inputs` as columns, from the figures with 6 decimals that readers see."""
    panel, simple = aggregate.panel, aggregate.figures.methods["simple_zscore"]
    trending = temporal.methods["trending_simple_zscore"]
    slopes = temporal.methods["slope_percentile"]
    per_period = rounded(trending["per_period_simple_zscores"][span])
    mean_z = rounded(trending["mean_simple_zscore"][span])
    encounters = percentile_rank(panel.encounters.sum(axis=1).astype(np.float64))
    accelerations = column(rounded(slopes["acceleration"][span]))
    peer_std = column(rounded(simple["peer_std"][span]))
    return {
        "mean_z": column(mean_z),
        "slope_percentile": column(rounded(slopes["slope_percentile"][span])),
        "acceleration": [scaled_acceleration(*pair) for pair in zip(accelerations, peer_std, strict=True)],
        "zscore_std": column(population_std(per_period, 1)),
        "max_excursion": column(_largest(np.abs(per_period - mean_z[:, None]))),
        "observations": np.count_nonzero(~np.isnan(panel.timeline[span]), axis=1).tolist(),
        "suppressed": np.isnan(simple["simple_zscore"][span]).tolist(),
        "percentile_rank": column(rounded(simple["percentile_rank"][span])),
        "encounters_rank": column(encounters[span]),
    }


def _file_inputs(temporal: NodeFigures, span: slice) -> dict[str, Column]:
    found = temporal.methods[CLASSIFICATION]
    cv = coefficient_of_variation(found["zscore_std"][span], found["aggregate_zscore"][span])
    return {
        **{name: column(rounded(found[name][span])) for name in FILE_INPUTS},
        "cv": column(rounded(cv)),
    }


def _largest(values: Floats) -> Floats:
    filled = np.where(np.isnan(values), -1.0, values).max(axis=1, initial=-1.0)
    return np.where(filled < 0, np.nan, filled)
