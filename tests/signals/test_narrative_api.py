"""Narratives are listed and read over the API: of the current runs, or of one that is named."""

from typing import Any

import pytest

from apps.common.db import uuid7
from apps.signals.models import Run
from apps.signals.states import RunStatus
from tests.factories.signals import GraphFactory, RunFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.signals.mart_rows import add_raw
from tests.signals.narrative_texts import TEXT

pytestmark = pytest.mark.django_db
URL = "/api/v1/signals/narratives"


@pytest.fixture
def run(actors: Actors) -> Run:
    graph = GraphFactory.create(organization=actors.organization)
    run = RunFactory.create(graph=graph)
    graph.current_run = run
    graph.save()
    return run


def get(actors: Actors, path: str = "", name: str = "viewer", **query: Any) -> Any:
    return actors[name].api.get(URL + path, query)


def test_the_narratives_of_the_current_run_are_listed_by_facility(actors: Actors, run: Run) -> None:
    former = RunFactory.create(graph=run.graph)
    for each, facilities in ((run, ("F2", "F1", "F3")), (former, ("OLD",))):
        for facility in facilities:
            add_raw(each, "raw_narratives", facility_id=facility, body=TEXT)

    first = get(actors, page_size=2).json()
    second = actors.viewer.api.get(first["next"]).json()

    assert [row["facility_id"] for row in first["results"]] == ["F1", "F2"]
    assert [row["facility_id"] for row in second["results"]] == ["F3"]
    assert second["next"] is None
    assert first["results"][0]["run"]["run_id"] == run.run_id
    named = get(actors, run=former.pk).json()["results"]
    assert [row["facility_id"] for row in named] == ["OLD"]


def test_a_narrative_is_its_values_and_its_summary_their_head(actors: Actors, run: Run) -> None:
    add_raw(run, "raw_narratives", facility_id="H-100", body=TEXT)

    whole = get(actors, "/H-100").json()
    head = get(actors, "/H-100/summary").json()

    assert whole["metric_value"] == 1.2034
    assert whole["generated_at"] == "2026-03-15T12:00:00Z"
    assert whole["top_drivers"]["higher"][0]["segment"] == "Ear, Nose/Throat: A|B"
    assert whole["hierarchical_breakdown"][0]["children"][1]["segment"] == "Rhythm"
    assert whole["insights"]["internal_issue"][0]["z_score"] is None
    assert whole["pareto_analysis"]["top_n_negative_pct"] == 40.5
    assert head == {name: whole[name] for name in head}
    assert head["executive_summary"]["higher"][0]["flags"] == ["volatile", "few peers"]


def test_warnings_are_shown(actors: Actors, run: Run) -> None:
    add_raw(run, "raw_narratives", facility_id="F1", body="# Contribution Analysis: Medicare ID F1")
    found = get(actors, "/F1").json()
    assert found["executive_summary"]["higher"] == []
    assert "Section missing: Insights" in found["warnings"]


@pytest.mark.parametrize(
    "path",
    [
        "/unknown",
        "/../x",
        "/..%2Fx",
        "/%2e%2e%2fx/summary",
        "/..",
        "/..%5Cx",
        "/F1%00",
        "/F1%2Fsummary/summary",
    ],
)
def test_what_names_no_facility_is_not_found(actors: Actors, run: Run, path: str) -> None:
    add_raw(run, "raw_narratives", facility_id="F1", body=TEXT)
    assert actors.viewer.api.get(f"{URL}{path}").status_code == 404


def test_a_pruned_run_says_so(actors: Actors, run: Run) -> None:
    pruned = RunFactory.create(graph=run.graph, status=RunStatus.PRUNED)
    for path in ("", "/F1", "/F1/summary"):
        answer = get(actors, path, run=pruned.pk)
        assert (answer.status_code, answer.json()["code"]) == (409, "signals.run_pruned")


def test_strangers_find_nothing(actors: Actors, run: Run) -> None:
    add_raw(run, "raw_narratives", facility_id="F1", body=TEXT)
    assert get(actors, name="stranger").json()["results"] == []
    for path in ("/F1", "/F1/summary"):
        assert get(actors, path, "stranger").status_code == 404
    assert get(actors, name="stranger", run=run.pk).status_code == 404
    assert get(actors, run=uuid7()).status_code == 404
    assert get(actors, name="anonymous").status_code == 401
    assert get(actors, run="x").status_code == 422
    assert get(actors, colour="red").status_code == 422


def test_a_long_list_costs_what_a_short_one_does(actors: Actors, run: Run, same_queries: Check) -> None:
    numbers = iter(range(100))

    def make() -> None:
        add_raw(run, "raw_narratives", facility_id=f"F{next(numbers)}", body=TEXT)

    same_queries("GET /api/v1/signals/narratives", make, lambda: get(actors))
