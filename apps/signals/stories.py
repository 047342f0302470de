"""What the page of one signal tells: its months among its peers, why, of what, over the runs, from where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from apps.common.errors import NotFound
from apps.signals.boards import title_of
from apps.signals.charts import Bar, Peers, TrendChart, trend_chart, waterfall
from apps.signals.errors import RunPruned
from apps.signals.models import Observation, Signal
from apps.signals.page_tags import words
from apps.signals.queries.contributions import ContributionGroup, contributions_of
from apps.signals.queries.explaining import Reasoning, explain_signal
from apps.signals.queries.lineage import Lineage, lineage_of
from apps.signals.queries.listing import Shown, show_signals
from apps.signals.queries.observed import NEWEST, history_of
from apps.signals.queries.relatives import children_of, parents_of, show_relatives
from apps.signals.queries.trends import temporal_of
from apps.signals.rules.explanation import Change, Cut

OBSERVATIONS_SHOWN: Final = 24
CHILDREN_SHOWN: Final = 50
PARTS_SHOWN: Final = 12
# What the letters of the rules stand for.
INPUT_LABELS: Final[Mapping[str, str]] = {
    "mean_z": "Z, mean z of the months",
    "slope_percentile": "P, percentile of the slope",
    "acceleration": "A, acceleration by peer spread",
    "zscore_std": "S, spread of the months' z",
    "max_excursion": "X, largest excursion of z",
    "observations": "n, months observed",
}
PERCENTILES: Final = ("p10", "p25", "p50", "p75", "p90")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a signal: its name, value and z among the peers."""

    label: str
    value: float | None
    z: float | None


@dataclass(frozen=True, slots=True)
class ShownInput:
    """An input of the rules, where it stands, and the nearest values that alone change the type."""

    label: str
    value: Any
    line: int | None
    below: Cut | None
    above: Cut | None


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a signal and its bar in the waterfall."""

    label: str
    signal_id: UUID | None
    excess: float | None
    share: float | None
    direction: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """The parts of a signal in one child node, the largest first; the rest are one step."""

    title: str
    weight_field: str
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class ShownRelation:
    """A parent or child of a signal."""

    shown: Shown
    title: str
    edge_type: str


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is told of a signal beside its own columns and its triage.

    `reasoning` is None where the run's rows are gone, `lineage` where nothing was ever observed.
    """

    chart: TrendChart | None
    months: Sequence[Month]
    reasoning: Reasoning | None
    inputs: Sequence[ShownInput]
    groups: Sequence[ShownGroup]
    parents: Sequence[ShownRelation]
    children: Sequence[ShownRelation]
    more_children: int
    observations: Sequence[Observation]
    lineage: Lineage | None


def tell_story(signal: Signal, *, now: datetime) -> Story:
    """Return what is told of a signal of `detailed_signals`."""
    months = _months(signal)
    reasoning, groups = _reasons(signal)
    children, more = _children(signal, now)
    return Story(
        chart=trend_chart(
            [month.label for month in months], [month.value for month in months], _peers(signal)
        ),
        months=months,
        reasoning=reasoning,
        inputs=_inputs(reasoning) if reasoning else (),
        groups=groups,
        parents=_relations(show_relatives(parents_of(signal), now=now)),
        children=children,
        more_children=more,
        observations=list(history_of(signal).order_by(*NEWEST)[:OBSERVATIONS_SHOWN]),
        lineage=_lineage(signal),
    )


def _months(signal: Signal) -> list[Month]:
    scores = signal.monthly_z_scores or []
    return [
        Month(
            label=f"{date.fromisoformat(point['period']):%b %Y}",
            value=point["value"],
            z=scores[place] if place < len(scores) else None,
        )
        for place, point in enumerate(signal.timeline or ())
    ]


def _peers(signal: Signal) -> Peers | None:
    """Return the percentiles of a signal's peers, month by month of its own timeline."""
    temporal = temporal_of(signal)
    trends = temporal.peer_trends
    if not trends:
        return None
    places = {period: place for place, period in enumerate(trends["periods"])}
    at = [places.get(point["period"]) for point in temporal.timeline]
    return Peers(*([None if place is None else trends[name][place] for place in at] for name in PERCENTILES))


def _reasons(signal: Signal) -> tuple[Reasoning | None, Sequence[ShownGroup]]:
    """Return what only the rows of a run can tell; nothing once it was pruned."""
    try:
        reasoning = explain_signal(signal)
        contributions = contributions_of(signal, top_n=PARTS_SHOWN)
    except RunPruned:
        return None, ()
    return reasoning, [_group(group) for group in contributions.groups]


def _inputs(reasoning: Reasoning) -> list[ShownInput]:
    changes: Mapping[str, Change] = {change.input: change for change in reasoning.changes}
    found = []
    for each in reasoning.inputs:
        change = changes.get(each.name)
        below, above = (change.below, change.above) if change else (None, None)
        label = INPUT_LABELS.get(each.name) or words(each.name)
        found.append(ShownInput(label, each.value, each.line, below, above))
    return found


def _group(group: ContributionGroup) -> ShownGroup:
    parts = [
        (item.label, item.child_signal_id, item.excess, item.weight_share, item.direction)
        for item in group.items
    ]
    if group.other.count:
        rest = group.other
        parts.append((f"{rest.count:,} others", None, rest.excess, rest.weight_share, "equal"))
    bars = waterfall([excess for _, _, excess, _, _ in parts])
    return ShownGroup(
        title=f"{len(parts):,} parts by {_dimensions_of(group)}",
        weight_field=group.items[0].weight_field or "" if group.items else "",
        steps=[Step(*part, bar=bar) for part, bar in zip(parts, bars, strict=True)],
    )


def _dimensions_of(group: ContributionGroup) -> str:
    """Return what a group's parts differ in, for people: nodes are opaque, so by what its entities name."""
    names = {name for item in group.items for name in (item.child_entity or {})}
    shared = {
        name
        for name in names
        if len({str((item.child_entity or {}).get(name)) for item in group.items}) == 1 < len(group.items)
    }
    return ", ".join(sorted(names - shared)) or group.child_node_id


def _children(signal: Signal, now: datetime) -> tuple[list[ShownRelation], int]:
    rows, types = children_of(signal)
    found = list(rows.order_by("-severity", "pk")[: CHILDREN_SHOWN + 1])
    more = rows.count() - CHILDREN_SHOWN if len(found) > CHILDREN_SHOWN else 0
    shown = show_signals(found[:CHILDREN_SHOWN], now=now)
    return [ShownRelation(each, title_of(each.signal), types[each.signal.node_id]) for each in shown], more


def _relations(relatives: Iterable[Any]) -> list[ShownRelation]:
    return [ShownRelation(each.shown, title_of(each.shown.signal), each.edge_type) for each in relatives]


def _lineage(signal: Signal) -> Lineage | None:
    try:
        return lineage_of(signal)
    except NotFound:
        return None
