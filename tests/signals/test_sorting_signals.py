"""The list of signals in every order, page after page, and what one page costs."""

import itertools
from typing import Any

import pytest

from apps.signals.queries import pages
from apps.signals.queries.listing import SORTS
from tests.factories.signals import GraphFactory, create_signal
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.signals.listing import SIGNALS, ask, column, get

pytestmark = pytest.mark.django_db

MISSING = (None, 3.0, None, -24_173.89, 1e15, 3.0, 0.0)


def make_signals(actors: Actors) -> None:
    graph = GraphFactory.create(organization=actors.organization)
    for number, value in enumerate(MISSING):
        create_signal(
            actors.organization,
            graph=graph,
            severity=91 + number // 2,
            metric_id=f"m{number % 2}",
            facility_name=None if value is None else f"H{value}",
            variance_percent=value,
            percentile_rank=value,
            encounters=value,
        )


def walk(person: Any, direction: str, page: Any) -> list[Any]:
    """Return the pages from one on, each with the ids of its signals."""
    found = [[row["id"] for row in page["results"]]]
    while page[direction]:
        page = person.api.get(page[direction]).json()
        found.append([row["id"] for row in page["results"]])
    return found


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS), "metric_id,-encounters"])
@pytest.mark.parametrize("near", [1, 500])
def test_pages_follow_each_other_in_both_directions_with_missing_values_last(
    actors: Actors, monkeypatch: pytest.MonkeyPatch, sort: str, near: int
) -> None:
    # Near 1: the order's index leads nowhere, so every page is filled from all rows.
    monkeypatch.setattr(pages, "NEAR_ROWS", near)
    make_signals(actors)
    viewer = actors.viewer
    everything = get(viewer, sort=sort)["results"]
    ids = [row["id"] for row in everything]
    forwards = walk(viewer, "next", get(viewer, sort=sort, page_size=2))
    assert list(itertools.chain(*forwards)) == ids
    assert [len(page) for page in forwards] == [2, 2, 2, 1]
    last = get(viewer, sort=sort, page_size=2)
    while last["next"]:
        last = viewer.api.get(last["next"]).json()
    assert walk(viewer, "previous", last) == forwards[::-1]
    if "," not in sort:
        check_order(everything, sort)


def check_order(rows: list[Any], sort: str) -> None:
    values = [row[sort.removeprefix("-")] for row in rows]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=sort.startswith("-"))


def test_a_list_begins_with_the_most_severe(actors: Actors) -> None:
    make_signals(actors)
    assert column(actors.viewer, "severity") == [94, 93, 93, 92, 92, 91, 91]


def test_types_at_the_other_end_of_the_order_are_found(actors: Actors) -> None:
    graph = GraphFactory.create(organization=actors.organization)
    for kind, severity in (("critical_trajectory", 95), ("baseline", 30), ("sustained_excellence", 5)):
        create_signal(actors.organization, graph=graph, signal_type=kind, severity=severity)
    viewer = actors.viewer
    assert column(viewer, "severity", sort="severity", signal_type="critical_trajectory") == [95]
    assert column(viewer, "severity", attention="false") == [30, 5]
    assert column(viewer, "severity", severity__lt=31, page_size=1) == [30]


def test_a_cursor_belongs_to_its_filters(actors: Actors) -> None:
    make_signals(actors)
    following = get(actors.viewer, page_size=2)["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]
    answer = actors.viewer.api.get(f"{SIGNALS}?page_size=2&domain=Safety&cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.cursor_invalid")


def test_count_and_projection(actors: Actors) -> None:
    make_signals(actors)
    page = get(actors.viewer, count="true", fields="id,workflow.status", page_size=1, metric_id="m0")
    assert (page["count"], page["count_capped"]) == (4, False)
    assert [set(row) for row in page["results"]] == [{"id", "workflow"}]
    assert page["results"][0]["workflow"] == {"status": "new"}
    assert ask(actors.viewer, fields="timeline").status_code == 422


@pytest.mark.parametrize("path", ["", "/summary", "/filter-options", "/facilities"])
def test_a_list_runs_as_many_queries_for_one_as_for_twenty(
    actors: Actors, same_queries: Check, path: str
) -> None:
    graph = GraphFactory.create(organization=actors.organization)

    def make() -> None:
        create_signal(actors.organization, graph=graph, status="assigned", assignee=actors.analyst.user)

    name = f"GET /api/v1/signals{path}"
    same_queries(name, make, lambda: actors.viewer.api.get(f"{SIGNALS}{path}?attention=true"))
