"""What each segment contributes to the value of its facility."""

from collections.abc import Iterator

import numpy as np

from apps.signals.formulas.contributions import contributions
from apps.signals.sampling import lines, names
from apps.signals.sampling.classification_lines import Stamp
from apps.signals.sampling.graph import Node
from apps.signals.sampling.lines import Json, column
from apps.signals.sampling.values import Panel, rounded

FIGURES = (
    "child_value",
    "parent_value",
    "weight_value",
    "weight_share",
    "weighted_child_value",
    "contribution_value",
    "raw_component",
    "excess_over_parent",
)


def contribution_lines(whole: Panel, child: Panel, parent: Node, node: Node, stamp: Stamp) -> Iterator[Json]:
    """Return a line per segment that has a value and whose facility is in the run."""
    kept = np.flatnonzero(np.isin(child.facility, whole.facility) & ~np.isnan(child.values))
    facility, values = child.facility[kept], child.values[kept]
    weights = child.encounters[kept].sum(axis=1).astype(np.float64)
    found = contributions(values, weights, facility)
    figures = {
        "child_value": values,
        "parent_value": found.parent_value,
        "weight_value": weights,
        "weight_share": found.weight_share,
        "weighted_child_value": found.weighted_child_value,
        "contribution_value": found.contribution_value,
        "raw_component": found.weighted_child_value,
        "excess_over_parent": found.excess_over_parent,
    }
    same = _same_in_all(parent, node, stamp)
    for span in lines.chunks(len(kept)):
        columns = [column(rounded(figures[name][span])) for name in FIGURES]
        places = zip(facility[span].tolist(), child.facet[kept[span]].tolist(), strict=True)
        for (number, facet), *row in zip(places, *columns, strict=True):
            parent_entity = {names.FACILITY: names.facility_id(number)}
            entity = {**parent_entity, str(node.dimension): child.segments[facet]}
            yield {
                **same,
                "parent_entity": parent_entity,
                "child_entity": entity,
                **dict(zip(FIGURES, row, strict=True)),
                "dataset_row_locator": {"key": entity},
            }


def _same_in_all(parent: Node, node: Node, stamp: Stamp) -> Json:
    return {
        "run_id": stamp.run_id,
        "timestamp": stamp.timestamp,
        "parent_node_id": parent.id,
        "parent_node_file": f"{parent.id}.jsonl",
        "child_node_id": node.id,
        "child_node_file": f"{node.id}.jsonl",
        "metric_id": node.metric.id,
        "method": "weighted_mean",
        "weight_field": "encounters",
        "parent_statistics": None,
        "assumptions": [f"child_metric={node.metric.id}", "weighted_mean_parent"],
        "fallbacks": [],
        "missing_inputs": [],
    }
