"""Graphs, runs and what belongs to them are read over the API; stages are started there."""

import uuid
from functools import partial
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.common.db import uuid7
from apps.signals.models import DbtBuild, DbtResult, Edge, Hydration, Node, Run, RunFinding
from apps.signals.states import RunStatus
from tests.factories.signals import (
    GraphFactory,
    ObservationFactory,
    RunFactory,
    RunFileFactory,
    SignalFactory,
)
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.signals.mart_rows import add_raw

pytestmark = pytest.mark.django_db
URL = "/api/v1/signals"
NODE = "losIndex__medicareId__aggregate_time_period"


@pytest.fixture
def run(actors: Actors) -> Run:
    graph = GraphFactory.create(organization=actors.organization, name="demo")
    return RunFactory.create(graph=graph)


def get(actors: Actors, path: str, name: str = "viewer", **query: Any) -> Any:
    return actors[name].api.get(f"{URL}{path}", query)


def post(actors: Actors, path: str, name: str = "manager", **body: Any) -> Any:
    return actors[name].api.post(f"{URL}{path}", body, format="json")


def test_graphs_show_their_current_run_and_how_much_they_hold(actors: Actors, run: Run) -> None:
    SignalFactory.create(graph=run.graph)
    SignalFactory.create(graph=run.graph, absent_since_run=run)
    GraphFactory.create(organization=actors.organization, name="a second")

    second, demo = get(actors, "/graphs").json()["results"]

    assert (second["name"], second["current_run"], second["run_count"]) == ("a second", None, 0)
    assert (demo["run_count"], demo["signal_count"], demo["current_run"]["id"]) == (1, 1, str(run.pk))
    assert get(actors, f"/graphs/{demo['id']}").json() == demo
    assert get(actors, f"/graphs/{demo['id']}", "stranger").status_code == 404
    assert actors.admin.api.patch(f"{URL}/graphs/{demo['id']}", {}, format="json").status_code == 405


def test_runs_are_listed_newest_first_and_by_graph_status_and_name(actors: Actors, run: Run) -> None:
    later = RunFactory.create(
        graph=run.graph, status=RunStatus.REJECTED, error_code="gate.path_escape", error_detail="Leads out."
    )
    other = RunFactory.create(graph__organization=actors.organization)

    def ids(**query: Any) -> list[str]:
        return [row["id"] for row in get(actors, "/runs", **query).json()["results"]]

    assert ids() == [str(other.pk), str(later.pk), str(run.pk)]
    assert ids(graph=run.graph_id) == [str(later.pk), str(run.pk)]
    assert ids(status="rejected") == [str(later.pk)]
    assert ids(run_id=run.run_id) == [str(run.pk)]
    one = get(actors, f"/runs/{later.pk}").json()
    assert one["error"] == {"code": "gate.path_escape", "detail": "Leads out."}
    assert (one["graph"]["name"], one["is_current"]) == ("demo", False)
    assert get(actors, "/runs", status="lost").status_code == 422
    assert get(actors, "/runs", "stranger").json()["results"] == []
    tag = get(actors, f"/runs/{run.pk}")["ETag"]
    again = actors.viewer.api.get(f"{URL}/runs/{run.pk}", headers={"If-None-Match": tag})
    assert again.status_code == 304


def test_files_and_findings_of_a_run_are_lists(actors: Actors, run: Run) -> None:
    for path in ("b.jsonl", "a.jsonl"):
        RunFileFactory.create(run=run, path=path)
    RunFileFactory.create(run=RunFactory.create(graph=run.graph))
    for severity, code in (("warn", "load.duplicate_entity"), ("info", "load.bom")):
        RunFinding.objects.create(
            organization=actors.organization, run=run, severity=severity, code=code, message="m", count=3
        )

    files = get(actors, f"/runs/{run.pk}/files").json()["results"]
    findings = get(actors, f"/runs/{run.pk}/findings", severity="warn").json()["results"]

    assert [row["path"] for row in files] == ["a.jsonl", "b.jsonl"]
    assert [(row["code"], row["count"]) for row in findings] == [("load.duplicate_entity", 3)]
    assert get(actors, f"/runs/{run.pk}/findings", code="load.bom").json()["results"][0]["severity"] == "info"


def test_builds_of_a_run_name_the_nodes_that_did_not_pass(actors: Actors, run: Run) -> None:
    build = DbtBuild.objects.create(
        organization=actors.organization, run_ids=[run.pk, uuid7()], schema="public", status="failed",
        error_code="signals.dbt_failed", error_detail="1 node failed.",
    )  # fmt: skip
    DbtBuild.objects.create(organization=actors.organization, run_ids=[uuid7()], schema="public")
    for number, status in enumerate(("success", "pass", "fail", "warn")):
        DbtResult.objects.create(
            organization=actors.organization, build=build, unique_id=f"test.{number}", resource_type="test",
            status=status, message="Got 2 results.",
        )  # fmt: skip

    (shown,) = get(actors, f"/runs/{run.pk}/builds").json()["results"]

    assert shown["error"]["code"] == "signals.dbt_failed"
    assert [(row["unique_id"], row["status"]) for row in shown["not_passed"]] == [
        ("test.2", "fail"),
        ("test.3", "warn"),
    ]


def test_the_graph_of_a_run_is_its_nodes_and_edges(actors: Actors, run: Run) -> None:
    for node_id in (NODE, "child"):
        Node.objects.create(
            organization=actors.organization, run=run, node_id=node_id, metric_id="losIndex",
            is_temporal=False, entity_count=18,
        )  # fmt: skip
    Edge.objects.create(
        organization=actors.organization, run=run, source=NODE, target="child", edge_type="segments_into",
        category="breakdown",
    )  # fmt: skip

    found = get(actors, f"/runs/{run.pk}/graph").json()

    assert [row["node_id"] for row in found["nodes"]] == ["child", NODE]
    assert found["edges"] == [
        {"source": NODE, "target": "child", "edge_type": "segments_into", "category": "breakdown"}
    ]
    assert found["truncated"] is False


METHODS = [
    {
        "statistical_method": "statistical_method__simple_zscore__aggregate_time_period",
        "statistics": {"simple_zscore": 2.5, "peer_mean": 1.0, "suppressed": False},
        "anomalies": [{"methods": [{"anomaly_method": "simple_zscore", "anomaly": "very_high"}]}],
    },
    {"statistics": {"robust_zscore": None, "odd_zscore": "x"}, "anomalies": None},
    {"statistics": [], "anomalies": [7, {"methods": {}}, {"methods": ["x"]}]},
    "no method",
]


def add_entities(
    run: Run, node_id: str, file_id: uuid.UUID, keys: list[uuid.UUID], *, temporal: bool
) -> None:
    add_raw(
        run, "raw_node_results", file_id=file_id, node_id=node_id, metric_id="losIndex",
        is_temporal=temporal, entity_results_count=len(keys),
    )  # fmt: skip
    for line, key in enumerate(keys, 2):
        add_raw(
            run, "raw_entity_results", line, file_id, node_id=node_id, metric_id="losIndex",
            is_temporal=temporal, facility_id=f"F{line}", dimensions=[["serviceLine", "A, \"B\" / C"]],
            entity_hash=uuid.uuid4(), signal_key=key, metric_value=1.5,
            payload={"statistical_methods": METHODS},
        )  # fmt: skip


def test_the_results_of_a_node_lead_to_their_signals(actors: Actors, run: Run) -> None:
    signal = SignalFactory.create(graph=run.graph, first_run=run)
    file = RunFileFactory.create(run=run)
    add_entities(run, NODE, file.pk, [signal.signal_key, uuid7(), uuid7()], temporal=False)
    path = f"/runs/{run.pk}/nodes/{NODE}/results"

    first = get(actors, path, page_size=2).json()
    second = actors.viewer.api.get(first["next"]).json()

    assert first["node"]["entity_results_count"] == 3
    assert [row["facility_id"] for row in first["results"] + second["results"]] == ["F2", "F3", "F4"]
    assert [row["signal_id"] for row in first["results"]] == [str(signal.pk), None]
    row = first["results"][0]
    assert (row["value"], row["z"]) == (1.5, {"simple_zscore": 2.5, "robust_zscore": None})
    assert row["labels"] == {"simple_zscore": "very_high"}
    assert row["dimensions"] == [["serviceLine", 'A, "B" / C']]


def test_a_temporal_node_leads_to_the_signals_that_it_was_observed_for(actors: Actors, run: Run) -> None:
    signal = SignalFactory.create(graph=run.graph, first_run=run)
    file = RunFileFactory.create(run=run)
    ObservationFactory.create(signal=signal, run=run, temporal_file=file, temporal_line=3)
    add_entities(run, "monthly", file.pk, [uuid7(), uuid7()], temporal=True)

    found = get(actors, f"/runs/{run.pk}/nodes/monthly/results").json()["results"]

    assert [row["signal_id"] for row in found] == [None, str(signal.pk)]


def test_results_of_no_node_or_of_a_pruned_run_say_so(actors: Actors, run: Run) -> None:
    assert get(actors, f"/runs/{run.pk}/nodes/nothing/results").status_code == 404
    assert get(actors, f"/runs/{run.pk}/nodes/..%2Fx/results").status_code == 404
    run.status = RunStatus.PRUNED
    run.save()
    answer = get(actors, f"/runs/{run.pk}/nodes/{NODE}/results")
    assert (answer.status_code, answer.json()["code"]) == (409, "signals.run_pruned")


@pytest.mark.parametrize(
    "part", ["", "/files", "/findings", "/builds", "/graph", "/diff", "/nodes/x/results"]
)
def test_strangers_find_no_part_of_a_run(actors: Actors, run: Run, part: str) -> None:
    assert get(actors, f"/runs/{run.pk}{part}", "stranger").status_code == 404
    assert get(actors, f"/runs/{uuid7()}{part}").status_code == 404
    assert get(actors, f"/runs/x{part}").status_code == 404
    assert get(actors, f"/runs/{run.pk}{part}", "anonymous").status_code == 401


def test_a_build_is_started_and_answers_with_its_job(actors: Actors, run: Run) -> None:
    run.status = RunStatus.LOADED
    run.save()

    answer = post(actors, f"/runs/{run.pk}/build")

    build = DbtBuild.objects.get()
    assert answer.status_code == 202
    assert answer["Location"].endswith(f"/jobs/{build.pk}")
    assert (answer.json()["kind"], answer.json()["status"]) == ("signals.build", "queued")
    assert answer.json()["runs"] == [str(run.pk)]
    assert post(actors, f"/runs/{run.pk}/build", full_refresh=True).status_code == 403
    assert post(actors, f"/runs/{run.pk}/build", colour="red").status_code == 422
    assert post(actors, f"/runs/{run.pk}/build", "analyst").status_code == 403


def test_a_hydration_is_started_once_per_key(actors: Actors, run: Run) -> None:
    key = {"Idempotency-Key": "once"}
    path, body = f"{URL}/runs/{run.pk}/hydrate", {"facility_id": ["F1"], "limit": 5, "dry_run": True}

    first = actors.manager.api.post(path, body, format="json", headers=key)
    again = actors.manager.api.post(path, body, format="json", headers=key)

    row = Hydration.objects.get()
    assert (first.status_code, again.status_code) == (202, 202)
    assert again["Idempotency-Replayed"] == "true"
    assert first["Location"].endswith(f"/signals/hydrations/{row.pk}")
    assert (row.facilities, row.limit, row.dry_run, row.trigger) == (["F1"], 5, True, "api")
    other = post(actors, f"/runs/{run.pk}/hydrate")
    assert (other.status_code, other.json()["code"]) == (409, "signals.hydration_running")
    assert post(actors, f"/runs/{run.pk}/hydrate", force=True).status_code == 403
    assert post(actors, f"/runs/{run.pk}/hydrate", limit=0).status_code == 422


def test_a_stage_that_the_state_forbids_is_a_conflict(actors: Actors, run: Run) -> None:
    run.status = RunStatus.REJECTED
    run.save()
    for stage in ("build", "hydrate"):
        answer = post(actors, f"/runs/{run.pk}/{stage}")
        assert (answer.status_code, answer.json()["code"]) == (409, "signals.run_state"), stage
    missing = post(actors, f"/runs/{run.pk}/load")
    assert (missing.status_code, missing.json()["code"]) == (409, "signals.gate_not_passed")


def test_starts_of_stages_are_limited_as_ingest_is(actors: Actors, run: Run) -> None:
    answers = [post(actors, f"/runs/{run.pk}/load") for _ in range(11)]
    assert [answer.status_code for answer in answers[:10]] == [409] * 10
    assert answers[10].status_code == 429
    assert answers[10]["RateLimit-Policy"].startswith('"ingest";q=10')


@pytest.mark.django_db(transaction=True)
def test_a_run_is_pruned_by_whom_may_configure_unless_it_is_current(actors: Actors, run: Run) -> None:
    current = RunFactory.create(graph=run.graph)
    run.graph.current_run = current
    run.graph.save()
    path = f"{URL}/runs/{run.pk}"

    assert actors.manager.api.delete(path).status_code == 403
    assert actors.admin.api.delete(path, headers={"If-Match": '"old"'}).status_code == 412
    assert actors.admin.api.delete(path).status_code == 202
    refused = actors.admin.api.delete(f"{URL}/runs/{current.pk}")

    run.refresh_from_db()
    assert run.status == RunStatus.PRUNED
    assert AuditEntry.objects.filter(verb="signals.run_pruned").count() == 1
    assert (refused.status_code, refused.json()["code"]) == (409, "signals.run_state")


def test_long_lists_cost_what_short_ones_do(actors: Actors, run: Run, same_queries: Check) -> None:
    def make_build() -> None:
        row = DbtBuild.objects.create(
            organization=actors.organization, run_ids=[run.pk], schema="public", status="failed"
        )
        DbtResult.objects.create(
            organization=actors.organization, build=row, unique_id="x", resource_type="model", status="error"
        )

    makers = {
        "/graphs": lambda: RunFactory.create(graph__organization=actors.organization),
        "/runs": lambda: RunFactory.create(graph=run.graph),
        "/runs/{id}/files": lambda: RunFileFactory.create(run=run),
        "/runs/{id}/builds": make_build,
    }
    for path, make in makers.items():
        same_queries(f"GET {URL}{path}", make, partial(get, actors, path.replace("{id}", str(run.pk))))
