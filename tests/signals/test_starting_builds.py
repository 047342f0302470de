"""Who may start a build of which runs, and how runs join a build that waits."""

import pytest

from apps.accounts.models import AuditEntry
from apps.common.errors import Forbidden, Invalid
from apps.signals import services
from apps.signals.errors import RunState
from apps.signals.models import DbtBuild, Graph, Run
from apps.signals.states import RunStatus
from tests.factories.signals import GraphFactory, RunFactory
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(actors: Actors) -> Graph:
    return GraphFactory.create(organization=actors.organization)


def loaded(graph: Graph) -> Run:
    return RunFactory.create(graph=graph, status=RunStatus.LOADED)


def test_runs_join_the_build_that_waits_in_run_order(actors: Actors, graph: Graph) -> None:
    first, second, third = (loaded(graph) for _ in range(3))

    row = services.start_build(actor=actors.manager.actor, runs=[third, first])
    again = services.start_build(actor=actors.admin.actor, runs=[second, third], hydrate=True)

    assert again.pk == row.pk
    assert again.run_ids == [first.pk, second.pk, third.pk]
    assert again.hydrate_after == [second.pk, third.pk]
    assert DbtBuild.objects.get().created_by == actors.manager.user
    verbs = AuditEntry.objects.filter(verb="signals.build_started")
    assert verbs.count() == 2


def test_a_running_build_is_not_joined_and_one_that_waits_again_is(actors: Actors, graph: Graph) -> None:
    run = loaded(graph)
    running = services.start_build(actor=actors.admin.actor, runs=[run])
    DbtBuild.objects.filter(pk=running.pk).update(status="running", started_at=run.started_at)

    queued = services.start_build(actor=actors.admin.actor, runs=[run])
    assert queued.pk != running.pk
    # The running one finds the lock taken and goes back: two are queued then.
    DbtBuild.objects.filter(pk=running.pk).update(status="queued")
    assert DbtBuild.objects.filter(status="queued").count() == 2
    services.start_build(actor=actors.admin.actor, runs=[run])
    assert DbtBuild.objects.count() == 2


def test_other_options_are_another_build(actors: Actors, graph: Graph) -> None:
    run = loaded(graph)
    rows = [
        services.start_build(actor=actors.admin.actor, runs=[run]),
        services.start_build(actor=actors.admin.actor, runs=[run], full_refresh=True),
        services.start_build(actor=actors.admin.actor, runs=[run], select="stg_nodes"),
    ]

    assert len({row.pk for row in rows}) == 3


@pytest.mark.parametrize("status", [RunStatus.WAITING, RunStatus.READY, RunStatus.LOADING, RunStatus.PRUNED])
def test_a_run_without_raw_rows_is_refused(actors: Actors, graph: Graph, status: RunStatus) -> None:
    run = RunFactory.create(graph=graph, status=status)

    with pytest.raises(RunState) as refusal:
        services.start_build(actor=actors.admin.actor, runs=[run])

    assert refusal.value.extra == {"status": status}


def test_words_that_dbt_would_take_for_options_are_refused(actors: Actors, graph: Graph) -> None:
    with pytest.raises(Invalid):
        services.start_build(actor=actors.admin.actor, runs=[loaded(graph)], select="a --target-path /tmp")


def test_it_needs_the_permission_and_a_full_refresh_another(actors: Actors, graph: Graph) -> None:
    run = loaded(graph)

    with pytest.raises(Forbidden):
        services.start_build(actor=actors.viewer.actor, runs=[run])
    with pytest.raises(Forbidden):
        services.start_build(actor=actors.manager.actor, runs=[run], full_refresh=True)
