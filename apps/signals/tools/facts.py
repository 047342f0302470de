"""What tools say of signals, their triage and their runs."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from django.utils import timezone

from apps.accounts.models import User
from apps.common.tools import Instant, Result
from apps.signals.models import Comment, Run, Signal, Workflow
from apps.signals.queries.assignees import names_of
from apps.signals.queries.detail import annotation_of
from apps.signals.queries.listing import Shown, show_signals
from apps.signals.states import RunStatus, SignalType, WorkflowStatus


class PersonFacts(Result):
    """Somebody."""

    id: uuid.UUID
    name: str


class SignalFacts(Result):
    """A signal: an entity of a metric, how it compares, and where it stands."""

    id: uuid.UUID
    metric_id: str
    metric_name: str
    domain: str
    facility_id: str | None
    facility_name: str | None
    service_line: str | None
    sub_service_line: str | None
    groupby_label: str
    group_value: str
    metric_value: float | None
    benchmark_value: float | None
    variance_percent: Annotated[float | None, msgspec.Meta(description="From the benchmark, of its size.")]
    percentile_rank: Annotated[float | None, msgspec.Meta(description="0 to 100 among peers.")]
    encounters: float | None
    data_period: Annotated[dt.date | None, msgspec.Meta(description="First day of the newest month.")]
    signal_type: SignalType
    severity: Annotated[int, msgspec.Meta(description="0 to 100, the worst highest.")]
    attention: Annotated[bool, msgspec.Meta(description="The type is one that somebody should look at.")]
    description: str
    days_open: int
    is_absent: Annotated[bool, msgspec.Meta(description="The newest run no longer has it.")]
    status: WorkflowStatus
    assignee: PersonFacts | None
    uri: str


class SignalPage(Result):
    """One page of signals."""

    signals: list[SignalFacts]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Pass it as cursor; null on the last page.")]


class WorkflowFacts(Result):
    """Where a signal stands."""

    signal_id: uuid.UUID
    status: WorkflowStatus
    assignee: PersonFacts | None
    role_type: str | None
    assigned_at: Instant | None
    started_at: Instant | None
    resolved_at: Instant | None
    resolution_code: str | None
    resolution_notes: str
    effective_date: dt.date | None
    closed_at: Instant | None
    reopen_count: int
    version: Annotated[int, msgspec.Meta(description="Grows with every change.")]


class MonthFacts(Result):
    """One month of a signal."""

    period: dt.date
    value: float | None
    encounters: float | None = None


class SignalDetail(SignalFacts):
    """A signal with everything that the newest run and people say of it."""

    graph: str
    system_name: str | None
    dimensions: list[tuple[str, str | None]]
    peer_mean: float | None
    peer_std: float | None
    peer_count: int | None
    simple_z: float | None
    aggregate_zscore: float | None
    slope: float | None
    slope_percentile: float | None
    polarity: str
    quality_flags: list[str]
    timeline: list[MonthFacts]
    generated_description: str
    why_matters: str | None
    first_detected_at: Instant
    last_changed_at: Instant
    parent_id: uuid.UUID | None
    child_count: int
    workflow: WorkflowFacts


class CommentFacts(Result):
    """A comment, and whom it mentions."""

    id: uuid.UUID
    signal_id: uuid.UUID
    body: str
    mentions: list[PersonFacts]
    created_at: Instant


class RunFacts(Result):
    """One run of a graph, and how far it has come."""

    id: uuid.UUID
    graph: str
    run_id: str
    revision: int
    status: RunStatus
    is_current: Annotated[bool, msgspec.Meta(description="Its signals are the ones that are shown.")]
    started_at: Instant
    data_period: dt.date | None
    node_count: int
    entity_count: int
    rejected_count: int
    warning_count: int
    error_code: str | None
    error_detail: str


class RunPage(Result):
    """One page of runs."""

    runs: list[RunFacts]
    next_cursor: Annotated[str | None, msgspec.Meta(description="Pass it as cursor; null on the last page.")]


def address_of(signal_id: uuid.UUID) -> str:
    """Return the address of a signal as a resource."""
    return f"sextant://signals/signal/{signal_id}"


def facts_of(rows: Sequence[Signal]) -> list[SignalFacts]:
    """Return signals, as `listing.with_company` joins them, as they go out."""
    return [SignalFacts(**_facts(shown)) for shown in show_signals(rows, now=timezone.now())]


def detail_of(row: Signal) -> SignalDetail:
    """Return one signal, as `listing.with_company` joins it, with everything."""
    (shown,) = show_signals([row], now=timezone.now())
    annotation = annotation_of(row)
    taken = (
        "system_name", "peer_mean", "peer_std", "peer_count", "simple_z", "aggregate_zscore", "slope",
        "slope_percentile", "polarity", "quality_flags", "first_detected_at", "last_changed_at", "parent_id",
        "child_count",
    )  # fmt: skip
    return SignalDetail(
        **_facts(shown),
        **{name: getattr(row, name) for name in taken},
        graph=row.graph.name,
        dimensions=[(name, value) for name, value in row.dimensions],
        timeline=msgspec.convert(row.timeline or [], list[MonthFacts]),
        generated_description=row.description,
        why_matters=annotation.why_matters if annotation is not None else None,
        workflow=workflow_facts(shown.workflow),
    )


def workflow_facts(row: Workflow) -> WorkflowFacts:
    """Return where a signal stands as it goes out."""
    taken = (
        "signal_id", "role_type", "assigned_at", "started_at", "resolved_at", "resolution_notes",
        "effective_date", "closed_at", "reopen_count", "version",
    )  # fmt: skip
    return WorkflowFacts(
        **{name: getattr(row, name) for name in taken},
        status=WorkflowStatus(row.status),
        assignee=_person(row.assignee),
        resolution_code=row.resolution_code or None,
    )


def comment_facts(row: Comment) -> CommentFacts:
    """Return a comment as it goes out. Issues one query if it mentions anybody."""
    names = names_of(row.mentions)
    return CommentFacts(
        id=row.pk,
        signal_id=row.signal_id,
        body=row.body,
        mentions=[PersonFacts(id=key, name=names[key]) for key in row.mentions if key in names],
        created_at=row.created_at,
    )


def run_facts(row: Run) -> RunFacts:
    """Return a run, with its graph, as it goes out."""
    taken = (
        "run_id", "revision", "started_at", "data_period", "node_count", "entity_count", "rejected_count",
        "warning_count", "error_detail",
    )  # fmt: skip
    return RunFacts(
        **{name: getattr(row, name) for name in taken},
        id=row.pk,
        graph=row.graph.name,
        status=RunStatus(row.status),
        is_current=row.graph.current_run_id == row.pk,
        error_code=row.error_code or None,
    )


def _facts(shown: Shown) -> dict[str, Any]:
    row = shown.signal
    taken = (
        "metric_id", "domain", "facility_id", "facility_name", "service_line", "sub_service_line",
        "groupby_label", "group_value", "metric_value", "benchmark_value", "variance_percent",
        "percentile_rank", "encounters", "data_period", "severity",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in taken},
        "id": row.pk,
        "metric_name": shown.metric_name,
        "signal_type": SignalType(row.signal_type),
        "attention": shown.needs_attention,
        "description": shown.description,
        "days_open": shown.days_open,
        "is_absent": row.absent_since_run_id is not None,
        "status": WorkflowStatus(shown.workflow.status),
        "assignee": _person(shown.workflow.assignee),
        "uri": address_of(row.pk),
    }


def _person(user: User | None) -> PersonFacts | None:
    return PersonFacts(id=user.pk, name=user.name) if user is not None else None
