"""Who may hydrate which run when, what stops it before the first write, and what follows its end."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.common.db import JobStatus
from apps.common.errors import Forbidden, Invalid
from apps.signals.errors import RunState
from apps.signals.hydrating.job import run_hydration, settle_abandoned
from apps.signals.hydrating.queueing import HydrationRunning
from apps.signals.models import DbtBuild, Hydration, Run, Signal
from apps.signals.services import start_hydration
from apps.signals.states import HydrationTrigger, RunStatus
from tests.furniture.people import Actors, Person
from tests.signals.marts import graph_of, make_marts, make_run, put
from tests.signals.stories import counted, hydrate


def start(person: Person, run: Run, **fields: Any) -> Hydration:
    return start_hydration(actor=person.actor, run=run, trigger=HydrationTrigger.API, **fields)


def test_managers_start_hydrations_and_admins_force_them(actors: Actors, run_jobs: Callable[[], int]) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    put(run)
    with pytest.raises(Forbidden):
        start(actors.analyst, run)
    with pytest.raises(Forbidden):
        start(actors.manager, run, force=True)
    row = start(actors.manager, run)
    with pytest.raises(HydrationRunning):
        start(actors.admin, run, dry_run=True)
    run_jobs()
    row.refresh_from_db()
    assert (row.status, row.created_by, row.trigger) == ("succeeded", actors.manager.user, "api")
    start(actors.admin, run, force=True)
    verbs = (
        AuditEntry.objects.filter(verb__startswith="signals.").order_by("pk").values_list("verb", flat=True)
    )
    assert set(verbs) == {"signals.hydration_started", "signals.hydration_forced"}


@pytest.mark.parametrize("status", ["waiting", "loaded", "building", "pruned"])
def test_a_run_that_is_not_built_is_refused_and_nothing_is_queued(actors: Actors, status: str) -> None:
    run = make_run(graph_of(actors.organization), 2, status=RunStatus(status))
    with pytest.raises(RunState) as error:
        start(actors.manager, run)
    assert error.value.extra == {"status": status}
    assert not Hydration.objects.exists()


@pytest.mark.parametrize("part", [{"limit": 0}, {"facilities": ["x"] * 501}, {"facilities": [""]}])
def test_a_part_that_makes_no_sense_is_refused(actors: Actors, part: dict[str, Any]) -> None:
    run = make_run(graph_of(actors.organization), 2)
    with pytest.raises(Invalid):
        start(actors.manager, run, **part)


def test_whoever_lost_the_permission_hydrates_nothing(actors: Actors, run_jobs: Callable[[], int]) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    put(run)
    row = start(actors.manager, run)
    assert actors.manager.user is not None
    actors.manager.user.memberships.update(role="viewer")
    run_jobs()
    row.refresh_from_db()
    run.refresh_from_db()
    assert (row.error_code, run.status) == ("job.permission_lost", RunStatus.BUILT)


@pytest.mark.parametrize(
    "change",
    [
        "RENAME COLUMN severity TO severity_new",
        "ALTER COLUMN severity TYPE bigint",
        "ALTER COLUMN quality_flags TYPE text USING array_to_string(quality_flags, ',')",
    ],
)
def test_a_renamed_or_retyped_column_stops_before_the_first_write(actors: Actors, change: str) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2)
    put(run)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE public_marts.fct_signals {change}")

    row = hydrate(run)

    assert (row.status, row.error_code) == ("failed", "signals.mart_contract")
    assert "fct_signals." in row.error_detail
    assert (run.status, run.error_code) == (RunStatus.HYDRATE_FAILED, "signals.mart_contract")
    assert not Signal.objects.exists()


def test_an_empty_mart_is_an_error_and_nothing_vanishes(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    put(first)
    hydrate(first)
    row = hydrate(second)
    assert (row.error_code, second.status) == ("signals.mart_empty", RunStatus.HYDRATE_FAILED)
    assert Signal.objects.present().count() == 1
    assert hydrate(second, dry_run=True).error_code == "signals.mart_empty"


def test_a_graph_without_marts_at_all_is_told_so(actors: Actors) -> None:
    run = make_run(graph_of(actors.organization), 2)
    assert hydrate(run).error_code == "signals.mart_contract"


def test_the_runs_of_a_build_are_hydrated_in_run_order(actors: Actors, run_jobs: Callable[[], int]) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    runs = [make_run(graph, number) for number in (4, 2, 3)]
    for run in runs:
        put(run, severity=30 + run.started_at.month)
    build_of(actors, runs)

    start(actors.manager, runs[1])
    run_jobs()

    done = Hydration.objects.order_by("finished_at")
    assert [row.run.started_at.month for row in done] == [2, 3, 4]
    assert {row.created_by for row in done} == {actors.manager.user}
    graph.refresh_from_db()
    assert graph.current_run == runs[0]


def test_a_run_that_was_only_built_again_is_not_hydrated_by_itself(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    first, second = make_run(graph, 2), make_run(graph, 3)
    put(first)
    put(second)
    build_of(actors, [first, second])
    build_of(actors, [second], hydrate=False)
    start(actors.manager, first)
    run_jobs()
    assert Hydration.objects.get().run == first


def test_a_run_that_its_dead_hydration_left_is_failed_and_can_be_hydrated(actors: Actors) -> None:
    make_marts()
    run = make_run(graph_of(actors.organization), 2, status=RunStatus.HYDRATING)
    put(run)
    assert settle_abandoned() == 1
    run.refresh_from_db()
    assert run.status == RunStatus.HYDRATE_FAILED
    Run.objects.update(status=RunStatus.HYDRATING)
    start(actors.manager, run)
    assert settle_abandoned() == 0


def test_a_new_revision_takes_the_place_of_the_former_one(actors: Actors) -> None:
    make_marts()
    graph = graph_of(actors.organization)
    before, run = make_run(graph, 2), make_run(graph, 3)
    for each in (before, run):
        put(each, "FAC001", severity=35)
        put(each, "FAC002", severity=35)
        hydrate(each)
    revised = make_run(graph, 3, revision=2)
    put(revised, "FAC001", severity=35)
    put(revised, "FAC002", severity=60)

    row = hydrate(revised)

    assert counted(row) == {"incoming": 2, "changed": 1, "unchanged": 1}
    run.refresh_from_db()
    assert (run.status, run.superseded_at is None) == (RunStatus.PRUNED, False)
    # Also what did not change says so of the revision that is there.
    assert set(Signal.objects.values_list("content_run", flat=True)) == {revised.pk}
    assert sorted(observed(before)) == sorted(observed(revised))
    assert observed(run) == []
    assert mart_rows(run) == 0 < mart_rows(revised)
    assert raw_tables(run) == 0 < raw_tables(revised)


def observed(run: Run) -> list[uuid.UUID]:
    return list(run.observations.values_list("signal", flat=True))


def mart_rows(run: Run) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public_marts.fct_signals WHERE run_id = %s", [run.pk])
        return int(cursor.fetchone()[0])


def raw_tables(run: Run) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM raw_node_results WHERE run_id = %s", [run.pk])
        return int(cursor.fetchone()[0])


def build_of(actors: Actors, runs: list[Run], *, hydrate: bool = True) -> DbtBuild:
    ids = [run.pk for run in runs]
    return DbtBuild.objects.create(
        organization=actors.organization,
        created_by=actors.manager.user,
        schema="public",
        run_ids=ids,
        hydrate_after=ids if hydrate else [],
        status=JobStatus.SUCCEEDED,
        finished_at=timezone.now(),
    )


def test_the_job_is_listed_under_its_kind() -> None:
    assert run_hydration.kind == "signals.hydrate"
    assert run_hydration.queue.name == "default"
