"""The clock finds runs, waits until they are whole, and brings them on."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Organization
from apps.common.db import JobStatus
from apps.signals import periodic
from apps.signals.discovery.gating import gate_graph
from apps.signals.discovery.registering import register_all, unclaimed_graphs
from apps.signals.models import DbtBuild, Graph, Hydration, Run, RunLoad
from apps.signals.services.pipelines import advance_pipelines
from apps.signals.states import RunStatus
from apps.signals.tasks import build_loaded, repair_stages
from tests.factories.accounts import OrganizationFactory
from tests.signals.load.runs import AGGREGATE, copy_run, edit_line, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization(settings: Any, tmp_path: Path) -> Organization:
    settings.RUNS_ROOT = str(tmp_path)
    return OrganizationFactory.create(slug="team")


@pytest.fixture
def run(organization: Organization, pristine: Path, tmp_path: Path) -> Path:
    """Give the folder of a run that nobody has looked at yet."""
    folder = copy_run(pristine, tmp_path)
    (folder / "_COMPLETE").unlink()
    return folder


@pytest.fixture
def look() -> Callable[[], Run]:
    """Give a function that looks as the clock does, and returns the newest row."""

    def once() -> Run:
        for graph in register_all():
            gate_graph(graph)
        return Run.objects.order_by("-revision").first() or pytest.fail("no run was registered")

    return once


@pytest.fixture
def loaded(run: Path, look: Callable[[], Run]) -> Run:
    """Give a run that passed the gate and was loaded."""
    look()
    row = look()
    Run.objects.update(status=RunStatus.LOADED)
    return row


def test_a_graph_goes_to_the_only_organization(run: Path, look: Callable[[], Run]) -> None:
    assert look().organization.slug == "team"
    assert Graph.objects.get().root == "demo_graph"


def test_a_graph_of_several_organizations_stays_unclaimed(run: Path) -> None:
    OrganizationFactory.create(slug="other")

    assert register_all() == []
    assert [folder.root for folder in unclaimed_graphs()] == ["demo_graph"]


def test_a_graph_goes_to_the_organization_of_the_setting(run: Path, settings: Any) -> None:
    OrganizationFactory.create(slug="other")
    settings.SIGNALS_DEFAULT_ORGANIZATION = "other"

    assert [graph.organization.slug for graph in register_all()] == ["other"]
    assert unclaimed_graphs() == []


def test_graphs_lie_in_the_container_folder_too(
    organization: Organization, pristine: Path, tmp_path: Path, look: Callable[[], Run]
) -> None:
    copy_run(pristine, tmp_path / "insight_graph")

    look()
    assert list(Graph.objects.values_list("name", "root")) == [("demo_graph", "insight_graph/demo_graph")]


def test_odd_folders_are_no_runs(organization: Organization, pristine: Path, tmp_path: Path) -> None:
    for name in ("with space", "a" * 65):
        copy_run(pristine, tmp_path).rename(tmp_path / "demo_graph" / name)
    (tmp_path / "demo_graph" / "link").symlink_to(pristine)
    (tmp_path / "notes" / "20260101").mkdir(parents=True)

    register_all()
    assert not Run.objects.exists()


def test_a_run_is_ready_when_two_scans_are_equal(run: Path, look: Callable[[], Run]) -> None:
    assert look().status == RunStatus.WAITING
    edit_line(run / AGGREGATE, 2, lambda line: line + b" ")
    assert look().status == RunStatus.WAITING

    ready = look()
    assert ready.status == RunStatus.READY
    assert (ready.node_count, ready.started_at.isoformat()) == (4, "2026-02-15T12:00:00+00:00")


def test_a_marked_run_is_ready_at_once(run: Path, look: Callable[[], Run]) -> None:
    (run / "_COMPLETE").touch()

    assert look().status == RunStatus.READY


def test_a_cut_run_waits_with_its_reason_until_it_is_whole(run: Path, look: Callable[[], Run]) -> None:
    whole = (run / AGGREGATE).read_bytes()
    (run / AGGREGATE).write_bytes(whole[:-100])
    look()
    waiting = look()
    assert (waiting.status, waiting.error_code) == (RunStatus.WAITING, "gate.truncated")
    assert {finding.code for finding in waiting.findings.all()} == {"gate.truncated", "gate.count_mismatch"}

    (run / AGGREGATE).write_bytes(whole)
    look()
    ready = look()
    assert (ready.status, ready.error_code, ready.findings.count()) == (RunStatus.READY, "", 0)


def test_a_rejected_run_stays_so_until_its_files_change(run: Path, look: Callable[[], Run]) -> None:
    report = run / "validation_report.json"
    good = report.read_bytes()
    report.write_text('{"summary": {"failed": 1}}')
    look()
    assert look().status == RunStatus.REJECTED
    assert look().status == RunStatus.REJECTED

    report.write_bytes(good)
    assert look().status == RunStatus.WAITING
    assert look().status == RunStatus.READY


def test_a_loaded_run_whose_files_change_gets_a_revision(
    loaded: Run, run: Path, look: Callable[[], Run]
) -> None:
    edit_line(run / AGGREGATE, 2, lambda line: line + b" ")

    revision = look()
    assert (revision.revision, revision.status) == (2, RunStatus.WAITING)
    assert look().status == RunStatus.READY
    assert Run.objects.count() == 2


def test_a_loaded_run_of_equal_content_is_left_alone(loaded: Run, run: Path, look: Callable[[], Run]) -> None:
    os.utime(run / AGGREGATE, (1, 1))

    assert look().pk == loaded.pk
    assert look().scan_sha256 != loaded.scan_sha256


def test_a_run_whose_folder_went_stays_as_it_is(loaded: Run, run: Path, look: Callable[[], Run]) -> None:
    run.rename(run.parent.parent / "elsewhere")

    gate_graph(Graph.objects.get())
    loaded.refresh_from_db()
    assert loaded.status == RunStatus.LOADED


@pytest.fixture
def ready_runs(organization: Organization, tmp_path: Path) -> list[Run]:
    """Give three runs that passed the gate."""
    make_run(tmp_path, runs=3)
    for graph in register_all():
        gate_graph(graph)
        gate_graph(graph)
    assert set(Run.objects.values_list("status", flat=True)) == {RunStatus.READY}
    return list(Run.objects.in_run_order())


def end_loads() -> None:
    for row in RunLoad.objects.filter(status=JobStatus.QUEUED):
        RunLoad.objects.filter(pk=row.pk).update(status=JobStatus.SUCCEEDED)
        Run.objects.filter(pk=row.run_id).update(status=RunStatus.LOADED)


def test_ready_runs_are_loaded_built_together_and_hydrated_in_order(
    ready_runs: list[Run], organization: Organization
) -> None:
    for _tick in range(2):
        advance_pipelines()
    assert RunLoad.objects.filter(whole_pipeline=True).count() == 3
    assert not DbtBuild.objects.exists()

    end_loads()
    for _tick in range(2):
        advance_pipelines()
    build = DbtBuild.objects.get()
    assert build.run_ids == build.hydrate_after == [run.pk for run in ready_runs]

    DbtBuild.objects.update(status=JobStatus.SUCCEEDED, finished_at=timezone.now())
    Run.objects.update(status=RunStatus.BUILT)
    for _tick in range(2):
        advance_pipelines()
    assert Hydration.objects.get().run == ready_runs[0]


def test_no_build_starts_while_a_load_of_a_pipeline_is_live(
    ready_runs: list[Run], organization: Organization
) -> None:
    advance_pipelines()
    first = RunLoad.objects.get(run=ready_runs[0])
    RunLoad.objects.filter(pk=first.pk).update(status=JobStatus.SUCCEEDED)
    Run.objects.filter(pk=first.run_id).update(status=RunStatus.LOADED)

    assert build_loaded(organization) is None
    end_loads()
    build = build_loaded(organization)
    assert build is not None
    assert len(build.run_ids) == 3


def test_only_the_newest_runs_are_brought_on(ready_runs: list[Run]) -> None:
    Graph.objects.update(retention_runs=2)

    advance_pipelines()
    assert set(RunLoad.objects.values_list("run", flat=True)) == {run.pk for run in ready_runs[1:]}


def test_a_pinned_run_is_the_only_one_brought_on(ready_runs: list[Run], settings: Any) -> None:
    settings.INSIGHT_GRAPH_RUN = f"demo_graph/{ready_runs[1].run_id}"

    advance_pipelines()
    assert RunLoad.objects.get().run == ready_runs[1]


def test_a_graph_without_pipeline_is_left_alone(ready_runs: list[Run]) -> None:
    Graph.objects.update(auto_pipeline=False)

    advance_pipelines()
    assert not RunLoad.objects.exists()


def test_a_run_that_nobody_loads_any_more_has_failed(ready_runs: list[Run]) -> None:
    advance_pipelines()
    lost = RunLoad.objects.get(run=ready_runs[0])
    RunLoad.objects.filter(pk=lost.pk).update(status=JobStatus.FAILED, error_code="job.worker_lost")
    Run.objects.update(status=RunStatus.LOADING)

    assert repair_stages() == 1
    lost.run.refresh_from_db()
    assert (lost.run.status, lost.run.error_code) == (RunStatus.LOAD_FAILED, "job.worker_lost")


def test_an_installation_without_signals_does_not_wait_for_the_next_tick(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "BETWEEN_SCANS_S", 0)

    for _process in range(3):
        periodic.discover_runs()
    assert RunLoad.objects.get().whole_pipeline
