"""Tools that say why: what led to a signal, what it was in each run, what its parts contribute."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from apps.accounts.permissions import Actor
from apps.common.tools import Instant, Result
from apps.signals.models import Observation
from apps.signals.queries.contributions import TOP, TOP_MAX, Contribution, ContributionGroup, contributions_of
from apps.signals.queries.explaining import Traced, explain_signal
from apps.signals.queries.observed import NEWEST, history_of
from apps.signals.rules.explanation import Change, RuleTrace
from apps.signals.states import SignalType
from apps.signals.tools.reading import SignalNamed, Texts, found_signal


class HistoryWanted(SignalNamed):
    """How much of a signal's history."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=500, description="How many runs, the newest first.")] = 50


class ContributionsWanted(SignalNamed):
    """Which parts of a signal."""

    child_node_id: Texts = []
    metric_id: Texts = []
    top_n: Annotated[
        int,
        msgspec.Meta(ge=1, le=TOP_MAX, description="How many parts of each group; the rest is summed up."),
    ] = TOP


class Explanation(Result):
    """Type and severity, the figures that the rules read with their places in the files, and the rules."""

    run_id: uuid.UUID
    signal_type: SignalType
    severity: int
    severity_calculation: Annotated[
        dict[str, Any], msgspec.Meta(description="base, refinements by factor, final.")
    ]
    inputs: Sequence[Traced]
    rules: Annotated[Sequence[RuleTrace], msgspec.Meta(description="The first that passes decides.")]
    changes: Annotated[
        Sequence[Change], msgspec.Meta(description="The nearest values that alone would change the type.")
    ]
    reported: Annotated[dict[str, Any] | None, msgspec.Meta(description="What the file itself says.")]


class ObservationFacts(Result):
    """What one run said of a signal, and the line of the file that says it."""

    run_id: uuid.UUID
    run: str
    started_at: Instant
    data_period: dt.date | None
    metric_value: float | None
    benchmark_value: float | None
    percentile_rank: float | None
    encounters: float | None
    signal_type: SignalType
    severity: int
    file: str
    line: int


class History(Result):
    """What the runs said of a signal, the newest first."""

    observations: list[ObservationFacts]


class ContributionFacts(Result):
    """What a signal is made of, and as what it stands in its parent."""

    parent: Contribution | None
    parent_signal_id: uuid.UUID | None
    groups: Sequence[ContributionGroup]


def explain(actor: Actor, named: SignalNamed) -> Explanation:
    """Return why a signal has its type and severity; raises NotFound, RunPruned."""
    found = explain_signal(found_signal(actor, named.id))
    return Explanation(
        run_id=found.run.pk,
        signal_type=SignalType(found.type),
        severity=found.severity,
        severity_calculation=dict(found.severity_calculation),
        inputs=found.inputs,
        rules=found.rules,
        changes=found.changes,
        reported=dict(found.reported) if found.reported is not None else None,
    )


def list_history(actor: Actor, wanted: HistoryWanted) -> History:
    """Return what the runs said of a signal; raises NotFound."""
    rows = history_of(found_signal(actor, wanted.id)).order_by(*NEWEST)[: wanted.limit]
    return History(observations=[_observation(row) for row in rows])


def list_contributions(actor: Actor, wanted: ContributionsWanted) -> ContributionFacts:
    """Return what the parts of a signal contribute; raises NotFound, RunPruned."""
    found = contributions_of(
        found_signal(actor, wanted.id),
        child_node_id=wanted.child_node_id,
        metric_id=wanted.metric_id,
        top_n=wanted.top_n,
    )
    return ContributionFacts(
        parent=found.parent, parent_signal_id=found.parent_signal_id, groups=found.groups
    )


def _observation(row: Observation) -> ObservationFacts:
    taken = (
        "run_id", "data_period", "metric_value", "benchmark_value", "percentile_rank", "encounters",
        "severity",
    )  # fmt: skip
    return ObservationFacts(
        **{name: getattr(row, name) for name in taken},
        run=row.run.run_id,
        started_at=row.run.started_at,
        signal_type=SignalType(row.signal_type),
        file=row.aggregate_file.path,
        line=row.aggregate_line,
    )
