"""How a signal moved over its months, and its peers with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.signals.models import Node, Signal


@dataclass(frozen=True, slots=True)
class Temporal:
    """The figures of a signal's temporal row; all are missing without one.

    timeline: [{period, value, encounters}]; peer_trends: {periods, p10, p25, p50, p75, p90, sample_sizes} of
    the whole temporal node.
    """

    has_temporal_data: bool
    node_id: str | None
    slope: float | None
    slope_percentile: float | None
    acceleration: float | None
    end_start_delta: float | None
    trend_direction: str | None
    period_count: int | None
    data_period: date | None
    latest_simple_z: float | None
    latest_robust_z: float | None
    aggregate_zscore: float | None
    mean_robust_z: float | None
    zscore_std: float | None
    max_excursion: float | None
    monthly_z_scores: Sequence[float | None]
    timeline: Sequence[Mapping[str, Any]]
    peer_trends: Mapping[str, Sequence[Any]] | None


def temporal_of(signal: Signal) -> Temporal:
    """Return how a signal moved. Issues one query."""
    return Temporal(
        has_temporal_data=signal.temporal_node_id is not None,
        node_id=signal.temporal_node_id,
        slope=signal.slope,
        slope_percentile=signal.slope_percentile,
        acceleration=signal.acceleration,
        end_start_delta=signal.end_start_delta,
        trend_direction=signal.trend_direction,
        period_count=signal.period_count,
        data_period=signal.data_period,
        latest_simple_z=signal.latest_simple_z,
        latest_robust_z=signal.latest_robust_z,
        aggregate_zscore=signal.aggregate_zscore,
        mean_robust_z=signal.mean_robust_z,
        zscore_std=signal.zscore_std,
        max_excursion=signal.max_excursion,
        monthly_z_scores=signal.monthly_z_scores or [],
        timeline=signal.timeline or [],
        peer_trends=_peer_trends(signal),
    )


def _peer_trends(signal: Signal) -> Mapping[str, Sequence[Any]] | None:
    """Return the percentiles of the temporal node, of the newest run that has it."""
    nodes = Node.objects.filter(
        organization=signal.organization_id, run__graph=signal.graph_id, node_id=signal.temporal_node_id
    )
    newest = nodes.order_by("-run__started_at", "-run__run_id", "-run__revision")
    found: Mapping[str, Sequence[Any]] | None = newest.values_list("peer_trends", flat=True).first()
    return found
