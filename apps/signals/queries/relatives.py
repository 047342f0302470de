"""Signals that belong to one: what it breaks down into, what it is part of, what stands beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from apps.signals.models import Edge, Signal
from apps.signals.queries.listing import HEAVY, Shown, show_signals, with_company

RELATED_MAX: Final = 50
BREAKDOWN, SEMANTIC = "breakdown", "semantic"
SAME_PLACE: Final = "same_facility_and_service_line"


@dataclass(frozen=True, slots=True)
class Relative:
    """A signal that belongs to another, and by what: the type of an edge, or SAME_PLACE."""

    signal: Signal
    edge_type: str


@dataclass(frozen=True, slots=True)
class ShownRelative:
    """A relative as it is shown."""

    shown: Shown
    edge_type: str


def show_relatives(relatives: Sequence[Relative], *, now: datetime) -> list[ShownRelative]:
    """Return relatives as they are shown, in their order. Issues two queries."""
    shown = show_signals([relative.signal for relative in relatives], now=now)
    return [
        ShownRelative(found, relative.edge_type) for found, relative in zip(shown, relatives, strict=True)
    ]


def children_of(signal: Signal) -> tuple[QuerySet[Signal], Mapping[str, str]]:
    """Return the signals that a signal breaks down into, in no order, and the edge type of each node.

    Issues one query.
    """
    types = _linked(signal, BREAKDOWN, downwards=True)
    rows = _beside(signal).filter(node_id__in=types, dimensions__contains=signal.dimensions)
    return rows, types


def parents_of(signal: Signal) -> list[Relative]:
    """Return the signals that a signal is part of, the chosen one first. Issues two queries."""
    types = _linked(signal, BREAKDOWN, downwards=False)
    rows = _beside(signal).filter(node_id__in=types, dimensions__contained_by=signal.dimensions)
    found = [Relative(row, types[row.node_id]) for row in rows.order_by("-severity", "pk")]
    return sorted(found, key=lambda relative: relative.signal.pk != signal.parent_id)


def related_to(signal: Signal) -> list[Relative]:
    """Return at most RELATED_MAX signals beside one, the most severe first. Issues two queries.

    They are of the same facility and either of the same service line or linked by a semantic edge.
    """
    types = {**_linked(signal, SEMANTIC, downwards=True), **_linked(signal, SEMANTIC, downwards=False)}
    is_linked = Q(node_id__in=types)
    rows = _beside(signal).filter(_has("service_line", signal.service_line) | is_linked)
    return [
        Relative(row, types.get(row.node_id, SAME_PLACE))
        for row in rows.order_by("-severity", "pk")[:RELATED_MAX]
    ]


def _beside(signal: Signal) -> QuerySet[Signal]:
    """Return the other present signals of a signal's graph and facility, as lists show them."""
    rows = Signal.objects.present().filter(organization=signal.organization_id, graph=signal.graph_id)
    rows = rows.filter(_has("facility_id", signal.facility_id)).exclude(pk=signal.pk)
    return with_company(rows).defer(*HEAVY)


def _has(column: str, value: str | None) -> Q:
    """Return the condition that a column holds a value, or as it does nothing."""
    return Q(**{column: value}) if value is not None else Q(**{f"{column}__isnull": True})


def _linked(signal: Signal, category: str, *, downwards: bool) -> dict[str, str]:
    """Return the nodes that edges lead to from a signal's node (or come from), each with the edge's type.

    By the graph's current run, and by the run that holds the signal if that is another one.
    """
    here, there = ("source", "target") if downwards else ("target", "source")
    edges = Edge.objects.filter(
        organization=signal.organization_id,
        run__in=[run for run in (signal.graph.current_run_id, signal.content_run_id) if run],
        category=category,
        **{here: signal.node_id},
    )
    return dict(edges.order_by(there, "-edge_type").values_list(there, "edge_type"))
