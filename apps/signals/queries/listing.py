"""Signals as they are listed: what goes with each, their orders, and the figures of the clock."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Model, QuerySet

from apps.accounts.models import User
from apps.signals.models import Annotation, Graph, Signal, Workflow
from apps.signals.queries.metric_names import metric_names
from apps.signals.states import ATTENTION_TYPES, WorkflowStatus

# Only the page of one signal shows these; they are most of its bytes.
HEAVY: Final = ("timeline", "monthly_z_scores", "anomaly_labels", "severity_calculation")
# What is shown of the rows beside it, and the keys that lead there.
_SHOWN_COMPANY: Final[Mapping[str, tuple[type[Model], frozenset[str]]]] = {
    "workflow": (
        Workflow,
        frozenset({
            "signal", "status", "assignee", "role_type", "assigned_at", "started_at", "resolved_at",
            "resolution_code", "resolution_notes", "effective_date", "closed_at", "reopen_count",
            "reopened_at", "version",
        }),
    ),
    "workflow__assignee": (User, frozenset({"name"})),
    "annotation": (Annotation, frozenset({"signal", "description_override"})),
    "graph": (Graph, frozenset({"name"})),
}  # fmt: skip
# Name of an order -> column.
SORTS: Final[Mapping[str, str]] = {
    "severity": "severity",
    "first_detected_at": "first_detected_at",
    "last_changed_at": "last_changed_at",
    "metric_id": "metric_id",
    "facility_name": "facility_name",
    "variance_percent": "variance_percent",
    "percentile_rank": "percentile_rank",
    "encounters": "encounters",
}
DEFAULT_SORT: Final = "-severity"


@dataclass(frozen=True, slots=True)
class Shown:
    """A signal with what is told of it beside its columns."""

    signal: Signal
    workflow: Workflow
    metric_name: str
    description: str
    needs_attention: bool
    days_open: int


def with_company(rows: QuerySet[Signal]) -> QuerySet[Signal]:
    """Join what is shown with each signal: its workflow and assignee, annotation and graph."""
    return rows.select_related("workflow__assignee", "annotation", "graph")


def shown_alone(rows: QuerySet[Signal]) -> QuerySet[Signal]:
    """Return rows with their company, without the columns that lists do not show."""
    hidden = [
        f"{prefix}__{field.name}"
        for prefix, (model, shown) in _SHOWN_COMPANY.items()
        for field in model._meta.concrete_fields  # noqa: SLF001 - Django's own way
        if not field.primary_key and field.name not in shown
    ]
    return with_company(rows).defer(*HEAVY, *hidden)


def show_signals(rows: Sequence[Signal], *, now: datetime) -> list[Shown]:
    """Return signals of `with_company` as they are shown. Issues two queries, whatever their number."""
    names = metric_names(rows)
    return [_shown(row, names, now) for row in rows]


def needs_attention(signal: Signal) -> bool:
    """Tell whether a signal is of a type that somebody should look at."""
    return signal.signal_type in ATTENTION_TYPES


def days_open(signal: Signal, workflow: Workflow, *, now: datetime) -> int:
    """Return the whole days from detection, or reopening, to resolution or `now`."""
    start = workflow.reopened_at or signal.first_detected_at
    is_open = WorkflowStatus(workflow.status).is_open
    end = now if is_open or workflow.resolved_at is None else workflow.resolved_at
    return max((end - start).days, 0)


def workflow_of(signal: Signal) -> Workflow:
    """Return a signal's workflow; one that no hydration has ended yet counts as new."""
    found: Workflow | None = getattr(signal, "workflow", None)
    return found or Workflow(organization_id=signal.organization_id, signal=signal)


def override_of(signal: Signal) -> str | None:
    """Return the description that people wrote over the generated one, if they did."""
    annotation = getattr(signal, "annotation", None)
    return annotation.description_override if annotation is not None else None


def _shown(signal: Signal, names: Mapping[tuple[uuid.UUID, str], str], now: datetime) -> Shown:
    workflow = workflow_of(signal)
    return Shown(
        signal=signal,
        workflow=workflow,
        metric_name=names.get((signal.graph_id, signal.metric_id), signal.metric_id),
        description=override_of(signal) or signal.description,
        needs_attention=needs_attention(signal),
        days_open=days_open(signal, workflow, now=now),
    )
