"""Tiles of the two real files: what they own adds up to all events (places-maps.md sections 8 and 10)."""

from typing import Any

import mapbox_vector_tile
import pytest

from apps.datasets.models import Dataset
from apps.spatial.tiles import Tile
from tests.furniture.people import Actors
from tests.spatial.known_data import earthquakes, london

pytestmark = pytest.mark.django_db


class Pyramid:
    """Tiles of one dataset, asked for as a viewer."""

    def __init__(self, actors: Actors, dataset: Dataset) -> None:
        self.viewer, self.query = actors.viewer, {"dataset": str(dataset.pk)}

    def features(self, z: int, x: int, y: int) -> list[dict[str, Any]]:
        response = self.viewer.api.get(f"/api/v1/tiles/{z}/{x}/{y}.mvt", self.query)
        assert response.status_code in {200, 204}, response.content
        layers = mapbox_vector_tile.decode(response.content) if response.content else {}
        found: list[dict[str, Any]] = layers["cells"]["features"] if layers else []
        return found

    def describe(self, **parameters: Any) -> dict[str, Any]:
        response = self.viewer.api.get("/api/v1/tiles.json", self.query | parameters)
        document: dict[str, Any] = response.json()
        return document


def shown(document: dict[str, Any], z: int) -> list[Tile]:
    """Return the tiles that a map library asks for: those that meet the bounds."""
    west, south, east, north = document["bounds"]
    found = []
    for x in range(1 << z):
        left, _, right, _ = Tile(z, x, 0).bounds
        if left <= east and right >= west:
            rows = (Tile(z, x, y) for y in range(1 << z))
            found += [tile for tile in rows if tile.bounds[1] <= north and tile.bounds[3] >= south]
    return found


def owned(pyramid: Pyramid, tiles: list[Tile]) -> int:
    """Return the events that the tiles own; each cell has one id and one count in all of them."""
    counts: dict[str, int] = {}
    total = 0
    for tile in tiles:
        for feature in pyramid.features(tile.z, tile.x, tile.y):
            known = feature["properties"]
            assert int(known["h3"], 16) == feature["id"]
            assert counts.setdefault(known["h3"], known["count"]) == known["count"]
            total += known["count"] if known["own"] else 0
    return total


def test_london_at_the_zooms_0_to_12(actors: Actors) -> None:
    pyramid = Pyramid(actors, london(actors.organization))
    assert pyramid.describe()["outside_mercator_events"] == 0
    for z in range(13):
        # The coarser the cells, the farther from the city their centres may lie.
        box = [-2.0, 50.5, 1.5, 52.5] if z < 8 else [-0.2, 51.45, 0.0, 51.6]
        assert owned(pyramid, shown({"bounds": box}, z)) == 8_501


def test_earthquakes_of_the_whole_world(actors: Actors) -> None:
    pyramid = Pyramid(actors, earthquakes(actors.organization, segments=3))
    document = pyramid.describe()
    assert document["outside_mercator_events"] == 9
    assert owned(pyramid, [Tile(0, 0, 0)]) == 23_403
    for z in (1, 2):
        assert owned(pyramid, shown(document, z)) == 23_403
    # Cells across 180 degrees are drawn on both sides of the world.
    split = [f for f in pyramid.features(0, 0, 0) if f["geometry"]["type"] == "MultiPolygon"]
    assert len(split) > 34
