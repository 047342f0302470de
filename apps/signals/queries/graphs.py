"""Graphs with what they hold, and the nodes and edges of a run."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.signals.models import Edge, Graph, Node, Run, Signal

# A graph has some dozen nodes; beyond this nobody can look at it.
NODES_MAX: Final = 2_000
EDGES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class RunGraph:
    """The nodes and edges of a run, by id; `truncated` if there are more."""

    run: Run
    nodes: list[Node]
    edges: list[Edge]
    truncated: bool


def listed_graphs() -> QuerySet[Graph]:
    """Return graphs as they are shown: with current run, `run_count` and `signal_count`. One query a page."""
    return Graph.objects.select_related("current_run").annotate(
        run_count=_count(Run.objects.filter(graph=OuterRef("pk"))),
        signal_count=_count(Signal.objects.present().filter(graph=OuterRef("pk"))),
    )


def graph_of(run: Run) -> RunGraph:
    """Return the nodes and edges that hydration found in a run. Issues two queries."""
    nodes = list(Node.objects.filter(run=run).defer("peer_trends").order_by("node_id", "pk")[: NODES_MAX + 1])
    edges = list(Edge.objects.filter(run=run).order_by("source", "target", "pk")[: EDGES_MAX + 1])
    is_cut = len(nodes) > NODES_MAX or len(edges) > EDGES_MAX
    return RunGraph(run, nodes[:NODES_MAX], edges[:EDGES_MAX], truncated=is_cut)


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("graph").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
