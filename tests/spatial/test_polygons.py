"""Selecting by polygon: in the body of a question, and by a named area."""

from collections.abc import Callable
from typing import Any

import h3.api.basic_int as h3
import pytest

from apps.datasets.models import Dataset
from apps.datasets.queries.polygons import Polygons
from apps.datasets.queries.selections import Box
from apps.spatial.models import Area
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
PLACE = (51.5, -0.1)
QUERY = "/api/v1/hexes/query"


def square(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    places = [PLACE, PLACE, (40.0, 20.0), (0.5, 179.5), (0.5, -179.5)]
    return published_dataset([EventRow(*place) for place in places], organization=actors.organization)


@pytest.fixture
def ask(actors: Actors, dataset: Dataset) -> Ask:
    """Give a function that asks a question of the dataset in JSON as a viewer."""

    def answer(**fields: Any) -> Any:
        body = {"dataset": [str(dataset.pk)], "resolution": 7, **fields}
        return actors.viewer.api.post(QUERY, body, format="json")

    return answer


def test_a_polygon_selects_the_cells_whose_centre_is_inside(ask: Ask) -> None:
    body = ask(polygon=polygon(square(-1, 51, 1, 52))).json()
    assert body["events"] == 2
    assert body["filters"]["polygon"]["type"] == "Polygon"
    assert ask(polygon=polygon(square(-1, 51, 1, 52), square(-0.2, 51.4, 0, 51.6))).json()["events"] == 0


def test_a_polygon_answers_as_the_box_of_the_same_edges(ask: Ask) -> None:
    for resolution in (3, 5, 9, 11):
        for edges in ((-1, 51, 1, 52), (0, 30, 30, 60), (-90, -45, 90, 60)):
            boxed = ask(bbox=",".join(map(str, edges)), resolution=resolution).json()
            drawn = ask(polygon=polygon(square(*edges)), resolution=resolution).json()
            assert drawn["cells"] == boxed["cells"]


def test_a_jump_over_180_degrees_is_unwrapped(ask: Ask) -> None:
    across = ask(polygon=polygon(square(179, 0, -179, 1))).json()
    assert across["events"] == 2
    assert ask(polygon=polygon(square(179, 0, 181, 1))).json()["events"] == 2
    assert ask(polygon=polygon(square(-181, 0, -179, 1))).json()["events"] == 2
    hole = square(-179.9, 0.2, -179, 0.8)
    assert ask(polygon=polygon(square(179, 0, -179, 1), hole)).json()["events"] == 1


def test_a_ring_that_crosses_itself_is_read_even_odd(ask: Ask) -> None:
    # Twice round the same square: inside an even number of times.
    ring = square(-1, 51, 1, 52)
    assert ask(polygon=polygon(ring[:-1] + ring)).json()["events"] == 0
    bow = [[-1, 51], [1, 52], [1, 51], [-1, 52], [-1, 51]]
    assert ask(polygon=polygon(bow)).json()["events"] == 2


def test_a_hole_outside_changes_nothing(ask: Ask) -> None:
    assert ask(polygon=polygon(square(-1, 51, 1, 52), square(19, 39, 21, 41))).json()["events"] == 2


def test_a_multipolygon_selects_the_cells_of_all_its_parts(ask: Ask) -> None:
    parts = [[square(-1, 51, 1, 52)], [square(19, 39, 21, 41)]]
    assert ask(polygon={"type": "MultiPolygon", "coordinates": parts}).json()["events"] == 3


def test_ten_thousand_vertices_are_answered_and_one_more_is_refused(ask: Ask) -> None:
    side: list[Any] = [[-1 + 2 * step / 9_996, 51] for step in range(9_996)]
    ring = [*side, [1, 51], [1, 52], [-1, 52], [-1, 51]]
    assert len(ring) == 10_000
    assert ask(polygon=polygon(ring)).json()["events"] == 2
    response = ask(polygon=polygon([ring[0], *ring]))
    assert (response.status_code, response.json()["code"]) == (422, "spatial.selection_invalid")
    assert response.json()["errors"][0]["pointer"] == "/polygon"


@pytest.mark.parametrize(
    "geometry",
    [
        None, 5, "Polygon", [], {}, {"type": "Point", "coordinates": [0, 0]}, {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []}, {"type": "Polygon", "coordinates": {}}, polygon([]),
        polygon([[0, 0], [1, 1], [0, 0]]), polygon([[0, 0], [1, 0], [1, 1], [0, 1]]),
        polygon(square(0, 0, 0, 1)), polygon(square(0, 0, 361, 1)), polygon(square(0, 0, 1, 91)),
        polygon(square(-180, 60, 180, 90)), polygon([[0, 80], [120, 80], [240, 80], [360, 80], [0, 80]]),
        polygon([["0", 0], [1, 0], [1, 1], ["0", 0]]), polygon([[True, 0], [1, 0], [1, 1], [True, 0]]),
        polygon([[0], [1], [2], [0]]), polygon([[10**400, 0], [1, 0], [1, 1], [10**400, 0]]),
        {"type": "MultiPolygon", "coordinates": [square(0, 0, 1, 1)]},
    ],
)  # fmt: skip
def test_what_is_no_polygon_is_refused(ask: Ask, geometry: Any) -> None:
    response = ask(polygon=geometry)
    assert response.status_code == 422, response.content
    assert response.json()["errors"][0]["pointer"].startswith("/polygon")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"polygon": polygon(square(0, 0, 1, 1)), "bbox": "0,0,1,1"}, "spatial.selection_invalid"),
        ({"operation": "timeline"}, "request.invalid"),
        ({"operation": "hotspots"}, "request.invalid"),
        ({"colour": "red"}, "request.invalid"),
        ({"include": "categories"}, "request.invalid"),
        ({"include": 5}, "request.invalid"),
        ({"value_min": 10**400}, "request.invalid"),
        ({"level": 10**400}, "request.invalid"),
        ({"category": ["Thefd"]}, "spatial.category_unknown"),
        ({"cell": ["83194ad30c7ffff"]}, "spatial.selection_invalid"),
    ],
)
def test_wrong_fields_are_named_by_pointer(ask: Ask, fields: dict[str, Any], code: str) -> None:
    response = ask(**fields)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert all(error["pointer"] for error in response.json()["errors"])


def test_a_question_in_json_answers_as_the_parameters_do(actors: Actors, ask: Ask, dataset: Dataset) -> None:
    query: dict[str, Any] = {
        "dataset": str(dataset.pk),
        "resolution": 7,
        "include": "categories,labels,value",
    }
    for form in ("json", "columns", "geojson"):
        by_body = ask(include=["categories", "labels", "value"], format=form)
        by_parameters = actors.viewer.api.get("/api/v1/hexes", {**query, "format": form})
        assert by_body.content == by_parameters.content
        assert by_body["Content-Type"] == by_parameters["Content-Type"]
    buckets: dict[str, Any] = {
        "dataset": str(dataset.pk),
        "resolution": 7,
        "bucket": "month",
        "group": "category",
    }
    by_body = ask(operation="timeline", bucket="month", group="category")
    assert by_body.json() == actors.viewer.api.get("/api/v1/timeline", buckets).json()
    assert ask(estimate=True).json()["limit"] == 50_000


def test_a_timeline_is_narrowed_by_a_polygon(ask: Ask) -> None:
    body = ask(operation="timeline", bucket="day", polygon=polygon(square(-1, 51, 1, 52))).json()
    assert (body["events"], body["buckets"][0]["count"]) == (2, 2)


def test_the_estimate_of_a_polygon_is_its_area(ask: Ask) -> None:
    half = [[-1, 51], [1, 51], [1, 52], [-1, 51]]
    areas = [Polygons.from_geojson(polygon(ring)).estimate(9) for ring in (square(-1, 51, 1, 52), half)]
    box = Box.from_degrees(-1, 51, 1, 52).estimate(9)
    assert areas[0] == pytest.approx(box, rel=1e-6)
    assert areas[1] == pytest.approx(box / 2, rel=0.02)


def test_who_may_ask_in_json(actors: Actors, dataset: Dataset) -> None:
    statuses = {
        person.name: person.api.post(QUERY, {"dataset": [str(dataset.pk)]}, format="json").status_code
        for person in (actors.viewer, actors.manager, actors.stranger, actors.anonymous)
    }
    assert statuses == {"viewer": 200, "manager": 200, "stranger": 404, "anonymous": 401}
    wrong = {"dataset": [str(dataset.pk)], "resolution": 99}
    assert actors.stranger.api.post(QUERY, wrong, format="json").status_code == 404
    assert actors.viewer.api.post(QUERY, [], format="json").status_code in {400, 422}


def test_an_area_selects_what_its_polygon_does(actors: Actors, dataset: Dataset) -> None:
    drawn = {"name": "City", "polygon": polygon(square(-1, 51, 1, 52))}
    area = actors.analyst.api.post("/api/v1/areas", drawn, format="json").json()
    query: dict[str, Any] = {"dataset": str(dataset.pk), "area": area["id"], "resolution": 7}
    body = actors.viewer.api.get("/api/v1/hexes", query).json()
    assert (body["events"], body["filters"]["area"]) == (2, area["id"])
    assert actors.viewer.api.get("/api/v1/timeline", {**query, "bucket": "day"}).json()["events"] == 2
    cell = h3.int_to_str(h3.latlng_to_cell(*PLACE, 7))
    assert actors.viewer.api.get(f"/api/v1/hexes/{cell}", query).json()["rank"] == 1
    redrawn = {"polygon": polygon(square(19, 39, 21, 41))}
    actors.analyst.api.patch(f"/api/v1/areas/{area['id']}", redrawn, format="json")
    assert actors.viewer.api.get("/api/v1/hexes", query).json()["events"] == 1
    both = actors.viewer.api.get("/api/v1/hexes", {**query, "bbox": "0,0,1,1"})
    assert both.json()["code"] == "spatial.selection_invalid"
    Area.objects.update(organization=actors.stranger.organization)
    assert actors.viewer.api.get("/api/v1/hexes", query).status_code == 404
