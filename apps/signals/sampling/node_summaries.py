"""Line 1 of node files and the entries of the index: what a node is, and the statistics of its facets."""

import math
from dataclasses import dataclass
from typing import Any

from apps.signals.formulas import scores
from apps.signals.formulas.arrays import present_count
from apps.signals.formulas.facets import percentile_trends
from apps.signals.formulas.nodes import FacetSummary, NodeFigures
from apps.signals.sampling import lines, names
from apps.signals.sampling.graph import Edge, Node
from apps.signals.sampling.lines import Json, column
from apps.signals.sampling.values import Panel, rounded


@dataclass(frozen=True, slots=True)
class NodeContent:
    """A node with its entities and figures."""

    node: Node
    panel: Panel
    figures: NodeFigures


def node_summary(node: Node, periods: tuple[str, ...]) -> Json:
    """Return the `summary` of a node: its scope and, if temporal, its months."""
    words = "Medicare Id" if node.dimension is None else f"Medicare Id + {node.dimension}"
    summary: Json = {"entity_scope": {"display_name": words, "comparison_group": names.PEERS}}
    if node.temporal:
        summary["temporal_context"] = {
            "time_grain": names.TIME_GRAIN,
            "start_period": periods[0],
            "end_period": periods[-1],
            "period_count": len(periods),
        }
    return summary


def profiles(node: Node) -> tuple[lines.Profile, ...]:
    """Return the methods of a node."""
    return lines.TEMPORAL_PROFILES if node.temporal else lines.AGGREGATE_PROFILES


def metadata_line(content: NodeContent, edges: list[Edge], periods: tuple[str, ...]) -> Json:
    """Return line 1 of a node file."""
    node = content.node
    return {
        "type": "node_metadata",
        "canonical_node_id": node.id,
        "canonical_child_node_ids": [
            {"canonical_child_node_id": edge.target, "edge_type": edge.type}
            for edge in edges
            if edge.source == node.id
        ],
        "canonical_parent_node_ids": [
            {"canonical_parent_node_id": edge.source, "edge_type": edge.type}
            for edge in edges
            if edge.target == node.id
        ],
        "metric_id": node.metric.id,
        "dataset_path": names.DATASET,
        "summary": node_summary(node, periods),
        "statistical_methods": [_method(content, profile, periods) for profile in profiles(node)],
        "entity_results_count": len(content.panel.facility),
    }


def _method(content: NodeContent, profile: lines.Profile, periods: tuple[str, ...]) -> Json:
    found: Json = {"statistical_method": lines.method_id(profile.short, temporal=profile.temporal)}
    if profile is lines.SLOPE:
        return found
    robust = profile in {lines.ROBUST, lines.TRENDING_ROBUST}
    facets = [
        _facet(content, number, facet, robust=robust) for number, facet in content.figures.facets.items()
    ]
    dimension = content.node.dimension
    summary: Json = {
        "global_statistics": {
            "group_by_columns": [names.FACILITY, *([dimension] if dimension else [])],
            "facets": facets,
        },
        "aggregate_statistics": {
            "global_record_count": sum(facet.record_count for facet in content.figures.facets.values())
        },
    }
    if profile is lines.TRENDING_ROBUST:
        summary["percentile_trends"] = _percentile_trends(content.panel, periods)
    return {**found, "summary": summary}


def _facet(content: NodeContent, number: int, facet: FacetSummary, *, robust: bool) -> Json:
    dimension, temporal = content.node.dimension, content.node.temporal
    min_peers = scores.TEMPORAL_MIN_PEERS if temporal else scores.MIN_PEERS
    few = facet.with_value < min_peers
    return {
        "facet_values": {dimension: content.panel.segments[number]} if dimension else {},
        "facet_counts": {
            "record_count": facet.record_count,
            "entity_count": len(facet.rows),
            "entity_with_statistics_count": 0 if few else facet.with_value,
        },
        "method_statistics": {
            **(_robust_statistics(facet) if robust else _simple_statistics(facet, temporal=temporal)),
            "min_peer_count": min_peers,
        },
        "warnings": [f"fewer than {min_peers} peers"] if few else [],
    }


def _simple_statistics(facet: FacetSummary, *, temporal: bool) -> Json:
    floor = scores.TEMPORAL_STD_FLOOR if temporal else scores.STD_FLOOR
    return {
        "global_metric_mean": number(facet.mean),
        "global_metric_std": number(facet.std),
        "std_floor": floor,
        "std_floor_applied": facet.std < floor,
    }


def _robust_statistics(facet: FacetSummary) -> Json:
    return {
        "global_metric_mean": number(facet.mean),
        "global_metric_median": number(facet.median),
        "global_mad": number(facet.mad),
        "mad_floor": scores.MAD_FLOOR,
        "mad_floor_applied": facet.mad < scores.MAD_FLOOR,
        "winsor_percentile": 0.0,
        "winsor_applied": False,
    }


def number(value: float) -> float | None:
    """Return a number with 6 decimals, None for NaN."""
    return None if math.isnan(value) else round(value, 6) + 0.0


def _percentile_trends(panel: Panel, periods: tuple[str, ...]) -> dict[str, Any]:
    bands = percentile_trends(panel.timeline)
    return {
        "periods": list(periods),
        **{name: column(rounded(values)) for name, values in bands.items()},
        "sample_sizes": present_count(panel.timeline).tolist(),
        "suppression_applied": {name: [False] * len(periods) for name in bands},
    }
