"""GET /hexes: parameters, formats, limits, several datasets, who may."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import h3.api.basic_int as h3
import pytest
from django.db import connection

from apps.datasets.models import Dataset
from apps.datasets.queries.versions import VersionGone
from apps.spatial.hexes import TooExpensive, reading_events
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
Get = Callable[..., Any]
PLACE = (51.5, -0.1)


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [
        EventRow(*PLACE, category="Theft", value=1.0),
        EventRow(*PLACE, category="Theft", value=3.0),
        EventRow(*PLACE, category="Burglary"),
        EventRow(40.0, 20.0, category="Theft", value=5.0, label="night"),
    ]
    return published_dataset(rows, organization=actors.organization)


@pytest.fixture
def get(actors: Actors, dataset: Dataset) -> Get:
    """Give a function that asks for cells of the dataset as a viewer."""

    def answer(path: str = "/hexes", **parameters: Any) -> Any:
        return actors.viewer.api.get(f"/api/v1{path}", {"dataset": str(dataset.pk), **parameters})

    return answer


def test_rows_cite_their_source_and_stand_in_order(get: Get, dataset: Dataset) -> None:
    response = get(resolution=7, include="categories,labels,value,geometry")
    body = response.json()
    assert body["datasets"] == [{"id": str(dataset.pk), "version": 1, "zone": "UTC"}]
    assert (body["resolution"], body["base_resolution"], body["events"]) == (7, 11, 4)
    assert body["window"] == {"from": None, "to": None}
    assert body["suppressed"] is False
    texts = [cell["h3"] for cell in body["cells"]]
    assert texts == sorted(h3.int_to_str(h3.latlng_to_cell(*place, 7)) for place in (PLACE, (40.0, 20.0)))
    by_count = {cell["count"]: cell for cell in body["cells"]}
    assert by_count[3]["categories"] == {"Burglary": 1, "Theft": 2}
    assert by_count[3]["labels"] == {}
    assert by_count[1]["labels"] == {"night": 1}
    assert by_count[3]["value"]["mean"] == 2.0
    assert by_count[3]["value"]["ci"]["upper"] == pytest.approx(2 + 12.7062047362)
    assert by_count[1]["value"]["ci"] is None
    assert by_count[1]["geometry"]["type"] == "Polygon"
    assert response["Sextant-Version"] == "1"
    assert response["Sextant-Rows"] == "2"


def test_columns_hold_the_same_figures_as_rows(get: Get) -> None:
    rows = get(resolution=7, include="categories,labels,value").json()
    response = get(resolution=7, include=["categories", "labels", "value"], format="columns")
    columns = response.json()
    assert response["Content-Type"] == "application/vnd.sextant.columns+json"
    assert columns["h3"] == [cell["h3"] for cell in rows["cells"]]
    assert columns["count"] == [cell["count"] for cell in rows["cells"]]
    for name, counts in columns["categories"].items():
        assert counts == [cell["categories"].get(name, 0) for cell in rows["cells"]]
    assert columns["value"]["mean"] == [cell["value"]["mean"] for cell in rows["cells"]]
    assert columns["value"]["ci"]["level"] == 0.95
    assert columns["events"] == rows["events"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/geo+json", "application/geo+json"),
        ("application/vnd.sextant.columns+json", "application/vnd.sextant.columns+json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_the_accept_header_chooses_the_format(
    actors: Actors, dataset: Dataset, accept: str, expected: str
) -> None:
    query: dict[str, Any] = {"dataset": str(dataset.pk), "resolution": 7}
    assert actors.viewer.api.get("/api/v1/hexes", query, HTTP_ACCEPT=accept)["Content-Type"] == expected


def test_geojson_is_a_collection_of_closed_counter_clockwise_rings(get: Get) -> None:
    body = get("/hexes/geojson", resolution=7).json()
    assert body["type"] == "FeatureCollection"
    assert body["events"] == 4
    for feature in body["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        assert feature["id"] == feature["properties"]["h3"]
        assert ring[0] == ring[-1]
        pairs = pairwise(ring)
        assert sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs) > 0
    assert body["bbox"][0] < -0.1 < 20 < body["bbox"][2]


def test_a_selection_of_cells_counts_their_descendants(get: Get) -> None:
    root = h3.int_to_str(h3.latlng_to_cell(*PLACE, 5))
    body = get(cell=root, resolution=9).json()
    assert body["events"] == 3
    assert body["filters"]["cell"] == [root]


def test_filters_narrow_and_are_repeated_in_the_answer(get: Get) -> None:
    body = get(resolution=7, category=["Theft"], value_min=3).json()
    assert body["events"] == 2
    assert body["filters"]["category"] == ["Theft"]
    assert body["filters"]["value_min"] == 3
    assert get(resolution=7, label="night").json()["events"] == 1


def test_an_empty_answer_is_an_answer(get: Get) -> None:
    for form in ("json", "columns", "geojson"):
        response = get(bbox="100,0,101,1", resolution=7, format=form)
        assert response.status_code == 200
        assert response.json()["events"] == 0


def test_a_version_without_events_is_answered_by_every_call(actors: Actors) -> None:
    empty = published_dataset([], organization=actors.organization)
    calls = [
        "hexes?",
        "hexes?format=columns&",
        "hexes/geojson?",
        "hexes/85194ad3fffffff?",
        "timeline?bucket=day&",
    ]
    for call in calls:
        response = actors.viewer.api.get(f"/api/v1/{call}dataset={empty.pk}")
        assert response.status_code == 200, call
        assert response.json().get("events", response.json().get("count")) == 0


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"bbox": "0,1,1,1"}, "spatial.selection_invalid"),
        ({"bbox": "0,0,1"}, "spatial.selection_invalid"),
        ({"bbox": "0,0,1,nan"}, "spatial.selection_invalid"),
        ({"bbox": "0,0,1,1", "cell": "85283473fffffff"}, "spatial.selection_invalid"),
        ({"cell": "ffffffffffffffff"}, "spatial.selection_invalid"),
        ({"cell": "hello"}, "spatial.selection_invalid"),
        ({"cell": "89194ad30c7ffff", "resolution": 8}, "spatial.selection_invalid"),
        ({"resolution": 2}, "request.invalid"),
        ({"resolution": 12}, "request.invalid"),
        ({"hour_from": 3}, "request.invalid"),
        ({"weekday": 8}, "request.invalid"),
        ({"value_min": "nan"}, "request.invalid"),
        ({"value_min": 2, "value_max": 1}, "request.invalid"),
        ({"from": "2023-01-02", "to": "2023-01-01"}, "request.invalid"),
        ({"from": "2023-01-01T00:00:00"}, "request.invalid"),
        ({"from": "yesterday"}, "request.invalid"),
        ({"level": 1}, "request.invalid"),
        ({"format": "xml"}, "request.invalid"),
        ({"include": "everything"}, "request.invalid"),
        ({"colour": "red"}, "request.invalid"),
        ({"category": "Thefd"}, "spatial.category_unknown"),
    ],
)
def test_wrong_parameters_are_refused_by_name(get: Get, parameters: dict[str, Any], code: str) -> None:
    response = get(**parameters)
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.json()["errors"]


def test_an_unknown_category_is_answered_with_the_nearest(get: Get) -> None:
    assert get(category="thefd").json()["nearest"] == ["Theft"]


def test_the_default_resolution_is_the_finest_up_to_nine_with_few_cells(get: Get) -> None:
    assert get().json()["resolution"] == 9


def test_the_limit_names_the_finest_resolution(get: Get, settings: Any) -> None:
    settings.SPATIAL_MAX_CELLS = 1
    problem = get(resolution=9)
    assert problem.status_code == 422
    assert problem.json()["code"] == "spatial.too_many_cells"
    assert problem.json()["estimated_cells"] == 2
    assert problem.json()["limit"] == 1
    assert problem.json()["detail"].endswith("Select a smaller area.")
    assert get(resolution=9, format="columns").status_code == 200
    estimate = get(resolution=9, estimate="true").json()
    assert estimate == {"resolution": 9, "estimated_cells": 2, "limit": 1, "finest_resolution": None}


def test_a_statement_over_its_time_is_too_expensive() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 20")
        with pytest.raises(TooExpensive), reading_events():
            cursor.execute("SELECT pg_sleep(10)")


def test_a_partition_dropped_under_the_reader_belonged_to_a_version_that_is_gone() -> None:
    with connection.cursor() as cursor, pytest.raises(VersionGone), reading_events():
        cursor.execute("SELECT cell FROM datasets_event_slab_2000000000")


def test_several_datasets_are_one_answer_by_name(actors: Actors, dataset: Dataset) -> None:
    other = published_dataset(
        [EventRow(*PLACE, category="Robbery", value=11.0), EventRow(*PLACE, category="Theft")],
        organization=actors.organization,
        name="Others",
        zone="Asia/Kathmandu",
    )
    query: dict[str, Any] = {"dataset": [str(dataset.pk), str(other.pk)], "resolution": 7}
    body = actors.viewer.api.get("/api/v1/hexes", query).json()
    cell = next(cell for cell in body["cells"] if cell["count"] == 5)
    assert cell["categories"] == {"Burglary": 1, "Robbery": 1, "Theft": 3}
    assert cell["value"]["n"] == 3
    assert cell["value"]["mean"] == 5.0
    assert (cell["value"]["min"], cell["value"]["max"]) == (1.0, 11.0)
    only = actors.viewer.api.get("/api/v1/hexes", {**query, "category": "Robbery"}).json()
    assert only["events"] == 1


def publish_at(instant: datetime, zone: str, actors: Actors) -> Dataset:
    row = EventRow(*PLACE, instant)
    return published_dataset([row], organization=actors.organization, name=zone, zone=zone)


def test_each_dataset_is_filtered_in_its_own_zone(actors: Actors) -> None:
    late = datetime(2023, 5, 1, 22, 30, tzinfo=UTC)  # the 2nd in Berlin
    ids = [str(publish_at(late, zone, actors).pk) for zone in ("UTC", "Europe/Berlin")]
    query: dict[str, Any] = {"dataset": ids, "resolution": 5, "from": "2023-05-02", "to": "2023-05-02"}
    assert actors.viewer.api.get("/api/v1/hexes", query).json()["events"] == 1


@pytest.mark.parametrize("path", ["/hexes", "/hexes/geojson", "/hexes/85194ad3fffffff", "/timeline"])
def test_who_may_see_cells(actors: Actors, dataset: Dataset, path: str) -> None:
    query: dict[str, Any] = {"dataset": str(dataset.pk), **({"bucket": "day"} if path == "/timeline" else {})}
    statuses = {
        person.name: person.api.get(f"/api/v1{path}", query).status_code
        for person in (actors.viewer, actors.analyst, actors.admin, actors.stranger, actors.anonymous)
    }
    assert statuses == {"viewer": 200, "analyst": 200, "admin": 200, "stranger": 404, "anonymous": 401}


def test_a_dataset_without_a_version_is_not_ready(actors: Actors) -> None:
    pending = Dataset.objects.create(organization=actors.organization, name="Empty")
    response = actors.viewer.api.get("/api/v1/hexes", {"dataset": str(pending.pk)})
    assert (response.status_code, response.json()["code"]) == (409, "spatial.not_ready")


def test_a_version_that_is_not_kept_is_gone(get: Get) -> None:
    assert get(version=1, resolution=5).status_code == 200
    response = get(version=2)
    assert (response.status_code, response.json()["code"]) == (404, "datasets.version_gone")
