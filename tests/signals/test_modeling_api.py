"""Metrics and models of runs are read from the marts of the current runs."""

from typing import Any

import pytest

from apps.signals.models import Run
from tests.factories.signals import GraphFactory, RunFactory
from tests.furniture.people import Actors
from tests.signals.mart_rows import add_driver, add_experiment, add_metric
from tests.signals.marts import make_marts

pytestmark = pytest.mark.django_db
URL = "/api/v1/signals"


@pytest.fixture
def run(actors: Actors) -> Run:
    make_marts()
    graph = GraphFactory.create(organization=actors.organization)
    run = RunFactory.create(graph=graph)
    graph.current_run = run
    graph.save()
    return run


def get(actors: Actors, path: str, name: str = "viewer", **query: Any) -> Any:
    return actors[name].api.get(f"{URL}{path}", query)


def test_metrics_are_those_of_the_current_runs(actors: Actors, run: Run) -> None:
    add_metric(run, "losIndex", display_name="LOS index")
    add_metric(run, "icuCases", polarity="neutral")
    add_metric(RunFactory.create(graph=run.graph), "former")

    first = get(actors, "/metrics", page_size=1).json()
    second = actors.viewer.api.get(first["next"]).json()

    assert [row["metric_id"] for row in first["results"] + second["results"]] == ["icuCases", "losIndex"]
    one = get(actors, "/metrics/losIndex").json()
    assert (one["display_name"], one["run"]["id"]) == ("LOS index", str(run.pk))
    assert get(actors, "/metrics/former").status_code == 404
    assert get(actors, "/metrics/losIndex%00").status_code == 404


def test_the_best_experiment_has_the_highest_r2_then_the_lowest_mae_then_the_first_name(
    actors: Actors, run: Run
) -> None:
    add_experiment(run, 0, "ridge", r2=None, mae=0.01)
    add_experiment(run, 1, "tree", r2=0.5, mae=0.2)
    add_experiment(run, 2, "lightgbm", r2=0.5, mae=0.1)
    add_experiment(run, 3, "boosted", r2=0.5, mae=0.1)
    add_experiment(run, 4, "ridge", r2=0.1, group_value="north")

    summary = get(actors, "/modeling/summary").json()

    assert (summary["experiments"], summary["groups"]) == (5, 2)
    assert summary["estimators"] == ["boosted", "lightgbm", "ridge", "tree"]
    assert summary["best"]["estimator"] == "boosted"
    assert [row["experiment_no"] for row in summary["best_of_groups"]] == [3, 4]


def test_experiments_are_listed_by_estimator_and_group(actors: Actors, run: Run) -> None:
    for number, group in enumerate(("all", "all", "north")):
        add_experiment(run, number, "ridge" if number else "tree", group_value=group)

    first = get(actors, "/modeling/experiments", page_size=2).json()
    second = actors.viewer.api.get(first["next"]).json()

    assert [row["experiment_no"] for row in first["results"] + second["results"]] == [0, 1, 2]
    found = get(actors, "/modeling/experiments", estimator="ridge", group="all").json()["results"]
    assert [row["experiment_no"] for row in found] == [1]


def test_drivers_are_those_of_the_best_by_rank_with_their_direction(actors: Actors, run: Run) -> None:
    add_experiment(run, 0, "ridge", r2=0.9)
    add_experiment(run, 1, "tree", r2=0.1)
    for rank, (feature, mean) in enumerate((("age", 0.2), ("payer", -0.1), ("unit", 0.0), ("x", None)), 1):
        add_driver(run, 0, feature, rank, mean)
    add_driver(run, 1, "other", 1, 1.0)

    found = get(actors, "/modeling/drivers").json()

    assert found["experiment"]["estimator"] == "ridge"
    assert [(row["rank"], row["feature"], row["direction"]) for row in found["drivers"]] == [
        (1, "age", "increases"),
        (2, "payer", "decreases"),
        (3, "unit", "neutral"),
        (4, "x", None),
    ]
    assert len(get(actors, "/modeling/drivers", top_n=2).json()["drivers"]) == 2
    tree = get(actors, "/modeling/drivers", estimator="tree").json()
    assert [row["feature"] for row in tree["drivers"]] == ["other"]
    for wrong in (0, 201, "many"):
        assert get(actors, "/modeling/drivers", top_n=wrong).status_code == 422


def test_without_marts_or_runs_there_is_nothing_and_no_fault(actors: Actors) -> None:
    assert get(actors, "/metrics").json()["results"] == []
    assert get(actors, "/modeling/experiments").json()["results"] == []
    assert get(actors, "/modeling/summary").json()["best"] is None
    assert get(actors, "/modeling/drivers").json() == {"run": None, "experiment": None, "drivers": []}
    GraphFactory.create(organization=actors.organization, current_run=RunFactory.create())
    assert get(actors, "/modeling/summary").json()["run"] is None  # the run of another organization


def test_strangers_find_nothing(actors: Actors, run: Run) -> None:
    add_metric(run)
    add_experiment(run, 0)
    assert get(actors, "/metrics", "stranger").json()["results"] == []
    assert get(actors, "/metrics/losIndex", "stranger").status_code == 404
    for call in ("summary", "experiments", "drivers"):
        assert get(actors, f"/modeling/{call}", "stranger", run=run.pk).status_code == 404
        assert get(actors, f"/modeling/{call}", "anonymous").status_code == 401
