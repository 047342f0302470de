"""Nodes and edges of a run: per metric the facilities, their breakdowns, and the trend of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from apps.signals.sampling import names
from apps.signals.sampling.lines import Json
from apps.signals.sampling.names import Metric
from apps.signals.sampling.population import Block, Population

BREAKDOWN: Final = "segments_into"
TREND: Final = "trends_to"
RELATION: Final = "relates_to"
UNKNOWN: Final = "resonates_with"


@dataclass(frozen=True, slots=True)
class Node:
    """A node: one metric of facilities, or of facilities by one dimension, as one value or over time."""

    id: str
    metric: Metric
    dimension: str | None
    temporal: bool
    block: Block


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed edge between two nodes."""

    source: str
    target: str
    type: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a run in the order of the index, and its edges."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node_of(self, block: Block, *, temporal: bool) -> Node | None:
        """Return the node of a block; None if it failed."""
        return next((node for node in self.nodes if node.block == block and node.temporal is temporal), None)


def make_graph(population: Population, *, failed_node: bool, unknown_edge: bool) -> Graph:
    """Return the graph; with `failed_node` the last aggregate breakdown is missing."""
    nodes = [_node(block, temporal) for block in population.blocks for temporal in (False, True)]
    if failed_node:
        nodes.remove(_node(population.blocks[-1], False))
    known = {node.id for node in nodes}
    edges = [edge for edge in _edges(nodes) if edge.source in known and edge.target in known]
    if unknown_edge:
        edges.append(Edge(nodes[0].id, nodes[-1].id, UNKNOWN))
    return Graph(tuple(nodes), tuple(edges))


def _node(block: Block, temporal: bool) -> Node:
    return Node(
        names.node_id(block.metric, block.dimension, temporal=temporal),
        block.metric,
        block.dimension,
        temporal,
        block,
    )


def _edges(nodes: Iterable[Node]) -> Iterable[Edge]:
    first: str | None = None
    for node in nodes:
        whole = names.node_id(node.metric, None, temporal=False)
        if node.temporal:
            yield Edge(names.node_id(node.metric, node.dimension, temporal=False), node.id, TREND)
        elif node.dimension is not None:
            yield Edge(whole, node.id, BREAKDOWN)
        elif first is None:
            first = node.id
        else:
            yield Edge(first, node.id, RELATION)


def graph_document(graph: Graph) -> Json:
    """Return the content of graph.json."""
    return {
        "nodes": [
            {
                "id": node.id,
                "metric_id": node.metric.id,
                "group_bys": [
                    {"type": name, "dataset_field": name}
                    for name in (names.FACILITY, node.dimension)
                    if name is not None
                ],
                "description": f"{node.metric.display_name} by {node.dimension or 'facility'}",
                "time_grain": names.TIME_GRAIN if node.temporal else names.AGGREGATE,
                "graph_entry_point": node.dimension is None and not node.temporal,
            }
            for node in graph.nodes
        ],
        "edges": [
            {
                "id": f"edge_{number}",
                "source": edge.source,
                "target": edge.target,
                "type": edge.type,
                "direction": "forward",
                "conditions": [],
                "rationale": None,
            }
            for number, edge in enumerate(graph.edges, 1)
        ],
    }
