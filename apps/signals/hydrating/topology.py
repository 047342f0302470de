"""The graph of a run as rows, and which signal breaks which down."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db import connection, transaction

from apps.signals.artifacts.edge_types import CATEGORIES
from apps.signals.artifacts.periods import first_day
from apps.signals.models import Edge, Node, Run

NAME_CHARS: Final = 255
TYPE_CHARS: Final = 80
ROWS_AT_ONCE: Final = 1_000
OTHER: Final = "other"
# These are said from child to parent (format page section 3).
REVERSED: Final = frozenset({"aggregates_from", "potential_driver_of"})
TREND_SERIES: Final = ("p10", "p25", "p50", "p75", "p90", "sample_sizes")
# Of a node's line the parts that rows are made of; the rest can be long.
NODES: Final = """
SELECT node_id, metric_id, is_temporal, entity_results_count, payload #> '{summary,entity_scope}',
       payload -> 'canonical_child_node_ids', payload -> 'canonical_parent_node_ids',
       jsonb_path_query_first(
           payload, '$.statistical_methods[*].summary.global_statistics.percentile_trends'
       )
FROM raw_node_results
WHERE run_id = %s
ORDER BY node_id
"""


@dataclass(frozen=True, slots=True)
class RawNode:
    """The parts of a node's line that matter here; what a file says wrongly is missing."""

    node_id: str
    metric_id: str
    is_temporal: bool
    entity_count: int
    scope: Mapping[str, Any]
    children: list[Any]
    parents: list[Any]
    trends: Mapping[str, Any] | None


# (source, target, edge type) -> category
Edges = dict[tuple[str, str, str], str]


def write_topology(run: Run) -> None:
    """Write the nodes and edges of a run that are not there yet."""
    if Node.objects.filter(run=run).exists():
        # Written in one transaction below: where one is, all are.
        return
    nodes = list(_raw_nodes(run.pk))
    edges: Edges = {}
    for node in nodes:
        edges.update(_edges_of(node))
    with transaction.atomic():
        for node_rows in _dealt([_node_row(run, node) for node in nodes]):
            Node.objects.bulk_create(node_rows, ignore_conflicts=True)
        for edge_rows in _dealt([_edge_row(run, key, category) for key, category in edges.items()]):
            Edge.objects.bulk_create(edge_rows, ignore_conflicts=True)


def _raw_nodes(run_id: uuid.UUID) -> Iterator[RawNode]:
    with connection.cursor() as cursor:
        cursor.execute(NODES, [run_id])
        for node_id, metric_id, is_temporal, count, *parts in cursor.fetchall():
            scope, children, parents, trends = (orjson.loads(part) if part else None for part in parts)
            yield RawNode(
                node_id=node_id,
                metric_id=(metric_id or "")[:NAME_CHARS],
                is_temporal=is_temporal,
                entity_count=count,
                scope=scope if isinstance(scope, dict) else {},
                children=children if isinstance(children, list) else [],
                parents=parents if isinstance(parents, list) else [],
                trends=trends if isinstance(trends, dict) else None,
            )


def _edges_of(node: RawNode) -> Edges:
    """Return the edges that a node's line tells, from parent to child; an edge stands in both its lines."""
    found: Edges = {}
    said = [(node.node_id, _named(item, "canonical_child_node_id"), item) for item in node.children]
    said += [(_named(item, "canonical_parent_node_id"), node.node_id, item) for item in node.parents]
    for source, target, item in said:
        edge_type = _named(item, "edge_type")
        if source and target and edge_type and len(edge_type) <= TYPE_CHARS:
            ends = (target, source) if edge_type in REVERSED else (source, target)
            found[(*ends, edge_type)] = CATEGORIES.get(edge_type, OTHER)
    return found


def _named(item: Any, key: str) -> str:
    """Return a name that an item gives, empty if it gives none that fits."""
    name = item.get(key) if isinstance(item, dict) else None
    return name if isinstance(name, str) and len(name) <= NAME_CHARS else ""


def _node_row(run: Run, node: RawNode) -> Node:
    return Node(
        organization_id=run.organization_id,
        run=run,
        node_id=node.node_id,
        metric_id=node.metric_id,
        is_temporal=node.is_temporal,
        display_name=str(node.scope.get("display_name") or "")[:1024],
        comparison_group=str(node.scope.get("comparison_group") or "")[:NAME_CHARS],
        entity_count=node.entity_count,
        peer_trends=peer_trends(node.trends),
    )


def _edge_row(run: Run, key: tuple[str, str, str], category: str) -> Edge:
    source, target, edge_type = key
    return Edge(
        organization_id=run.organization_id,
        run=run,
        source=source,
        target=target,
        edge_type=edge_type,
        category=category,
    )


def peer_trends(trends: Mapping[str, Any] | None) -> dict[str, list[Any]] | None:
    """Return a node's trends with months as dates; None unless every series is a list of one length."""
    if trends is None:
        return None
    periods, series = trends.get("periods"), {name: trends.get(name) for name in TREND_SERIES}
    if not isinstance(periods, list):
        return None
    if not all(isinstance(values, list) and len(values) == len(periods) for values in series.values()):
        return None
    months = [first_day(str(period)) for period in periods]
    return {"periods": [month and month.isoformat() for month in months], **series}  # type: ignore[dict-item]


def _dealt(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]


# A child's dimensions contain its parent's, so the nearest parent is the one with the most of them. Signals
# of nodes that the run does not know stay as they are.
RELATE: Final = """
WITH edge AS (
    SELECT DISTINCT source, target FROM signals_edge
    WHERE organization_id = %(organization)s AND run_id = %(run)s AND category = 'breakdown'
), pair AS (
    SELECT child.id AS child_id, parent.id AS parent_id, child.absent_since_run_id IS NULL AS is_present,
           jsonb_array_length(parent.dimensions) AS depth, parent.node_id AS parent_node, parent.signal_key
    FROM edge
    JOIN signals_signal child ON child.graph_id = %(graph)s AND child.node_id = edge.target
    JOIN signals_signal parent ON parent.graph_id = %(graph)s AND parent.node_id = edge.source
     AND coalesce(parent.facility_id, '') = coalesce(child.facility_id, '')
     AND child.dimensions @> parent.dimensions AND parent.id <> child.id
), chosen AS (
    SELECT DISTINCT ON (child_id) child_id, parent_id FROM pair
    ORDER BY child_id, depth DESC, parent_node, signal_key
), counted AS (
    SELECT parent_id, count(DISTINCT child_id) FILTER (WHERE is_present) AS children
    FROM pair GROUP BY parent_id
), found AS (
    SELECT s.id, chosen.parent_id, coalesce(counted.children, 0) AS children
    FROM signals_signal s
    JOIN signals_node node ON node.run_id = %(run)s AND node.node_id = s.node_id
    LEFT JOIN chosen ON chosen.child_id = s.id
    LEFT JOIN counted ON counted.parent_id = s.id
    WHERE s.organization_id = %(organization)s AND s.graph_id = %(graph)s
)
UPDATE signals_signal s
SET parent_id = found.parent_id, child_count = found.children, updated_at = %(now)s
FROM found
WHERE s.id = found.id
  AND (s.parent_id IS DISTINCT FROM found.parent_id OR s.child_count <> found.children)
"""


def relate_signals(run: Run, *, now: dt.datetime) -> int:
    """Set parent and child_count where the run's breakdown edges say else; returns of how many signals."""
    names = {"organization": run.organization_id, "graph": run.graph_id, "run": run.pk, "now": now}
    with transaction.atomic(), connection.cursor() as cursor:
        # After a first hydration the planner still believes the table to be empty, and would go through all
        # signals once for each of them.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(RELATE, names)
        count = int(cursor.rowcount)
        cursor.execute("SET LOCAL enable_nestloop = DEFAULT")
    return count
