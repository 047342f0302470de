"""Single events over the API: pages, filters, one event, and the walls."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.datasets.models import Version
from tests.datasets.stories import ROWS, add, csv, made, upload
from tests.furniture.people import Actors, Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(actors: Actors, run_jobs: Callable[[], int]) -> str:
    dataset, _ = made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Events")
    return f"/api/v1/datasets/{dataset['id']}/events"


def ids(person: Person, path: str, **query: Any) -> list[str]:
    response = person.api.get(path, query)
    assert response.status_code == 200, response.content
    return sorted(event["external_id"] for event in response.json()["results"])


def test_an_event_says_all_that_its_row_said_and_where_it_stood(actors: Actors, path: str) -> None:
    (event,) = actors.viewer.api.get(path, {"external_id": "a3"}).json()["results"]
    assert event["occurred_at"] == "2024-01-03T12:00:00Z"
    assert (event["latitude"], event["longitude"], event["precision"]) == (51.52, -0.12, "instant")
    assert (event["category"], event["label"], event["value"]) == ("theft", None, None)
    assert (event["properties"], event["note"], len(event["cell"])) == ({}, None, 15)
    assert (event["provenance"]["file"], event["provenance"]["line"]) == ("events.csv", 4)
    assert actors.viewer.api.get(f"{path}/{event['id']}").json() == event
    for wrong in ("0-0", f"{event['id']}9", "x", "1-x"):
        assert actors.viewer.api.get(f"{path}/{wrong}").status_code == 404


def test_every_filter_narrows(actors: Actors, path: str) -> None:
    person = actors.viewer
    assert ids(person, path) == ["a1", "a2", "a3", "a4"]
    assert ids(person, path, category="theft") == ["a1", "a3"]
    assert ids(person, path, **{"from": "2024-01-02", "to": "2024-01-03"}) == ["a2", "a3"]
    assert ids(person, path, bbox="-0.115,51.5,0,52") == ["a1", "a2"]
    assert ids(person, path, value_min=1) == []
    assert ids(person, path, category="elsewhere") == []
    cell = person.api.get(path, {"external_id": "a4"}).json()["results"][0]["cell"]
    assert ids(person, path, cell=cell) == ["a4"]
    for wrong in ({"bbox": "1,2,3"}, {"cell": "zz"}, {"to": "x"}, {"sort": "id"}, {"value_min": "nan"}):
        assert person.api.get(path, wrong).status_code == 422, wrong


def test_pages_lead_on_and_back_in_the_version_that_they_began_with(
    actors: Actors, run_jobs: Callable[[], int], path: str
) -> None:
    person = actors.viewer
    first = person.api.get(path, {"page_size": 3}).json()
    assert first["previous"] is None
    add(actors.manager, path.split("/")[-2], upload(csv("n1,2024-01-01T10:00:00Z,51.5,-0.1,theft")))
    run_jobs()
    second = person.api.get(first["next"]).json()
    assert second["next"] is None
    seen = [event["external_id"] for event in first["results"] + second["results"]]
    assert sorted(seen) == ["a1", "a2", "a3", "a4"]
    assert person.api.get(second["previous"]).json()["results"] == first["results"]
    assert ids(person, path) == ["n1"]
    assert ids(person, path, version=1) == ["a1", "a2", "a3", "a4"]
    Version.objects.filter(number=1).update(dropped_at="2024-01-01T00:00:00Z")
    gone = person.api.get(first["next"])
    assert (gone.status_code, gone.json()["code"]) == (404, "datasets.version_gone")


def test_strangers_find_no_events_and_the_anonymous_are_asked_to_sign_in(actors: Actors, path: str) -> None:
    event_id = actors.viewer.api.get(path).json()["results"][0]["id"]
    for address in (path, f"{path}/{event_id}"):
        for person in (actors.viewer, actors.analyst, actors.manager, actors.admin):
            assert person.api.get(address).status_code == 200
        assert actors.stranger.api.get(address).status_code == 404
        assert actors.anonymous.api.get(address).status_code == 401
