"""A hydration that is killed anywhere ends as an undisturbed one; people at work meanwhile lose nothing."""

import signal as signals_of_the_system
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.models import Role
from apps.accounts.permissions import member_actor
from apps.common import jobs
from apps.signals.hydrating import batches
from apps.signals.hydrating.job import run_hydration
from apps.signals.models import Assignment, Event, Hydration, Run, Signal, Workflow
from apps.signals.services import start_hydration
from apps.signals.states import HydrationTrigger, RunStatus, WorkflowStatus
from apps.signals.triage_services import assign_signal, move_signal
from tests.factories.accounts import create_member
from tests.factories.signals import ROLE_TYPE
from tests.furniture.nursery import Nursery
from tests.furniture.people import Actors
from tests.signals.marts import graph_of, make_marts, make_run, put, take_out
from tests.signals.stories import counted, hydrate, row_versions

pytestmark = pytest.mark.django_db(transaction=True)

ENTITIES = 50
BATCH_ROWS = 20
WORKER = """
import sys
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
settings.SIGNALS_HYDRATE_BATCH = int(sys.argv[3])
from apps.common import jobs
jobs.execute("signals.hydrate", sys.argv[2])
"""
# Where it dies, and whether the job had ended by then. Of three batches.
POINTS = [
    ("hydrate.batch:1", False),
    ("hydrate.after_batch:1", False),
    ("hydrate.batch:3", False),
    ("hydrate.topology", False),
    ("hydrate.closing", False),
    ("hydrate.closed", True),
]


def two_runs(actors: Actors, name: str) -> tuple[Run, Run]:
    """Make two runs of a graph: the second changes all, lacks five, has five more; the first is hydrated."""
    graph = graph_of(actors.organization, name)
    first, second = make_run(graph, 2), make_run(graph, 3)
    for number in range(ENTITIES):
        facility = f"FAC{number // 5:03}"
        line = f"Line {number % 5}" if number % 5 else None
        put(first, facility, line, severity=35)
        key = put(second, facility, line, severity=30 + number % 30, signal_type="emerging_risk")
        if number < 5:
            take_out(second, key)
    for number in range(5):
        put(second, f"NEW{number:03}", signal_type="critical_trajectory", severity=95)
    hydrate(first)
    return first, second


def die(nursery: Nursery, row: Hydration, point: str) -> None:
    """Run the hydration in a process of its own, which dies at the point."""
    name = connection.settings_dict["NAME"]
    code = nursery.run(WORKER, name, row.pk, BATCH_ROWS, SIGNALS_FAULT=point)
    assert code == -signals_of_the_system.SIGKILL, nursery.errors


def end_state(run: Run) -> dict[str, Any]:
    """Return everything a hydration leaves, but for ids and clocks."""
    run.refresh_from_db()
    run.graph.refresh_from_db()
    signals = Signal.objects.filter(graph=run.graph).select_related("workflow", "parent")
    return {
        "signals": sorted(
            (
                row.facility_id,
                row.service_line or "",
                row.severity,
                bytes(row.content_hash),
                row.absent_since_run_id == run.pk,
                row.absent_runs,
                row.child_count,
                row.parent.facility_id if row.parent else "",
                row.content_run_id == run.pk,
                row.workflow.status,
                row.workflow.version,
            )
            for row in signals
        ),
        "observations": sorted(
            run.observations.values_list("signal__facility_id", "signal__service_line", "severity"), key=str
        ),
        "events": sorted(
            Event.objects.filter(run=run).values_list(
                "event_type", "signal__facility_id", "signal__service_line"
            ),
            key=str,
        ),
        "nodes": run.nodes.count(),
        "edges": run.edges.count(),
        "run": (run.status, run.graph.current_run_id == run.pk),
    }


@pytest.mark.parametrize(("point", "has_ended"), POINTS)
def test_a_killed_hydration_ends_as_an_undisturbed_one(
    actors: Actors, nursery: Nursery, settings: Any, point: str, has_ended: bool
) -> None:
    settings.SIGNALS_HYDRATE_BATCH = BATCH_ROWS
    make_marts()
    _, calm = two_runs(actors, "calm")
    hydrate(calm)
    expected = end_state(calm)
    assert expected["run"] == (RunStatus.HYDRATED, True)
    assert len(expected["observations"]) == ENTITIES

    _, killed = two_runs(actors, "killed")
    row = start_hydration(actor=actors.admin.actor, run=killed, trigger=HydrationTrigger.API)
    die(nursery, row, point)
    row.refresh_from_db()
    assert (row.status == "succeeded") == has_ended
    if not has_ended:
        killed.refresh_from_db()
        assert killed.status == RunStatus.HYDRATING
        Hydration.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert jobs.reap_jobs() == 1
        jobs.execute(run_hydration.kind, row.pk)
        row.refresh_from_db()
        assert row.status == "succeeded", row.error_trace
        assert (row.incoming, row.vanished) == (ENTITIES, 5)

    assert end_state(killed) == expected
    before = row_versions()
    assert counted(hydrate(killed)) == {"incoming": ENTITIES, "unchanged": ENTITIES}
    assert row_versions() == before


def test_people_who_work_on_signals_meanwhile_lose_nothing(actors: Actors, settings: Any) -> None:
    settings.SIGNALS_HYDRATE_BATCH = BATCH_ROWS
    make_marts()
    _, second = two_runs(actors, "crowded")
    people = [create_member(actors.organization, Role.MANAGER) for _ in range(3)]
    signals = list(Signal.objects.order_by("signal_key")[:45])
    errors: list[BaseException] = []

    def work(number: int) -> None:
        actor = member_actor(user=people[number], organization=actors.organization, role=Role.MANAGER)
        try:
            for row in signals[number::3]:
                assign_signal(actor=actor, signal=row, assignee_id=people[number].pk, role_type=ROLE_TYPE)
                move_signal(actor=actor, signal=row, status=WorkflowStatus.IN_PROGRESS)
                move_signal(actor=actor, signal=row, status=WorkflowStatus.RESOLVED, resolution_code="fixed")
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    rows = [hydrate(second), hydrate(second)]
    for thread in threads:
        thread.join()

    assert errors == []
    assert [row.status for row in rows] == ["succeeded", "succeeded"]
    workflows = Workflow.objects.filter(signal__in=signals)
    assert set(workflows.values_list("status", "version")) == {("resolved", 4)}
    assert Assignment.objects.count() == len(signals)
    assert Event.objects.filter(event_type="status_change").count() == 2 * len(signals)


def test_a_batch_that_loses_a_deadlock_is_written_again(
    actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    for run in (first, second):
        for number in range(2):
            put(run, f"FAC{number:03}", severity=30 + run.started_at.month)
    hydrate(first)
    tried = deadlocking(monkeypatch)

    row = hydrate(second)

    assert (row.status, row.attempt) == ("succeeded", 1), row.error_trace
    assert counted(row) == {"incoming": 2, "changed": 2}
    assert len(tried) == 2


def deadlocking(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let PostgreSQL itself find a deadlock in the first try of a batch; returns the tries.

    The batch holds the signals when another transaction, which holds the workflow rows, asks for them; then
    the batch asks for those rows.
    """
    tried: list[int] = []
    write = batches._write
    is_held, may_end = threading.Event(), threading.Event()

    def other() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Waits as long as it takes, so that the batch is the one that PostgreSQL stops.
                cursor.execute("SET LOCAL deadlock_timeout = '600s'")
                cursor.execute("SELECT id FROM signals_workflow FOR UPDATE")
                is_held.set()
                cursor.execute("SELECT id FROM signals_signal FOR NO KEY UPDATE")
        finally:
            may_end.set()
            connection.close()

    def first_in_the_way(*arguments: Any) -> Any:
        tried.append(1)
        if len(tried) == 1:
            threading.Thread(target=other).start()
            assert is_held.wait(60)
            with connection.cursor() as cursor:
                cursor.execute("SELECT id FROM signals_workflow FOR NO KEY UPDATE")
        return write(*arguments)

    monkeypatch.setattr(batches, "_write", first_in_the_way)
    return tried


def test_two_hydrations_of_a_graph_never_run_at_once(actors: Actors, run_jobs: Callable[[], int]) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    put(run)
    starts: list[Any] = []

    def start() -> None:
        try:
            starts.append(start_hydration(actor=actors.admin.actor, run=run, trigger=HydrationTrigger.API))
        except Exception as error:
            starts.append(error)
        finally:
            connection.close()

    assert actors.admin.actor
    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [getattr(found, "code", "") for found in starts if isinstance(found, Exception)]
    assert refused == ["signals.hydration_running"] * 3
    assert run_jobs() == 1
