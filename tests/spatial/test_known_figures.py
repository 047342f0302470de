"""Every map figure of the two real files, through HTTP (places-maps.md section 8)."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.datasets.models import Dataset
from tests.furniture.people import Actors
from tests.spatial.known_data import earthquakes, london

pytestmark = pytest.mark.django_db

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(actors: Actors) -> Ask:
    """Give a function that asks for the cells of a dataset and returns the answer."""

    def answer(dataset: Dataset, **parameters: Any) -> dict[str, Any]:
        response = actors.viewer.api.get("/api/v1/hexes", {"dataset": str(dataset.pk), **parameters})
        assert response.status_code == 200, response.content
        body: dict[str, Any] = response.json()
        assert body["events"] == sum(cell["count"] for cell in body["cells"])
        return body

    return answer


def size(body: dict[str, Any]) -> tuple[int, int]:
    return len(body["cells"]), body["events"]


@pytest.mark.parametrize("segments", [1, 12])
def test_london(actors: Actors, ask: Ask, segments: int) -> None:
    dataset = london(actors.organization, segments=segments)
    occupied = [3, 3, 3, 8, 19, 50, 120, 243, 328]
    for resolution, cells in zip(range(3, 12), occupied, strict=True):
        assert size(ask(dataset, resolution=resolution)) == (cells, 8_501)
    largest = {
        8: {"88194ad305fffff": 2_016},
        9: {"89194ad30c7ffff": 820, "89194ad301bffff": 558, "89194ad304bffff": 550},
        10: {"8a194ad30c47fff": 448},
    }
    for resolution, expected in largest.items():
        ranked = sorted(ask(dataset, resolution=resolution)["cells"], key=lambda cell: -cell["count"])
        assert {cell["h3"]: cell["count"] for cell in ranked[: len(expected)]} == expected
    box = {"bbox": "-0.12,51.50,-0.07,51.53"}
    assert size(ask(dataset, resolution=8, **box)) == (17, 8_418)
    assert size(ask(dataset, resolution=9, **box)) == (75, 8_439)
    assert size(ask(dataset, resolution=10, **box)) == (195, 8_434)


def test_a_box_around_all_events_holds_every_accepted_row_at_every_resolution(
    actors: Actors, ask: Ask
) -> None:
    # Wide enough for the centres of the coarsest cells.
    dataset = london(actors.organization, segments=3)
    for resolution in range(3, 12):
        assert ask(dataset, resolution=resolution, bbox="-2,50,2,53")["events"] == 8_501


def test_london_windows_and_categories(actors: Actors, ask: Ask) -> None:
    dataset = london(actors.organization)
    march = ask(dataset, resolution=8, **{"from": "2023-03-01", "to": "2023-03-31"})
    assert (march["events"], march["partial_events"]) == (650, 0)
    mid = ask(dataset, resolution=8, **{"from": "2023-03-02", "to": "2023-03-10"})
    assert (mid["events"], mid["partial_events"]) == (650, 650)
    october = {"from": "2023-10-01", "to": "2023-10-31", "resolution": 9}
    assert ask(dataset, category="Shoplifting", **october)["events"] == 112
    top = sorted(ask(dataset, category="Shoplifting", resolution=9)["cells"], key=lambda cell: -cell["count"])
    assert [(cell["h3"], cell["count"]) for cell in top[:3]] == [
        ("89194ad304bffff", 138),
        ("89194ad30c7ffff", 122),
        ("89194ad3047ffff", 104),
    ]
    march_only = {"from": "2023-03-01", "to": "2023-03-31", "resolution": 8}
    assert ask(dataset, category="Burglary", **march_only)["events"] == 24
    totals: dict[str, int] = {}
    for cell in ask(dataset, resolution=8)["cells"]:
        for name, count in cell["categories"].items():
            totals[name] = totals.get(name, 0) + count
    assert len(totals) == 14
    assert totals["Other theft"] == 2_085
    assert totals["Violence and sexual offences"] == 1_468
    assert totals["Burglary"] == 323


@pytest.mark.parametrize("segments", [1, 5])
def test_earthquakes(actors: Actors, ask: Ask, segments: int) -> None:
    dataset = earthquakes(actors.organization, segments=segments)
    occupied = [3_530, 8_383, 15_480, 21_035, 22_921, 23_331, 23_392, 23_406, 23_406]
    for resolution, cells in zip(range(3, 12), occupied, strict=True):
        assert size(ask(dataset, resolution=resolution)) == (cells, 23_412)
    across, east, west = "170,-50,-170,-10", "170,-50,180,-10", "-180,-50,-170,-10"
    assert size(ask(dataset, resolution=3, bbox=across)) == (221, 3_233)
    assert size(ask(dataset, resolution=3, bbox=east)) == (106, 674)
    assert size(ask(dataset, resolution=3, bbox=west)) == (115, 2_559)
    assert size(ask(dataset, resolution=4, bbox=across)) == (810, 3_262)
    assert size(ask(dataset, resolution=4, bbox=east)) == (278, 675)
    assert size(ask(dataset, resolution=4, bbox=west)) == (532, 2_587)
    assert size(ask(dataset, resolution=5, bbox=across)) == (1_967, 3_251)
    assert size(ask(dataset, resolution=5, bbox=east)) == (506, 681)
    assert size(ask(dataset, resolution=5, bbox=west)) == (1_461, 2_570)
    assert size(ask(dataset, resolution=3, bbox="-180,80,180,90")) == (13, 27)
    assert size(ask(dataset, resolution=4, bbox="-180,80,180,90")) == (18, 32)


def test_earthquakes_in_time_and_value(actors: Actors, ask: Ask) -> None:
    dataset = earthquakes(actors.organization)
    assert ask(dataset, resolution=3, **{"from": "2011-01-01", "to": "2011-12-31"})["events"] == 713
    noon = ask(dataset, resolution=3, hour_from=0, hour_to=23)
    assert (noon["events"], noon["excluded_no_time"]) == (3, 23_409)
    (cell,) = ask(dataset, resolution=3, cell="837686fffffffff")["cells"]
    assert cell["value"]["n"] == cell["count"] == 169
    assert cell["value"]["mean"] == 5.84319527
    assert (cell["value"]["min"], cell["value"]["max"]) == (5.5, 7.9)
    assert cell["value"]["ci"] == {"lower": 5.78403711, "upper": 5.90235342, "level": 0.95}


def test_earthquakes_across_the_antimeridian_are_multipolygons(actors: Actors) -> None:
    dataset = earthquakes(actors.organization)
    query: dict[str, Any] = {"dataset": str(dataset.pk), "resolution": 3}
    response = actors.viewer.api.get("/api/v1/hexes/geojson", query)
    features = response.json()["features"]
    cut = [feature for feature in features if feature["geometry"]["type"] == "MultiPolygon"]
    assert len(features) == 3_530
    assert len(cut) == 34
    assert sum(feature["properties"]["count"] for feature in cut) == 382
    assert all(feature["bbox"][0] > feature["bbox"][2] for feature in cut)
