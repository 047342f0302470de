"""What the page of one signal tells: its months among its peers, why, of what, over the runs, from where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from apps.accounts.permissions import Actor
from apps.signals.charts import Peers, TrendChart, trend_chart
from apps.signals.models import Node, Observation, Signal

OBSERVATIONS_SHOWN: Final = 24
PERCENTILES: Final = ("p10", "p25", "p50", "p75", "p90")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a signal: its name, value and z among the peers."""

    label: str
    value: float | None
    z: float | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is told of a signal beside its own columns and its triage."""

    chart: TrendChart | None
    months: Sequence[Month]
    observations: Sequence[Observation]


def tell_story(actor: Actor, signal: Signal) -> Story:
    """Return what is told of a signal."""
    months = _months(signal)
    return Story(
        chart=trend_chart([month.label for month in months], [month.value for month in months], _peers(signal)),
        months=months,
        observations=_observations(signal),
    )


def _months(signal: Signal) -> list[Month]:
    timeline = signal.timeline or []
    scores = signal.monthly_z_scores or []
    return [
        Month(
            label=f"{date.fromisoformat(point['period']):%b %Y}",
            value=point["value"],
            z=scores[place] if place < len(scores) else None,
        )
        for place, point in enumerate(timeline)
    ]


def _peers(signal: Signal) -> Peers | None:
    """Return the percentiles of a signal's peers, month by month of its own timeline. Issues one query."""
    if signal.content_run_id is None or signal.temporal_node_id is None:
        return None
    nodes = Node.objects.filter(run=signal.content_run_id, node_id=signal.temporal_node_id)
    trends: Mapping[str, Any] | None = nodes.values_list("peer_trends", flat=True).first()
    if not trends:
        return None
    places = {period: place for place, period in enumerate(trends["periods"])}
    at = [places.get(point["period"]) for point in signal.timeline or ()]
    return Peers(*([None if place is None else trends[name][place] for place in at] for name in PERCENTILES))


def _observations(signal: Signal) -> list[Observation]:
    rows = Observation.objects.filter(signal=signal).select_related("run")
    newest = rows.order_by("-run__started_at", "-run__run_id", "-run__revision")
    return list(newest[:OBSERVATIONS_SHOWN])
