"""TileJSON 3.0: what a map library needs to know of our tiles."""

from collections.abc import Sequence
from math import cos, degrees, radians, sqrt
from typing import Any, Final

from apps.datasets.queries.cells import HALF_TURN
from apps.spatial.sources import Source
from apps.spatial.tiles import LAYER
from apps.spatial.tiles.addresses import MAX_LATITUDE, MAX_ZOOM, REACH_RAD, Tile

FIELDS: Final = {
    "h3": "String: the cell's H3 index",
    "count": "Number: events of the whole cell",
    "value": "Number: the measure; absent where no event has a value",
    "own": "Boolean: whether the cell's centre lies in this tile",
}
# An event may lie at the edge of its cell, which then reaches two radii farther.
REACHES: Final = 2


def stamp_of(sources: Sequence[Source]) -> str:
    """Return what `v` of a tile's address is: version and rules of each dataset."""
    return ",".join(f"{source.version.number}.{source.dataset.rules_no}" for source in sources)


def describe_tiles(sources: Sequence[Source], address: str, outside: int) -> dict[str, Any]:
    """Return the TileJSON document of tiles at an address with places for z, x and y."""
    return {
        "tilejson": "3.0.0",
        "name": ", ".join(source.dataset.name for source in sources),
        "scheme": "xyz",
        "tiles": [address],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": bounds_of(sources),
        "vector_layers": [{"id": LAYER, "fields": FIELDS, "minzoom": 0, "maxzoom": MAX_ZOOM}],
        "outside_mercator_events": outside,
    }


def bounds_of(sources: Sequence[Source]) -> list[float]:
    """Return a box around all cells that hold events, at any resolution."""
    extents = [source.version.extent for source in sources]
    reach = REACHES * degrees(REACH_RAD / sqrt(7) ** Tile.at(0, 0, 0).resolution)
    boxes = [_widened(extent, reach) for extent in extents if extent is not None]
    if not boxes or None in extents:
        return [-HALF_TURN, -MAX_LATITUDE, HALF_TURN, MAX_LATITUDE]
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return [min(wests), min(souths), max(easts), max(norths)]


def _widened(extent: Sequence[float], reach: float) -> tuple[float, float, float, float]:
    west, south, east, north = extent
    south, north = max(south - reach, -MAX_LATITUDE), min(north + reach, MAX_LATITUDE)
    aside = reach / cos(radians(max(abs(south), abs(north))))
    if west > east or west - aside < -HALF_TURN or east + aside > HALF_TURN:
        west, east, aside = -HALF_TURN, HALF_TURN, 0.0
    return west - aside, south, east + aside, north
