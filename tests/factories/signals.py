"""Graphs, runs, signals and what hangs on them, as loading and hydration leave them."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import factory
from factory.django import DjangoModelFactory

from apps.accounts.models import Organization, User
from apps.common.db import uuid7
from apps.signals.models import (
    Assignment,
    Event,
    Graph,
    Observation,
    RoleType,
    Run,
    RunFile,
    Signal,
    Workflow,
)
from apps.signals.states import EventType, RunStatus, SignalType, WorkflowStatus
from tests.factories.accounts import OrganizationFactory

STARTED_AT: Final = dt.datetime(2026, 1, 5, 6, 0, tzinfo=dt.UTC)
PERIOD: Final = dt.date(2025, 12, 1)
ROLE_TYPE: Final = "nursing_leadership"


class GraphFactory(DjangoModelFactory[Graph]):
    """A graph without runs."""

    class Meta:
        model = Graph

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Graph {n}")
    root = factory.Sequence(lambda n: f"graph-{n}")


class RunFactory(DjangoModelFactory[Run]):
    """A hydrated run; each is a day later than the one before."""

    class Meta:
        model = Run

    graph = factory.SubFactory(GraphFactory)
    organization = factory.SelfAttribute("graph.organization")
    run_id = factory.Sequence(lambda n: f"run-{n:05}")
    status = RunStatus.HYDRATED
    started_at = factory.Sequence(lambda n: STARTED_AT + dt.timedelta(days=n))
    data_period = PERIOD


class RunFileFactory(DjangoModelFactory[RunFile]):
    """A file of a run with the results of a node."""

    class Meta:
        model = RunFile

    run = factory.SubFactory(RunFactory)
    organization = factory.SelfAttribute("run.organization")
    path = factory.Sequence(lambda n: f"nodes/node-{n}.jsonl")
    role = "aggregate"
    bytes = 1_000
    sha256 = factory.LazyAttribute(lambda row: hashlib.sha256(row.path.encode()).hexdigest())
    lines = 10


class SignalFactory(DjangoModelFactory[Signal]):
    """A present signal of an attention type with its workflow row, new unless `status` says else.

    Give `graph`, or `graph__organization` alone. `assignee` takes it as well, with an open assignment.
    """

    class Meta:
        model = Signal
        skip_postgeneration_save = True

    graph = factory.SubFactory(GraphFactory)
    organization = factory.SelfAttribute("graph.organization")
    first_run = factory.LazyAttribute(lambda row: _newest_run(row.graph))
    content_run = factory.SelfAttribute("first_run")
    first_detected_at = factory.LazyAttribute(lambda row: row.first_run.started_at)
    last_changed_at = factory.SelfAttribute("first_detected_at")
    signal_key = factory.LazyFunction(uuid7)
    content_hash = b"\0" * 32
    node_id = "losIndex__medicareId"
    temporal_node_id = "losIndex__medicareId__dischargeMonth"
    metric_id = "losIndex"
    domain = "Efficiency"
    facility_id = factory.Sequence(lambda n: f"FAC{n:03}")
    facility_name = factory.LazyAttribute(lambda row: f"Hospital {row.facility_id}")
    system_name = "System A"
    dimensions: Sequence[Any] = []
    groupby_label = "Facility-wide"
    group_value = "Facility-wide"
    metric_value = 1.2
    benchmark_value = 1.0
    variance_percent = 20.0
    peer_mean = 1.0
    peer_std = 0.1
    peer_count = 18
    percentile_rank = 97.0
    encounters = 1_000.0
    simple_z = 2.0
    aggregate_zscore = 2.1
    slope_percentile = 95.0
    period_count = 12
    data_period = PERIOD
    monthly_z_scores = factory.LazyFunction(lambda: [1.9, 2.0, 2.1])
    timeline = factory.LazyFunction(
        lambda: [
            {"period": f"2025-{month:02}-01", "value": 1.0 + month / 50, "encounters": 80.0}
            for month in range(1, 13)
        ]
    )
    anomaly_labels = factory.LazyFunction(dict)
    has_spike = False
    signal_type = SignalType.CRITICAL_TRAJECTORY
    severity = 95
    severity_calculation = factory.LazyFunction(lambda: {"base": 92, "refinements": [], "final": 95})
    polarity = "lower_is_better"
    quality_flags = factory.LazyFunction(list)
    rules_version = 1
    description = factory.LazyAttribute(lambda row: f"{row.metric_id} of {row.facility_name} is high.")

    @factory.post_generation  # type: ignore[untyped-decorator]
    def status(self: Any, create: bool, extracted: Any, **columns: Any) -> None:
        """Make the workflow row in a status; `status__version=3` sets its other columns."""
        if create:
            _make_workflow(self, extracted or WorkflowStatus.NEW, columns)

    @factory.post_generation  # type: ignore[untyped-decorator]
    def assignee(self: Any, create: bool, extracted: User | None, **columns: Any) -> None:
        """Give the signal to a person, under ROLE_TYPE unless `assignee__role_type` says else."""
        if create and extracted is not None:
            assign(self, extracted, **columns)


class ObservationFactory(DjangoModelFactory[Observation]):
    """What a run said of a signal: by default what the signal says now, at line 1 of a new file."""

    class Meta:
        model = Observation

    signal = factory.SubFactory(SignalFactory)
    organization = factory.SelfAttribute("signal.organization")
    run = factory.SelfAttribute("signal.content_run")
    metric_value = factory.SelfAttribute("signal.metric_value")
    benchmark_value = factory.SelfAttribute("signal.benchmark_value")
    percentile_rank = factory.SelfAttribute("signal.percentile_rank")
    encounters = factory.SelfAttribute("signal.encounters")
    simple_z = factory.SelfAttribute("signal.simple_z")
    signal_type = factory.SelfAttribute("signal.signal_type")
    severity = factory.SelfAttribute("signal.severity")
    data_period = factory.SelfAttribute("signal.data_period")
    content_hash = b"\0" * 32
    aggregate_file = factory.SubFactory(
        RunFileFactory,
        run=factory.SelfAttribute("..run"),
        organization=factory.SelfAttribute("..organization"),
    )
    aggregate_line = 1


class RoleTypeFactory(DjangoModelFactory[RoleType]):
    """A role type that signals may be taken under."""

    class Meta:
        model = RoleType
        django_get_or_create = ("organization", "code")

    organization = factory.SubFactory(OrganizationFactory)
    code = ROLE_TYPE
    label = factory.LazyAttribute(lambda row: str(row.code).replace("_", " ").capitalize())


class EventFactory(DjangoModelFactory[Event]):
    """A line of the feed about a signal."""

    class Meta:
        model = Event

    signal = factory.SubFactory(SignalFactory)
    organization = factory.SelfAttribute("signal.organization")
    event_type = EventType.NEW_SIGNAL
    occurred_at = STARTED_AT
    dedupe_key = factory.Sequence(lambda n: f"event:{n}")


def create_signal(organization: Organization, **fields: Any) -> Signal:
    """Make a signal with its workflow row, in the organization's first graph or a new one."""
    if "graph" not in fields:
        known = Graph.objects.filter(organization=organization).order_by("pk").first()
        fields["graph"] = known or GraphFactory.create(organization=organization)
    return SignalFactory.create(**fields)


def assign(signal: Signal, user: User, *, role_type: str = ROLE_TYPE, at: dt.datetime = STARTED_AT) -> None:
    """Write the rows that an assignment leaves, past all rules; a new signal becomes an assigned one."""
    rows = Workflow.objects.filter(signal=signal)
    rows.filter(status=WorkflowStatus.NEW).update(status=WorkflowStatus.ASSIGNED)
    rows.update(assignee=user, role_type=role_type, assigned_at=at)
    Assignment.objects.create(
        organization=signal.organization, signal=signal, assignee=user, role_type=role_type, assigned_at=at
    )


def _newest_run(graph: Graph) -> Run:
    """Return the graph's newest run, a new one if it has none; the newest is its current one."""
    run = graph.runs.in_run_order().last() or RunFactory.create(graph=graph)
    if graph.current_run_id != run.pk:
        graph.current_run = run
        graph.save(update_fields=["current_run", "updated_at"])
    return run


def _make_workflow(signal: Signal, status: str, columns: dict[str, Any]) -> None:
    Workflow.objects.create(organization=signal.organization, signal=signal, status=status, **columns)
