"""The API tells what dbt built, how models hang together, and what a run says of itself."""

import json
from typing import Any

import pytest
from django.core.files.storage import default_storage

from apps.signals.building.artifacts import Artifacts, Described, Result
from apps.signals.building.recording import record_models, record_results
from apps.signals.models import DbtBuild, Graph, Run
from apps.signals.storage.dbt_files import discard_artifacts, store_artifacts
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/signals/metadata"


@pytest.fixture
def api(built_runs: list[Run], actors: Actors) -> Any:
    """A viewer of the organization whose runs were built."""
    Graph.objects.filter(pk=built_runs[0].graph_id).update(current_run=built_runs[-1])
    return actors.viewer.api


def names(found: list[dict[str, Any]]) -> dict[str, int]:
    return {each["name"]: each["distance"] for each in found}


def test_the_summary_counts_models_and_tests(api: Any) -> None:
    found = api.get(f"{ROOT}/summary").json()

    assert found["models_by_layer"] == {"intermediate": 6, "marts": 6, "seeds": 6, "staging": 11}
    assert found["model_count"] == 29
    assert found["tests_by_status"] == {"pass": found["test_count"]}
    assert found["last_build"]["status"] == "succeeded"
    assert found["last_build"]["node_count"] == 29 + found["test_count"]


def test_models_are_listed_narrowed_and_told_with_columns(api: Any) -> None:
    page = api.get(f"{ROOT}/models", {"page_size": 200}).json()
    assert [each["name"] for each in page["results"]] == sorted(each["name"] for each in page["results"])
    assert len(page["results"]) == 29

    marts = api.get(f"{ROOT}/models", {"layer": "marts", "search": "facilit"}).json()["results"]
    assert [each["name"] for each in marts] == ["dim_facilities"]
    assert api.get(f"{ROOT}/models", {"tag": "none"}).json()["results"] == []

    model = api.get(f"{ROOT}/models/fct_signals").json()
    columns = {each["name"]: each for each in model["columns"]}
    assert columns["monthly_z_scores"]["type"] == "double precision[]"
    assert columns["content_hash"]["description"].startswith("SHA-256")
    assert {each["status"] for each in model["tests"]} == {"pass"}
    assert api.get(f"{ROOT}/models/fct_nothing").status_code == 404


def test_lineage_reaches_to_any_depth_with_distances(api: Any) -> None:
    signals = api.get(f"{ROOT}/models/fct_signals/lineage").json()
    upstream = names(signals["upstream"])
    assert upstream["int_signal_classes"] == 1
    assert upstream["int_signal_inputs"] == 2
    assert upstream["signal_rules"] == 2
    assert upstream["raw_entity_results"] >= 2
    assert signals["downstream"] == []

    rules = api.get(f"{ROOT}/models/signal_rules/lineage").json()
    assert rules["upstream"] == []
    assert names(rules["downstream"]) == {"int_signal_classes": 1, "fct_signals": 2}


def test_documents_of_a_run_are_those_that_were_loaded(api: Any, built_runs: list[Run]) -> None:
    first = api.get(f"{ROOT}/run-manifest", {"run": str(built_runs[0].pk)}).json()
    newest = api.get(f"{ROOT}/run-manifest").json()

    assert first["manifest"]["run_id"] == first["run"]["run_id"] == built_runs[0].run_id
    assert newest["run"]["id"] == str(built_runs[-1].pk)
    bundle = api.get(f"{ROOT}/bundle", {"run": str(built_runs[0].pk)})
    assert bundle.json()["run"]["id"] == str(built_runs[0].pk)
    assert api.get(f"{ROOT}/bundle", {"run": "x"}).status_code == 422


def test_a_bundle_is_shown_where_a_run_has_one(made_runs: list[Run], actors: Actors) -> None:
    actors.__dict__["organization"] = made_runs[0].organization

    found = actors.viewer.api.get(f"{ROOT}/bundle", {"run": str(made_runs[0].pk)}).json()

    assert found["bundle"]["metrics"][0]["metric_id"] == "losIndex"


def test_artifacts_of_the_newest_build_are_downloads(api: Any, built_runs: list[Run]) -> None:
    assert api.get(f"{ROOT}/artifacts/manifest").status_code == 404
    build = DbtBuild.objects.get(organization=built_runs[0].organization)
    store_artifacts(build.organization_id, build.pk, {"manifest": b'{"a": 1}'})

    answer = api.get(f"{ROOT}/artifacts/manifest")
    assert json.loads(answer.content) == {"a": 1}
    assert answer["Content-Disposition"] == 'attachment; filename="manifest.json"'
    assert api.get(f"{ROOT}/artifacts/catalog").status_code == 404
    assert api.get(f"{ROOT}/artifacts/secrets").status_code == 404

    discard_artifacts(build.organization_id)
    assert default_storage.listdir(f"signals/dbt/{build.organization_id}")[1] == []


def test_a_refresh_queues_a_build_that_others_join(built_runs: list[Run], actors: Actors, api: Any) -> None:
    body = {"run": str(built_runs[0].pk)}
    assert api.post(f"{ROOT}/refresh", body, format="json").status_code == 403

    answer = actors.manager.api.post(f"{ROOT}/refresh", body, format="json")
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/jobs/{answer.json()['id']}"
    other = actors.admin.api.post(f"{ROOT}/refresh", {"run": str(built_runs[1].pk)}, format="json").json()
    assert other["id"] == answer.json()["id"]
    assert other["runs"] == [str(run.pk) for run in built_runs[:2]]
    assert DbtBuild.objects.get(pk=other["id"]).status == "queued"


@pytest.mark.parametrize(
    "path",
    ["summary", "models", "models/fct_signals", "models/fct_signals/lineage", "bundle", "run-manifest"],
)
def test_others_see_nothing_of_it(built_runs: list[Run], actors: Actors, path: str) -> None:
    assert actors.anonymous.api.get(f"{ROOT}/{path}").status_code == 401
    answer = actors.stranger.api.get(f"{ROOT}/{path}")
    told = [answer.json().get(key) for key in ("results", "run", "model_count")]
    assert answer.status_code == 404 or not any(told)
    if path == "run-manifest":
        named = actors.stranger.api.get(f"{ROOT}/{path}", {"run": str(built_runs[0].pk)})
        assert named.status_code == 404


def test_a_model_that_the_project_lost_is_forgotten_and_old_test_results_stay(
    built_runs: list[Run], api: Any
) -> None:
    build = DbtBuild.objects.get(organization=built_runs[0].organization)
    model = Described(
        "model.sextant.dim_metrics", "dim_metrics", "marts", "public_marts", "incremental", "", {}, (), (),
        {"test.sextant.one": "polarity", "test.sextant.two": ""},
    )  # fmt: skip
    first = Result("test.sextant.one", "pass", 0.1, 0, "")
    second = Result("test.sextant.two", "fail", 0.1, 3, "three")
    for results in ((first, second), (first,)):
        artifacts = Artifacts("1.11", results, (model,), "", {})
        record_results(build, artifacts)
        record_models(build, artifacts)

    assert [each["name"] for each in api.get(f"{ROOT}/models").json()["results"]] == ["dim_metrics"]
    tests = api.get(f"{ROOT}/models/dim_metrics").json()["tests"]
    assert tests == [
        {"name": "test.sextant.one", "column": "polarity", "status": "pass"},
        {"name": "test.sextant.two", "column": None, "status": "fail"},
    ]
