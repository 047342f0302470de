"""Vector tiles over HTTP, read back by a foreign decoder."""

from collections.abc import Callable
from typing import Any

import h3.api.basic_int as h3
import mapbox_vector_tile
import pytest

from apps.datasets.models import Dataset
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
        EventRow(40.0, 20.0, category="Burglary"),
    ]
    return published_dataset(rows, organization=actors.organization)


@pytest.fixture
def get(actors: Actors, dataset: Dataset) -> Get:
    """Give a function that asks for a tile of the dataset as a viewer."""

    def answer(path: str, **parameters: Any) -> Any:
        return actors.viewer.api.get(f"/api/v1/{path}", {"dataset": str(dataset.pk), **parameters})

    return answer


def features(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    layers = mapbox_vector_tile.decode(response.content)
    assert list(layers) == ["cells"]
    assert (layers["cells"]["version"], layers["cells"]["extent"]) == (2, 4096)
    found: list[dict[str, Any]] = layers["cells"]["features"]
    return found


def test_a_tile_shows_its_cells_with_their_full_counts(get: Get) -> None:
    response = get("tiles/0/0/0.mvt")
    assert response["Content-Type"] == "application/vnd.mapbox-vector-tile"
    by_count = {feature["properties"]["count"]: feature for feature in features(response)}
    cell = h3.latlng_to_cell(*PLACE, 3)
    assert by_count.keys() == {1, 3}
    assert by_count[3]["id"] == cell
    assert by_count[3]["properties"] == {"h3": h3.int_to_str(cell), "count": 3, "value": 3, "own": True}
    assert by_count[3]["geometry"]["type"] == "Polygon"
