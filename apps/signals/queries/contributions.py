"""What the parts of a signal contribute to it, and it to what it is part of."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from apps.signals.models import Run, Signal
from apps.signals.queries.observed import newest_observation, read_json
from apps.signals.queries.relations import Record, read_records
from apps.signals.queries.relatives import parents_of
from apps.signals.storage.mart_schema import FCT_CONTRIBUTIONS
from apps.signals.storage.marts import mart

TOP_MAX: Final = 200
TOP: Final = 10
NO_LABEL: Final = "(none)"
ADVERSE, FAVOURABLE, EQUAL = "adverse", "favourable", "equal"
DIRECTIONS: Final = (ADVERSE, FAVOURABLE, EQUAL)

# The raw table has the index by parent.
_FROM: Final = (
    "SELECT mart.* FROM raw_contributions AS raw"
    " JOIN {contributions} AS mart USING (run_id, file_id, line_no)"
    " WHERE raw.run_id = %(run)s AND raw.parent_signal_key = ANY(%(parents)s)"
)
_CHILDREN: Final = (
    _FROM
    + " AND (%(nodes)s::text[] IS NULL OR mart.child_node_id = ANY(%(nodes)s))"
    + " AND (%(metrics)s::text[] IS NULL OR mart.metric_id = ANY(%(metrics)s))"
    + " ORDER BY mart.child_node_id, mart.metric_id, mart.rank"
)
_AS_CHILD: Final = (
    _FROM
    + " AND mart.child_signal_key = %(key)s"
    + " ORDER BY array_position(%(parents)s, mart.parent_signal_key), mart.metric_id <> %(metric)s,"
    + " mart.metric_id, mart.file_id, mart.line_no LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Contribution:
    """One part: its share of the weight and of the whole's value, and by how much it lifts the whole.

    rank: by the size of `excess`, of all parts of the group. excess: weight share times the distance from the
    whole; excess_percent: of the whole's value.
    """

    rank: int
    child_entity: dict[str, Any] | None
    label: str
    child_signal_id: uuid.UUID | None
    child_value: float | None
    parent_value: float | None
    weight_field: str | None
    weight_value: float | None
    weight_share: float | None
    contribution_share: float | None
    excess: float | None
    excess_percent: float | None
    direction: str
    description: str


@dataclass(frozen=True, slots=True)
class Rest:
    """The parts beyond the first ones, together."""

    count: int
    weight_value: float | None
    weight_share: float | None
    contribution_share: float | None
    excess: float | None


@dataclass(frozen=True, slots=True)
class ContributionGroup:
    """The parts in one child node by one metric; share_sum is of all weights, 1 if the file is right."""

    child_node_id: str
    metric_id: str | None
    share_sum: float | None
    share_valid: bool
    items: Sequence[Contribution]
    other: Rest


@dataclass(frozen=True, slots=True)
class Contributions:
    """What a signal is made of, and as what it stands in its parent, None if it is nobody's part."""

    parent: Contribution | None
    parent_signal_id: uuid.UUID | None
    groups: Sequence[ContributionGroup]


def contributions_of(
    signal: Signal, *, child_node_id: Sequence[str] = (), metric_id: Sequence[str] = (), top_n: int = TOP
) -> Contributions:
    """Return the parts of a signal in its newest run, the `top_n` of the largest excess each by themselves.

    Raises RunPruned. Issues seven queries, whatever the number of parts.
    """
    run = newest_observation(signal).run
    names = {
        "parents": [signal.signal_key],
        "nodes": list(child_node_id) or None,
        "metrics": list(metric_id) or None,
    }
    rows = _read(_CHILDREN, run, names)
    parents = {relative.signal.signal_key: relative.signal.pk for relative in parents_of(signal)}
    above = _read(
        _AS_CHILD,
        run,
        {"parents": list(parents), "key": signal.signal_key, "metric": signal.metric_id},
    )
    ids = _ids_of(signal, [*rows, *above])
    return Contributions(
        parent=_contribution(above[0], signal, ids) if above else None,
        parent_signal_id=parents[above[0]["parent_signal_key"]] if above else None,
        groups=[
            _group(list(found), signal, ids, top_n)
            for _, found in groupby(rows, key=lambda row: (row["child_node_id"], row["metric_id"]))
        ],
    )


def _read(statement: str, run: Run, names: dict[str, Any]) -> list[Record]:
    rows = read_records(statement, {"run": run.pk, **names}, contributions=mart(FCT_CONTRIBUTIONS))
    for row in rows:
        for name in ("parent_entity", "child_entity"):
            row[name] = read_json(row[name])
    return rows


def _ids_of(signal: Signal, rows: Iterable[Record]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the ids of the signals that parts are, by their keys."""
    keys = {row["child_signal_key"] for row in rows} - {None}
    found = Signal.objects.filter(organization=signal.organization_id, signal_key__in=keys)
    return dict(found.values_list("signal_key", "pk"))


def _group(
    rows: Sequence[Record], signal: Signal, ids: dict[uuid.UUID, uuid.UUID], top_n: int
) -> ContributionGroup:
    first, rest = rows[:top_n], rows[top_n:]
    return ContributionGroup(
        child_node_id=rows[0]["child_node_id"],
        metric_id=rows[0]["metric_id"],
        share_sum=rows[0]["share_sum"],
        share_valid=rows[0]["share_valid"],
        items=[_contribution(row, signal, ids) for row in first],
        other=Rest(
            count=len(rest),
            weight_value=_sum(rest, "weight_value"),
            weight_share=_sum(rest, "weight_share"),
            contribution_share=_sum(rest, "contribution_value"),
            excess=_sum(rest, "excess_over_parent"),
        ),
    )


def _sum(rows: Sequence[Record], column: str) -> float | None:
    """Return the sum of what is known, 0 of no rows, None if nothing is known."""
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known) if known or not rows else None


def _contribution(row: Record, signal: Signal, ids: dict[uuid.UUID, uuid.UUID]) -> Contribution:
    label = _label(row["child_entity"], row["parent_entity"])
    direction = direction_of(row["excess_over_parent"], signal.polarity)
    return Contribution(
        rank=row["rank"],
        child_entity=row["child_entity"],
        label=label,
        child_signal_id=ids.get(row["child_signal_key"]),
        child_value=row["child_value"],
        parent_value=row["parent_value"],
        weight_field=row["weight_field"],
        weight_value=row["weight_value"],
        weight_share=row["weight_share"],
        contribution_share=row["contribution_value"],
        excess=row["excess_over_parent"],
        excess_percent=row["excess_percent"],
        direction=direction,
        description=_sentence(row, label, direction),
    )


def direction_of(excess: float | None, polarity: str) -> str:
    """Tell whether a part makes the whole worse; of a neutral metric neither way is worse."""
    if not excess or polarity not in {"lower_is_better", "higher_is_better"}:
        return EQUAL
    return ADVERSE if (excess > 0) == (polarity == "lower_is_better") else FAVOURABLE


def _label(child: dict[str, Any] | None, parent: dict[str, Any] | None) -> str:
    """Return what a part has that the whole has not: its values, in the order of their dimensions' names."""
    own = sorted((child or {}).items() - (parent or {}).items()) if child else []
    return " / ".join(NO_LABEL if value is None else str(value) for _, value in own) or NO_LABEL


def _sentence(row: Record, label: str, direction: str) -> str:
    """Return in words what a part does to the whole."""
    share, excess = row["weight_share"], row["excess_over_parent"]
    if share is None or excess is None or row["child_value"] is None or row["parent_value"] is None:
        return f"What {label} contributes is not known."
    weight = row["weight_field"] or "weight"
    acts = {ADVERSE: "worsens", FAVOURABLE: "improves", EQUAL: "changes"}[direction]
    percent = f" ({row['excess_percent']:+.1f} %)" if row["excess_percent"] is not None else ""
    return (
        f"{label} has {share:.1%} of {weight} at {row['child_value']:.4g} against {row['parent_value']:.4g}"
        f" and {acts} the whole by {excess:+.4f}{percent}."
    )
