"""Selecting by polygon: in the body of a question, and by a named area."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.datasets.models import Dataset
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
PLACE = (51.5, -0.1)
QUERY = "/api/v1/hexes/query"


def square(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
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
