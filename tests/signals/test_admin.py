"""Staff look at graphs, runs, builds, hydrations, signals and policies in the admin and act by services."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.common.db import uuid7
from apps.signals.models import (
    DbtBuild,
    DbtResult,
    Graph,
    Hydration,
    HydrationDiff,
    MetricPolicy,
    Run,
    RunFinding,
    RunLoad,
)
from apps.signals.policies import policy_of, role_types_of
from apps.signals.states import RunStatus
from tests.factories.signals import GraphFactory, ObservationFactory, RunFactory, SignalFactory
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(transactional_db: None) -> Client:
    user = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def run(actors: Actors) -> Run:
    graph = GraphFactory.create(organization=actors.organization, name="demo<b>", root="demo")
    return RunFactory.create(graph=graph)


def act(staff: Client, action: str, row: Any) -> str:
    body = {"action": action, "_selected_action": [str(row.pk)]}
    answer = staff.post("/admin/signals/run/", body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(staff: Client, model: str, row: Any) -> str:
    assert staff.get(f"/admin/signals/{model}/").status_code == 200
    answer = staff.get(f"/admin/signals/{model}/{row.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_run_is_shown_with_its_findings(actors: Actors, staff: Client, run: Run) -> None:
    RunFinding.objects.create(
        organization=actors.organization, run=run, severity="warn", code="load.bom", message="<i>found"
    )
    page = shown(staff, "run", run)
    assert "load.bom" in page
    assert "&lt;i&gt;found" in page
    assert "demo&lt;b&gt;" in staff.get("/admin/signals/run/").content.decode()
    assert AuditEntry.objects.filter(verb="admin.viewed", target_id=str(run.pk)).exists()


def test_a_build_is_shown_with_results_and_log(actors: Actors, staff: Client, run: Run) -> None:
    build = DbtBuild.objects.create(
        organization=actors.organization, run_ids=[run.pk], schema="public", log_tail="<b>31 of 88"
    )
    DbtResult.objects.create(
        organization=actors.organization, build=build, unique_id="model.stg_nodes", resource_type="model",
        status="error",
    )  # fmt: skip
    page = shown(staff, "dbtbuild", build)
    assert "model.stg_nodes" in page
    assert "<pre>&lt;b&gt;31 of 88</pre>" in page


def test_a_hydration_is_shown_with_its_diff_and_a_signal_with_its_history(
    actors: Actors, staff: Client, run: Run
) -> None:
    row = Hydration.objects.create(organization=actors.organization, graph=run.graph, run=run)
    HydrationDiff.objects.create(
        organization=actors.organization, hydration=row, signal_key=uuid7(), kind="changed",
        before={"severity": 41}, after={"severity": 77},
    )  # fmt: skip
    page = shown(staff, "hydration", row)
    assert "41" in page
    assert "77" in page
    signal = SignalFactory.create(graph=run.graph, first_run=run)
    ObservationFactory.create(signal=signal, run=run, reported_type="baseline")
    page = shown(staff, "signal", signal)
    assert run.run_id in page
    assert "baseline" in page
    assert 'name="_save"' not in page


def test_policies_are_shown(actors: Actors, staff: Client) -> None:
    shown(staff, "policy", policy_of(actors.organization))
    shown(staff, "roletype", next(iter(role_types_of(actors.organization))))
    metric = MetricPolicy.objects.create(organization=actors.organization, metric_id="losIndex")
    assert "losIndex" in shown(staff, "metricpolicy", metric)


def test_stages_are_started(actors: Actors, staff: Client, run: Run) -> None:
    Run.objects.update(status=RunStatus.LOADED)
    assert "Done for 1" in act(staff, "build", run)
    assert DbtBuild.objects.get().run_ids == [run.pk]

    Run.objects.update(status=RunStatus.BUILT)
    assert "Done for 1" in act(staff, "dry_run", run)
    assert Hydration.objects.get().dry_run
    assert "hydration" in act(staff, "hydrate", run)
    Hydration.objects.all().delete()
    assert "Done for 1" in act(staff, "bring_on", run)
    assert not Hydration.objects.get().dry_run

    Run.objects.update(status=RunStatus.READY)
    assert "Done for 1" in act(staff, "load", run)
    assert RunLoad.objects.get().run == run
    assert AuditEntry.objects.filter(verb="signals.load_started").exists()


def test_a_run_is_pruned_unless_it_is_current(staff: Client, run: Run) -> None:
    Graph.objects.update(current_run=run)
    assert "current" in act(staff, "prune", run)
    Graph.objects.update(current_run=None)
    assert "Done for 1" in act(staff, "prune", run)
    run.refresh_from_db()
    assert run.status == RunStatus.PRUNED


def test_place_and_retention_of_a_graph_are_changed(staff: Client, run: Run) -> None:
    address = f"/admin/signals/graph/{run.graph_id}/change/"
    body = {"root": "insight_graph/moved", "retention_runs": "5", "auto_pipeline": "on"}

    assert staff.post(address, body).status_code == 302

    graph = Graph.objects.get()
    assert (graph.root, graph.retention_runs, graph.auto_pipeline) == ("insight_graph/moved", 5, True)
    changes = AuditEntry.objects.get(verb="signals.graph_changed").changes
    assert changes == {"root": "insight_graph/moved", "retention_runs": 5}
    assert staff.post(address, body).status_code == 302
    assert AuditEntry.objects.filter(verb="signals.graph_changed").count() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("root", "../out"), ("root", "a/b"), ("root", "/etc"), ("root", ""), ("root", "insight_graph/.."),
     ("root", "taken"), ("retention_runs", "1"), ("retention_runs", "201")],
)  # fmt: skip
def test_a_wrong_place_or_number_is_refused(staff: Client, run: Run, name: str, value: str) -> None:
    GraphFactory.create(root="taken")
    body = {"root": "demo", "retention_runs": "5"} | {name: value}
    answer = staff.post(f"/admin/signals/graph/{run.graph_id}/change/", body)
    assert answer.status_code == 200
    assert "errornote" in answer.content.decode()
    run.graph.refresh_from_db()
    assert (run.graph.root, run.graph.retention_runs) == ("demo", 12)


def test_a_folder_that_belongs_to_nobody_is_claimed(
    actors: Actors, staff: Client, run: Run, settings: Any, tmp_path: Path
) -> None:
    settings.RUNS_ROOT = str(tmp_path)
    for root in ("demo", "insight_graph/found"):
        folder = tmp_path / root / "20260115120000"
        folder.mkdir(parents=True)
        manifest = {
            "run_id": folder.name, "started_at": "2026-01-15T12:00:00Z", "node_count": 0, "edge_count": 0,
            "results": {"index_path": "results/index.json", "nodes_directory": "results/nodes"},
        }  # fmt: skip
        (folder / "run_manifest.json").write_text(json.dumps(manifest))
    address = "/admin/signals/graph/unclaimed/"

    page = staff.get(address).content.decode()
    assert 'value="insight_graph/found"' in page
    assert 'value="demo"' not in page
    body = {"root": "insight_graph/found", "organization": actors.organization.slug}
    done = staff.post(address, body, follow=True).content.decode()
    again = staff.post(address, body, follow=True).content.decode()

    graph = Graph.objects.get(name="found")
    assert graph.organization == actors.organization
    assert [each.run_id for each in graph.runs.all()] == ["20260115120000"]
    assert "Found belongs to" in done
    assert "no unclaimed folder" in again
    nobody = staff.post(address, body | {"organization": "nobody"}, follow=True).content.decode()
    assert "no such organization" in nobody
    assert address in staff.get("/admin/signals/graph/").content.decode()
