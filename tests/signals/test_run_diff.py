"""Two runs are compared by what was observed in each: counts, signals, CSV."""

import csv
from typing import Any

import pytest

from apps.signals.models import Run, Signal
from tests.factories.signals import GraphFactory, ObservationFactory, RunFactory, SignalFactory
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db

KINDS = ("better", "changed", "new", "returned", "unchanged", "vanished", "worse")
# Name of a signal -> its severity and hash in each of three runs.
STORY: dict[str, list[tuple[int, bytes] | None]] = {
    "better": [(50, b"a"), (90, b"b"), (80, b"c")],
    "changed": [(50, b"a"), (90, b"b"), (90, b"c")],
    "new": [None, None, (90, b"a")],
    "returned": [(90, b"a"), None, (90, b"a")],
    "unchanged": [None, (90, b"a"), (90, b"a")],
    "vanished": [(90, b"a"), (90, b"a"), None],
    "worse": [None, (80, b"a"), (90, b"c")],
}


@pytest.fixture
def runs(actors: Actors) -> list[Run]:
    graph = GraphFactory.create(organization=actors.organization)
    return [RunFactory.create(graph=graph) for _ in range(3)]


@pytest.fixture
def signals(runs: list[Run]) -> dict[str, Signal]:
    found = {}
    for name, seen in STORY.items():
        signal = SignalFactory.create(
            graph=runs[0].graph, first_run=runs[0], facility_id=name, facility_name=f"=cmd|{name}"
        )
        for run, state in zip(runs, seen, strict=True):
            if state is not None:
                ObservationFactory.create(
                    signal=signal, run=run, severity=state[0], content_hash=state[1] * 32, metric_value=-1.5
                )
        found[name] = signal
    return found


def diff(actors: Actors, run: Run, name: str = "viewer", **query: Any) -> Any:
    return actors[name].api.get(f"/api/v1/signals/runs/{run.pk}/diff", query)


def test_each_signal_is_of_one_kind(actors: Actors, runs: list[Run], signals: dict[str, Signal]) -> None:
    found = diff(actors, runs[2]).json()

    assert found["against"]["id"] == str(runs[1].pk)
    assert found["counts"] == dict.fromkeys(KINDS, 1)
    assert {row["kind"]: row["facility_id"] for row in found["results"]} == {kind: kind for kind in KINDS}
    rows = {row["kind"]: row for row in found["results"]}
    assert (rows["worse"]["severity_before"], rows["worse"]["severity"]) == (80, 90)
    assert (rows["new"]["severity_before"], rows["vanished"]["severity"]) == (None, None)
    assert rows["vanished"]["signal_id"] == str(signals["vanished"].pk)


def test_another_run_of_the_graph_can_be_named(
    actors: Actors, runs: list[Run], signals: dict[str, Signal]
) -> None:
    counts = diff(actors, runs[2], against=runs[0].pk).json()["counts"]
    assert (counts["worse"], counts["unchanged"], counts["vanished"], counts["new"]) == (2, 1, 1, 3)
    elsewhere = RunFactory.create(graph__organization=actors.organization)
    assert diff(actors, runs[2], against=elsewhere.pk).status_code == 422
    assert diff(actors, runs[2], against=runs[2].pk).status_code == 422
    assert diff(actors, runs[2], against=RunFactory.create().pk).status_code == 404


def test_the_first_run_is_all_new(actors: Actors, runs: list[Run], signals: dict[str, Signal]) -> None:
    found = diff(actors, runs[0]).json()
    assert found["against"] is None
    assert found["counts"] == dict.fromkeys(KINDS, 0) | {"new": 4}


def test_kinds_and_pages_narrow_the_signals(
    actors: Actors, runs: list[Run], signals: dict[str, Signal]
) -> None:
    some = diff(actors, runs[2], kind=["worse", "new"]).json()
    assert {row["kind"] for row in some["results"]} == {"worse", "new"}
    address, seen = f"/api/v1/signals/runs/{runs[2].pk}/diff?page_size=3", []
    while address:
        page = actors.viewer.api.get(address).json()
        seen += [row["signal_id"] for row in page["results"]]
        address = page["next"]
    assert sorted(seen) == sorted(str(signal.pk) for signal in signals.values())
    assert diff(actors, runs[2], kind="odd").status_code == 422


def test_csv_holds_every_signal_and_no_formula(
    actors: Actors, runs: list[Run], signals: dict[str, Signal]
) -> None:
    answer = diff(actors, runs[2], format="csv")

    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(b"".join(answer).decode().splitlines()))
    assert sorted(row["kind"] for row in rows) == sorted(KINDS)
    worse = next(row for row in rows if row["kind"] == "worse")
    assert worse["facility_name"] == "'=cmd|worse"
    assert (worse["severity_before"], worse["metric_value"]) == ("80", "-1.5")
    assert diff(actors, runs[2], "stranger", format="csv").status_code == 404
