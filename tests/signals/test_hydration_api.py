"""Hydrations and what each changed are read over the API."""

from typing import Any

import pytest

from apps.common.db import uuid7
from apps.signals.models import Hydration, HydrationDiff, Run
from tests.factories.signals import RunFactory, SignalFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db
URL = "/api/v1/signals/hydrations"


@pytest.fixture
def run(actors: Actors) -> Run:
    return RunFactory.create(graph__organization=actors.organization)


def make(run: Run, **fields: Any) -> Hydration:
    plain = {"status": "succeeded", "created": 3, "incoming": 5}
    return Hydration.objects.create(organization=run.organization, graph=run.graph, run=run, **plain | fields)


def get(actors: Actors, path: str = "", name: str = "viewer", **query: Any) -> Any:
    return actors[name].api.get(URL + path, query)


def test_hydrations_are_listed_with_counters_newest_first(actors: Actors, run: Run) -> None:
    first, second = make(run, trigger="clock"), make(run, status="failed", error_code="signals.mart_empty")

    found = get(actors).json()["results"]

    assert [row["id"] for row in found] == [str(second.pk), str(first.pk)]
    assert (found[1]["incoming"], found[1]["created"], found[1]["run"]["run_id"]) == (5, 3, run.run_id)
    assert found[0]["error"]["code"] == "signals.mart_empty"
    assert get(actors, f"/{first.pk}").json() == found[1]
    narrowed = get(actors, run=run.pk, trigger="clock").json()["results"]
    assert [row["id"] for row in narrowed] == [str(first.pk)]


def test_a_diff_holds_the_columns_that_differ(actors: Actors, run: Run) -> None:
    row, signal = make(run), SignalFactory.create(graph=run.graph)
    for kind, key, before, after in (
        ("created", uuid7(), None, {"severity": 50}),
        ("changed", signal.signal_key, {"severity": 50}, {"severity": 90}),
    ):
        HydrationDiff.objects.create(
            organization=run.organization,
            hydration=row,
            signal_key=key,
            kind=kind,
            before=before,
            after=after,
        )  # fmt: skip

    changed, created = get(actors, f"/{row.pk}/diff").json()["results"]

    assert (changed["kind"], changed["signal_id"]) == ("changed", str(signal.pk))
    assert (changed["before"], changed["after"]) == ({"severity": 50}, {"severity": 90})
    assert (created["signal_id"], created["before"]) == (None, None)
    only = get(actors, f"/{row.pk}/diff", kind="created").json()["results"]
    assert [each["id"] for each in only] == [created["id"]]


def test_strangers_find_nothing(actors: Actors, run: Run) -> None:
    row = make(run)
    assert get(actors, name="stranger").json()["results"] == []
    for path in (f"/{row.pk}", f"/{row.pk}/diff"):
        assert get(actors, path, "stranger").status_code == 404
        assert get(actors, path, "anonymous").status_code == 401
    assert get(actors, "/x/diff").status_code == 404


def test_long_lists_cost_what_short_ones_do(actors: Actors, run: Run, same_queries: Check) -> None:
    same_queries(f"GET {URL}", lambda: make(run, created_by=actors.admin.user), lambda: get(actors))
    row = make(run)

    def add() -> None:
        HydrationDiff.objects.create(
            organization=run.organization, hydration=row, signal_key=uuid7(), kind="created"
        )

    same_queries(f"GET {URL}/{{id}}/diff", add, lambda: get(actors, f"/{row.pk}/diff"))
