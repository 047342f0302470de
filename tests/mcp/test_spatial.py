"""The tools of maps: the figures of the REST calls, with their address, within limits and rights."""

from typing import Any

import pytest

from apps.accounts.models import Role
from apps.datasets.models import Dataset
from apps.spatial.models import Area
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.mcp.conftest import KeyMaker, McpClient
from tests.spatial.known_data import london

pytestmark = pytest.mark.django_db
PLACE = (51.5, -0.1)
SQUARE = {"type": "Polygon", "coordinates": [[[-1, 51], [1, 51], [1, 52], [-1, 52], [-1, 51]]]}
NAMES = {
    "spatial_aggregate",
    "spatial_top_cells",
    "spatial_timeline",
    "spatial_export_geojson",
    "spatial_ask",
}


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [
        EventRow(*PLACE, category="Theft", value=1.0),
        EventRow(*PLACE, category="Burglary"),
        EventRow(40.0, 20.0, category="Theft", value=5.0),
    ]
    return published_dataset(rows, organization=actors.organization)


@pytest.fixture
def client(mcp_key: KeyMaker) -> McpClient:
    return mcp_key(Role.VIEWER, ("spatial:read",))


def rest(actors: Actors, answer: dict[str, Any]) -> dict[str, Any]:
    response = actors.viewer.api.get(answer["api_url"])
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_the_tools_are_offered_with_the_right_to_read(mcp_key: KeyMaker, client: McpClient) -> None:
    assert client.tool_names() >= NAMES
    assert not mcp_key(Role.ADMIN, ("datasets:read",)).tool_names() & NAMES


def test_cells_are_those_of_the_map_the_fullest_first(
    actors: Actors, dataset: Dataset, client: McpClient
) -> None:
    answer = client.call("spatial_aggregate", datasets=[str(dataset.pk)], resolution=7)
    same = rest(actors, answer)
    assert answer["cells"] == sorted(same["cells"], key=lambda cell: -cell["count"])
    for name in ("datasets", "window", "filters", "events", "resolution", "partial_events"):
        assert answer[name] == same[name]
    assert (answer["cells_total"], answer["is_complete"]) == (2, True)
    top = client.call("spatial_top_cells", datasets=[str(dataset.pk)], resolution=7, n=1)
    assert (top["cells"], top["cells_total"], top["is_complete"]) == (answer["cells"][:1], 2, False)


def test_every_parameter_of_the_map_is_taken(actors: Actors, dataset: Dataset, client: McpClient) -> None:
    area = Area.objects.create(
        organization=actors.organization, name="Soho", polygon=SQUARE, box=[-1, 51, 1, 52]
    )
    for wanted, events in (
        ({"category": ["Theft"]}, 2),
        ({"bbox": [19, 39, 21, 41]}, 1),
        ({"area": str(area.pk)}, 2),
        ({"cell": ["84194adffffffff"], "resolution": 8}, 2),
        ({"from": "2023-01-01", "to": "2023-01-01"}, 3),
        ({"to": "2022-12-31"}, 0),
        ({"value_min": 2.0, "value_max": 9.0}, 1),
        ({"hour_from": 0, "hour_to": 3, "weekday": [7]}, 3),
        ({"version": 1}, 3),
    ):
        answer = client.call("spatial_aggregate", datasets=[str(dataset.pk)], **wanted)
        assert answer["events"] == events, wanted
        assert rest(actors, answer)["events"] == events, wanted


def test_a_timeline_is_that_of_the_api(actors: Actors, dataset: Dataset, client: McpClient) -> None:
    answer = client.call("spatial_timeline", datasets=[str(dataset.pk)], bucket="month", group="category")
    assert [(row["label"], row["count"], row["categories"]) for row in answer["buckets"]] == [
        ("2023-01", 3, {"Burglary": 1, "Theft": 2})
    ]
    assert rest(actors, answer)["buckets"] == answer["buckets"]
    window = {"from": "2000-01-01", "to": "2020-01-01"}
    problem = client.problem("spatial_timeline", datasets=[str(dataset.pk)], bucket="day", **window)
    assert problem["code"] == "spatial.too_many_buckets"


def test_geojson_is_that_of_the_api(actors: Actors, dataset: Dataset, client: McpClient) -> None:
    answer = client.call("spatial_export_geojson", datasets=[str(dataset.pk)], resolution=7)
    assert rest(actors, answer) == answer["geojson"]
    assert len(answer["geojson"]["features"]) == 2


def test_what_has_more_than_a_thousand_cells_says_so(actors: Actors, client: McpClient) -> None:
    rows = [EventRow(latitude / 2, longitude / 2) for latitude in range(30) for longitude in range(40)]
    dataset = published_dataset(rows, organization=actors.organization)
    answer = client.call("spatial_aggregate", datasets=[str(dataset.pk)], resolution=8)
    assert (len(answer["cells"]), answer["cells_total"], answer["is_complete"]) == (1_000, 1_200, False)
    problem = client.problem("spatial_export_geojson", datasets=[str(dataset.pk)], resolution=8)
    assert (problem["code"], problem["limit"]) == ("spatial.too_many_cells", 1_000)


def test_questions_are_answered_and_refused(actors: Actors, client: McpClient) -> None:
    dataset = london(actors.organization)
    answer = client.call("spatial_ask", question="How many shoplifting incidents in October 2023?")
    assert answer["result"]["events"] == 112
    assert rest(actors, answer)["events"] == 112
    problem = client.problem("spatial_ask", question="Shoplifting in Paris?", dataset=str(dataset.pk))
    assert (problem["code"], problem["unknown"]) == ("spatial.question_refused", ["paris"])


def test_wrong_arguments_are_named(dataset: Dataset, client: McpClient) -> None:
    ids = {"datasets": [str(dataset.pk)]}
    assert client.problem("spatial_aggregate", datasets=[])["errors"][0]["pointer"] == "/datasets"
    assert client.problem("spatial_aggregate", **ids, resolution=2)["errors"][0]["pointer"] == "/resolution"
    for wanted in ({"hour_from": 3}, {"from": "yesterday"}, {"bbox": [0, 1, 1, 1]}, {"category": ["Murder"]}):
        problem = client.problem("spatial_aggregate", **ids, **wanted)
        assert problem["status"] == 422, wanted


def test_a_stranger_finds_nothing(actors: Actors, dataset: Dataset, mcp_key: KeyMaker) -> None:
    foreign = actors.stranger.organization
    assert foreign is not None
    area = Area.objects.create(organization=foreign, name="Soho", polygon=SQUARE, box=[-1, 51, 1, 52])
    theirs = published_dataset([EventRow(*PLACE)], organization=foreign)
    client = mcp_key(Role.ADMIN, ("spatial:read", "datasets:read"))
    for tool, more in (
        ("spatial_aggregate", {}),
        ("spatial_top_cells", {}),
        ("spatial_timeline", {"bucket": "day"}),
        ("spatial_export_geojson", {}),
    ):
        assert client.problem(tool, datasets=[str(theirs.pk)], **more)["code"] == "not_found"
        problem = client.problem(tool, datasets=[str(dataset.pk)], area=str(area.pk), **more)
        assert problem["code"] == "not_found"
    assert client.problem("spatial_ask", question="how many", dataset=str(theirs.pk))["code"] == "not_found"


def test_a_version_is_read_by_address(actors: Actors, dataset: Dataset, mcp_key: KeyMaker) -> None:
    client = mcp_key(Role.VIEWER, ("datasets:read",))
    address = client.call("datasets_describe", id=str(dataset.pk))["version_uri"]
    (content,) = client.result("resources/read", {"uri": address})["contents"]
    assert '"number":1' in content["text"]
    assert address not in [row["uri"] for row in client.result("resources/list")["resources"]]
    theirs = published_dataset([EventRow(*PLACE)], organization=actors.stranger.organization)
    assert theirs.current_version is not None
    foreign = f"sextant://datasets/version/{theirs.current_version.pk}"
    assert client.send("resources/read", {"uri": foreign}).status_code == 400
