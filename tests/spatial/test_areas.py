"""Named areas: drawing, changing, deleting, and who may."""

from functools import partial
from itertools import count
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.datasets.models import Dataset
from apps.spatial.models import Area, ForecastModel
from tests.factories.accounts import UserFactory
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db
AREAS = "/api/v1/areas"
TRIANGLE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 0]]]}


def draw(person: Person, **fields: Any) -> Any:
    return person.api.post(AREAS, {"name": "City", "polygon": TRIANGLE, **fields}, format="json")


def test_an_area_keeps_its_polygon_and_knows_its_box(actors: Actors) -> None:
    response = draw(actors.analyst, aliases=["Town", "Centre", "Town"])
    assert response.status_code == 201
    area = response.json()
    assert area["polygon"] == TRIANGLE
    assert area["box"] == [0, 0, 2, 1]
    assert area["aliases"] == ["Town", "Centre"]
    assert area["created_by"]["name"] == actors.analyst.user.name  # type: ignore[union-attr]
    assert actors.viewer.api.get(response["Location"]).json() == area
    assert [row["id"] for row in actors.viewer.api.get(AREAS).json()["results"]] == [area["id"]]
    assert AuditEntry.objects.filter(verb="spatial.area_created").count() == 1


def test_only_two_coordinates_and_the_type_are_kept(actors: Actors) -> None:
    ring = [[179, 0, 7.5], [-179, 0, "x"], [-179, 1], [179, 0, 7.5]]
    polygon = {"type": "Polygon", "coordinates": [ring], "note": "x", "bbox": [1]}
    area = draw(actors.analyst, polygon=polygon).json()
    assert area["polygon"] == {
        "type": "Polygon",
        "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 0]]],
    }
    assert area["box"] == [179, 0, -179, 1]


def test_a_name_is_taken_once_in_an_organization(actors: Actors) -> None:
    first = draw(actors.analyst).json()
    response = draw(actors.manager, name="CITY")
    assert (response.status_code, response.json()["code"]) == (409, "spatial.area_name_taken")
    other = draw(actors.manager, name="Harbour").json()
    change = actors.manager.api.patch(f"{AREAS}/{other['id']}", {"name": "city"}, format="json")
    assert change.json()["code"] == "spatial.area_name_taken"
    Area.objects.filter(pk=first["id"]).update(organization=actors.stranger.organization)
    assert draw(actors.analyst).status_code == 201


def test_an_area_is_changed_unless_somebody_was_faster(actors: Actors) -> None:
    address = f"{AREAS}/{draw(actors.analyst).json()['id']}"
    tag = actors.analyst.api.get(address)["ETag"]
    changed = actors.analyst.api.patch(
        address, {"name": "Harbour", "aliases": ["Docks"]}, format="json", headers={"If-Match": tag}
    )
    assert (changed.json()["name"], changed.json()["aliases"]) == ("Harbour", ["Docks"])
    late = actors.analyst.api.patch(address, {"name": "X"}, format="json", headers={"If-Match": tag})
    assert late.status_code == 412


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"aliases": ["a"] * 21}, "/aliases"),
        ({"aliases": ["x" * 121]}, "/aliases/0"),
        ({"polygon": {"type": "Polygon", "coordinates": [[[0, 0]]]}}, "/polygon"),
        ({"polygon": None}, "/polygon"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_wrong_fields_are_refused(actors: Actors, fields: dict[str, Any], pointer: str) -> None:
    response = draw(actors.analyst, **fields)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_who_may_draw_change_and_delete(actors: Actors) -> None:
    people = (actors.viewer, actors.analyst, actors.manager, actors.stranger, actors.anonymous)
    drawn = {person.name: draw(person, name=person.name).status_code for person in people}
    assert drawn == {"viewer": 403, "analyst": 201, "manager": 201, "stranger": 201, "anonymous": 401}
    address = f"{AREAS}/{Area.objects.get(name='analyst').pk}"

    def statuses(method: str, *body: Any) -> dict[str, int]:
        return {p.name: getattr(p.api, method)(address, *body, format="json").status_code for p in people}

    assert statuses("get") == {
        "viewer": 200, "analyst": 200, "manager": 200, "stranger": 404, "anonymous": 401,
    }  # fmt: skip
    assert statuses("patch", {"name": "City"}) == {
        "viewer": 403, "analyst": 200, "manager": 200, "stranger": 404, "anonymous": 401,
    }  # fmt: skip
    assert statuses("delete") == {
        "viewer": 403, "analyst": 403, "manager": 204, "stranger": 404, "anonymous": 401,
    }  # fmt: skip


def test_an_area_with_a_model_stays(actors: Actors) -> None:
    area = Area.objects.get(pk=draw(actors.manager).json()["id"])
    dataset = Dataset.objects.create(organization=actors.organization, name="Events")
    ForecastModel.objects.create(
        organization=actors.organization, dataset=dataset, area=area, name="Model", period="month"
    )
    response = actors.manager.api.delete(f"{AREAS}/{area.pk}")
    assert (response.status_code, response.json()["code"]) == (409, "spatial.area_in_use")
    assert not AuditEntry.objects.filter(verb="spatial.area_deleted").exists()


def test_operators_see_and_delete_areas(actors: Actors) -> None:
    area = draw(actors.analyst).json()["id"]
    staff = Client()
    staff.force_login(UserFactory.create(is_staff=True))
    page = staff.get("/admin/spatial/area/")
    assert b"City" in page.content
    assert staff.get(f"/admin/spatial/area/{area}/change/").status_code == 200
    staff.post("/admin/spatial/area/", {"action": "delete_chosen", "_selected_action": [area]})
    assert not Area.objects.exists()


def test_a_list_of_areas_takes_the_same_queries(actors: Actors, same_queries: Check) -> None:
    numbers = count()
    same_queries(
        "GET /api/v1/areas",
        lambda: draw(actors.analyst, name=f"Area {next(numbers)}"),
        partial(actors.viewer.api.get, AREAS),
    )
