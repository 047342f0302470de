"""A pruned run loses its raw and mart rows and keeps its history; a purged organization leaves nothing."""

import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from apps.accounts.models import AuditEntry, Organization
from apps.accounts.services.keeping import purge_organizations
from apps.common.db import JobStatus
from apps.common.errors import Forbidden
from apps.signals import pruning
from apps.signals.errors import RunState
from apps.signals.models import (
    DbtBuild,
    DbtResult,
    Graph,
    Hydration,
    HydrationDiff,
    Observation,
    Run,
    Signal,
)
from apps.signals.services import prune_run
from apps.signals.states import RunStatus
from tests.furniture.people import Actors
from tests.signals.marts import graph_of, make_marts, make_run, put
from tests.signals.stories import hydrate

pytestmark = pytest.mark.django_db


def hydrated_runs(organization: Organization, count: int, name: str = "demo_graph") -> list[Run]:
    """Make and hydrate runs of a graph that keeps two."""
    make_marts()
    graph = graph_of(organization, name)
    Graph.objects.filter(pk=graph.pk).update(retention_runs=2)
    runs = [make_run(graph, number) for number in range(2, 2 + count)]
    for run in runs:
        put(run, severity=30 + run.started_at.month)
        assert hydrate(run).status == "succeeded"
    return runs


def rows_of(run: Run) -> tuple[int, int]:
    """Return how many raw and mart rows a run has."""
    counts = []
    for table in ("raw_node_results", "public_marts.fct_signals"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE run_id = %s", [run.pk])
            counts.append(int(cursor.fetchone()[0]))
    return counts[0], counts[1]


def statuses(runs: list[Run]) -> list[str]:
    for run in runs:
        run.refresh_from_db()
    return [run.status for run in runs]


def test_runs_beyond_their_graphs_number_go_at_night(actors: Actors) -> None:
    runs = hydrated_runs(actors.organization, 4)
    other = hydrated_runs(actors.organization, 2, "other_graph")
    now = timezone.now()
    assert dict(counted(now))["signals.runs"] == 2

    call_command("prune")

    assert statuses(runs) == ["pruned", "pruned", "hydrated", "hydrated"]
    assert statuses(other) == ["hydrated", "hydrated"]
    assert [rows_of(run) for run in runs] == [(0, 0), (0, 0), (2, 1), (2, 1)]
    assert Observation.objects.filter(run__in=runs).count() == 4
    assert runs[0].nodes.count() == 2
    assert pruning.drop_past_runs(now) == 0


def counted(now: dt.datetime) -> list[tuple[str, int]]:
    return [(rule.name, rule.count(now)) for rule in pruning.RULES]


def test_the_current_run_stays_whatever_its_age(actors: Actors) -> None:
    runs = hydrated_runs(actors.organization, 1)
    graph = runs[0].graph
    later = [make_run(graph, number) for number in (5, 6, 7)]
    pruning.drop_past_runs(timezone.now())
    # Two are kept: the current one, and the newest of the others.
    assert statuses([*runs, *later]) == ["hydrated", "pruned", "pruned", "built"]


def test_a_run_at_work_is_left_alone_and_what_a_killed_prune_left_goes_the_next_time(actors: Actors) -> None:
    runs = hydrated_runs(actors.organization, 4)
    Run.objects.filter(pk=runs[0].pk).update(status=RunStatus.BUILDING)
    Run.objects.filter(pk=runs[1].pk).update(status=RunStatus.PRUNED, updated_at=timezone.now())
    pruning.drop_past_runs(timezone.now())
    assert [rows_of(run) for run in runs[:2]] == [(2, 1), (0, 0)]


def test_admins_prune_a_run_that_is_not_current(actors: Actors) -> None:
    first, second = hydrated_runs(actors.organization, 2)
    with pytest.raises(Forbidden):
        prune_run(actor=actors.manager.actor, run=first)
    with pytest.raises(RunState, match="current"):
        prune_run(actor=actors.admin.actor, run=second)
    assert prune_run(actor=actors.admin.actor, run=first).status == "pruned"
    with pytest.raises(RunState):
        prune_run(actor=actors.admin.actor, run=first)
    assert AuditEntry.objects.filter(verb="signals.run_pruned").count() == 1
    assert (rows_of(first), rows_of(second)) == ((0, 0), (2, 1))


def test_diffs_go_after_a_week_and_results_with_old_builds(
    actors: Actors, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = hydrated_runs(actors.organization, 1)
    old, new = hydrate(run, dry_run=True), hydrate(run, dry_run=True)
    for row in (old, new):
        HydrationDiff.objects.create(
            organization=actors.organization, hydration=row, signal_key=row.pk, kind="changed"
        )
    Hydration.objects.filter(pk=old.pk).update(created_at=timezone.now() - dt.timedelta(days=8))
    monkeypatch.setattr(pruning, "BUILDS_KEPT", 1)
    for _ in range(2):
        build = DbtBuild.objects.create(
            organization=actors.organization, schema="public", status=JobStatus.SUCCEEDED
        )
        DbtResult.objects.create(
            organization=actors.organization, build=build, unique_id="x", resource_type="model", status="ok"
        )
    call_command("prune")
    assert HydrationDiff.objects.get().hydration == new
    assert DbtResult.objects.get().build == build


def test_an_organization_goes_with_raw_and_mart_rows_and_others_stay(actors: Actors, settings: Any) -> None:
    gone = hydrated_runs(actors.organization, 2)
    assert actors.stranger.organization is not None
    kept = hydrated_runs(actors.stranger.organization, 1, "strangers_graph")
    Organization.objects.filter(pk=actors.organization.pk).update(
        deleted_at=timezone.now() - dt.timedelta(days=31)
    )
    live = Hydration.objects.create(
        organization=actors.organization, graph=gone[0].graph, run=gone[0], status=JobStatus.RUNNING
    )
    assert purge_organizations(now=timezone.now()) == 0
    live.refresh_from_db()
    assert live.cancel_requested_at is not None
    Hydration.objects.filter(pk=live.pk).update(status=JobStatus.CANCELLED)

    assert purge_organizations(now=timezone.now()) == 1

    assert [rows_of(run) for run in (*gone, *kept)] == [(0, 0), (0, 0), (2, 1)]
    assert set(Signal.objects.values_list("organization", flat=True)) == {actors.stranger.organization.pk}
    assert set(Run.objects.all()) == set(kept)
