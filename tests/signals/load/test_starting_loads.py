"""Who may start a load, and of which runs."""

from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import AuditEntry, Role
from apps.accounts.permissions import Actor, member_actor
from apps.common.errors import Forbidden
from apps.signals.discovery.registering import register_all
from apps.signals.errors import GateNotPassed, RunState
from apps.signals.models import DbtBuild, Hydration, Run, RunLoad
from apps.signals.services import start_load, start_pipeline
from apps.signals.states import RunStatus
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.signals.load.runs import AGGREGATE, copy_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(settings: Any, pristine: Path, tmp_path: Path) -> Run:
    settings.RUNS_ROOT = str(tmp_path)
    OrganizationFactory.create(slug="team")
    copy_run(pristine, tmp_path)
    register_all()
    return Run.objects.select_related("organization").get()


def actor_of(run: Run, role: Role) -> Actor:
    return member_actor(user=UserFactory.create(), organization=run.organization, role=role)


def test_a_manager_starts_a_load_of_a_run_that_was_not_scanned_twice(run: Run) -> None:
    row = start_load(actor=actor_of(run, Role.MANAGER), run=run, allow_rejected=3)

    assert (row.status, row.allowances) == ("queued", {"accept_validation": False, "allow_rejected": 3})
    assert AuditEntry.objects.filter(verb="signals.load_started").count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_others_do_not(run: Run, role: Role) -> None:
    with pytest.raises(Forbidden):
        start_load(actor=actor_of(run, role), run=run)


def test_a_run_is_loaded_once_at_a_time(run: Run) -> None:
    actor = actor_of(run, Role.MANAGER)
    start_load(actor=actor, run=run)

    with pytest.raises(RunState):
        start_load(actor=actor, run=run)


@pytest.mark.parametrize("status", [RunStatus.LOADING, RunStatus.HYDRATED, RunStatus.PRUNED])
def test_a_run_that_is_past_its_load_is_not_loaded(run: Run, status: RunStatus) -> None:
    Run.objects.update(status=status)

    with pytest.raises(RunState) as refused:
        start_load(actor=actor_of(run, Role.MANAGER), run=run)
    assert refused.value.extra == {"status": status}


def test_what_a_look_shows_stops_a_load_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "demo_graph" / run.run_id / AGGREGATE).unlink()

    with pytest.raises(GateNotPassed):
        start_load(actor=actor_of(run, Role.MANAGER), run=run)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.WAITING, "gate.incomplete")
    assert not RunLoad.objects.exists()


def test_a_pipeline_starts_from_where_the_run_stands(run: Run) -> None:
    actor = actor_of(run, Role.MANAGER)
    load = start_pipeline(actor=actor, run=run)
    assert isinstance(load, RunLoad)
    assert load.whole_pipeline

    Run.objects.update(status=RunStatus.LOADED)
    build = start_pipeline(actor=actor, run=run)
    assert isinstance(build, DbtBuild)
    Run.objects.update(status=RunStatus.BUILT)
    assert isinstance(start_pipeline(actor=actor, run=run), Hydration)
