"""What belongs to a signal takes the same number of queries for one row and for twenty."""

from typing import Any

import pytest

from tests.factories.signals import ObservationFactory, RunFactory, create_signal
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db


def link(signal: Any, target: str) -> None:
    signal.content_run.edges.create(
        organization=signal.organization, source=signal.node_id, target=target, edge_type="drills_to",
        category="breakdown",
    )  # fmt: skip


def test_history(actors: Actors, same_queries: Check) -> None:
    signal = create_signal(actors.organization)

    def make() -> None:
        ObservationFactory.create(signal=signal, run=RunFactory.create(graph=signal.graph))

    path = f"/api/v1/signals/{signal.pk}/history"
    same_queries("GET /api/v1/signals/{id}/history", make, lambda: actors.viewer.api.get(path))


@pytest.mark.parametrize("part", ["children", "related"])
def test_relatives(actors: Actors, same_queries: Check, part: str) -> None:
    signal = create_signal(actors.organization, facility_id="A")
    link(signal, "below")

    def make() -> None:
        create_signal(
            actors.organization, graph=signal.graph, facility_id="A", node_id="below", status="assigned",
            assignee=actors.analyst.user, dimensions=[["line", "x"]],
        )  # fmt: skip

    def call() -> Any:
        answer = actors.viewer.api.get(f"/api/v1/signals/{signal.pk}/{part}")
        assert answer.json()["results"]
        return answer

    same_queries(f"GET /api/v1/signals/{{id}}/{part}", make, call)
