"""What metrics are called: by the mart of each graph's current run."""

import uuid
from collections.abc import Iterable, Mapping

from apps.signals.models import Signal
from apps.signals.queries.relations import read_records
from apps.signals.storage.mart_schema import DIM_METRICS
from apps.signals.storage.marts import has_marts, mart

_NAMES = (
    "SELECT graph.id AS graph_id, metric.metric_id, metric.display_name"
    " FROM signals_graph AS graph JOIN {metrics} AS metric ON metric.run_id = graph.current_run_id"
    " WHERE graph.id = ANY(%(graphs)s) AND metric.metric_id = ANY(%(metrics)s)"
    " AND metric.display_name IS NOT NULL"
)


def metric_names(signals: Iterable[Signal]) -> Mapping[tuple[uuid.UUID, str], str]:
    """Return the display names of signals' metrics by graph and metric id, where there is one.

    Issues two queries.
    """
    pairs = {(signal.graph_id, signal.metric_id) for signal in signals}
    return names_of(pairs)


def names_of(pairs: Iterable[tuple[uuid.UUID, str]]) -> Mapping[tuple[uuid.UUID, str], str]:
    """Return the display names of metrics of graphs, where there is one. Issues two queries."""
    wanted = set(pairs)
    if not has_marts():
        return {}
    found = read_records(
        _NAMES,
        {"graphs": [graph for graph, _ in wanted], "metrics": [metric for _, metric in wanted]},
        metrics=mart(DIM_METRICS),
    )
    return {(row["graph_id"], row["metric_id"]): row["display_name"] for row in found}
