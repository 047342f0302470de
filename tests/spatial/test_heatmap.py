"""Heatmaps: the cells whose centre lies in a tile, within a window of their own."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import h3.api.basic_int as h3
import pytest

from apps.datasets.models import Dataset
from apps.datasets.reading.rows import Precision
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
Get = Callable[..., Any]
PLACE = (51.5, -0.1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2023, 3, day, hour, tzinfo=UTC)


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [
        EventRow(*PLACE, at(1, 6), "Theft"),
        EventRow(*PLACE, at(1, 18), "Burglary"),
        EventRow(*PLACE, at(2, 6), "Theft"),
        EventRow(40.0, 20.0, at(5), "Theft"),
        EventRow(-20.0, -60.0, at(1), "Theft", Precision.MONTH),
    ]
    return published_dataset(rows, organization=actors.organization)


@pytest.fixture
def get(actors: Actors, dataset: Dataset) -> Get:
    """Give a function that asks for a heatmap of the dataset as a viewer."""

    def answer(place: str = "0/0/0", **parameters: Any) -> Any:
        return actors.viewer.api.get(f"/api/v1/heatmap/{place}", {"dataset": str(dataset.pk), **parameters})

    return answer


def test_a_heatmap_shows_each_cell_with_centre_and_outline(get: Get) -> None:
    body = get().json()
    assert (body["z"], body["x"], body["y"], body["resolution"]) == (0, 0, 0, 3)
    assert body["meta"]["bounds"] == pytest.approx([-180, -85.0511287798, 180, 85.0511287798])
    assert body["meta"]["max_count"] == 3
    assert body["meta"]["timeframe"] == {"from": None, "to": None}
    assert body["meta"]["horizon_hours"] is None
    assert body["events"] == 5
    (cell,) = [cell for cell in body["cells"] if cell["count"] == 3]
    assert cell["categories"] == {"Burglary": 1, "Theft": 2}
    root = h3.latlng_to_cell(*PLACE, 3)
    assert cell["h3"] == h3.int_to_str(root)
    assert cell["centroid"] == [round(part, 6) for part in reversed(h3.cell_to_latlng(root))]
    assert cell["polygon"]["type"] == "Polygon"


def test_each_cell_is_in_one_tile_of_a_zoom(get: Get) -> None:
    for z in (1, 2):
        bodies = [get(f"{z}/{x}/{y}").json() for x in range(1 << z) for y in range(1 << z)]
        cells = [cell["h3"] for body in bodies for cell in body["cells"]]
        assert len(cells) == len(set(cells)) == 3
        assert sum(body["events"] for body in bodies) == 5


@pytest.mark.parametrize(
    ("window", "events", "hours"),
    [
        ({"ts_start": "2023-03-01T00:00:00Z", "ts_end": "2023-03-01T12:00:00Z"}, 2, 12),
        ({"ts_start": "2023-03-01T00:00:00Z", "horizon": 24}, 3, 24),
        ({"ts_start": "2023-03-01", "horizon": 36}, 4, 36),
        ({"ts_start": "2023-03-01", "ts_end": "2023-03-02"}, 4, 48),
        ({"ts_start": "2023-03-01T00:00:00Z", "ts_end": "2023-03-01T12:00:00Z", "horizon": 336}, 2, 12),
        ({"ts_start": "2023-03-01T00:00:00Z", "horizon": 0}, 0, 0),
        ({"ts_start": "2023-03-02"}, 3, None),
        ({"ts_end": "2023-03-01T12:00:00Z"}, 2, None),
    ],
)
def test_the_window_ends_by_itself_or_after_a_horizon(
    get: Get, window: dict[str, Any], events: int, hours: float | None
) -> None:
    body = get(**window).json()
    assert body["events"] == events
    assert body["meta"]["horizon_hours"] == hours


def test_a_horizon_after_a_day_begins_in_the_zone(actors: Actors) -> None:
    row = EventRow(*PLACE, datetime(2023, 5, 1, 22, 30, tzinfo=UTC))  # the 2nd in Berlin
    dataset = published_dataset([row], organization=actors.organization, zone="Europe/Berlin")
    query: dict[str, Any] = {"dataset": str(dataset.pk), "ts_start": "2023-05-02", "horizon": 1}
    body = actors.viewer.api.get("/api/v1/heatmap/0/0/0", query).json()
    assert body["events"] == 1
    assert body["meta"]["timeframe"] == {"from": "2023-05-01T22:00:00Z", "to": "2023-05-01T23:00:00Z"}


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"horizon": 24}, "ts_start"),
        ({"ts_start": "2023-03-01", "horizon": 337}, "horizon"),
        ({"ts_start": "2023-03-01", "horizon": -1}, "horizon"),
        ({"ts_start": "2023-03-02", "ts_end": "2023-03-01"}, "ts_end"),
        ({"from": "2023-03-02"}, "from"),
        ({"bbox": "0,0,1,1"}, "bbox"),
    ],
)
def test_wrong_windows_are_refused_by_name(get: Get, parameters: dict[str, Any], named: str) -> None:
    response = get(**parameters)
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == named


def test_a_tile_without_cells_is_an_answer(get: Get) -> None:
    body = get("4/0/0").json()
    assert (body["cells"], body["meta"]["max_count"]) == ([], 0)
