"""What the map page asks first, whatever the screen: the module `static/js/map.js` asks the very same.

A change of either is a change of both: an answer that nobody asks for in these words is warmed for nothing.
"""

from collections.abc import Sequence
from math import floor, log2
from typing import Final

import numpy as np

from apps.datasets.models import Version
from apps.datasets.queries import Precision
from apps.datasets.queries.cells import FULL_TURN
from apps.datasets.queries.timeline import Bucket
from apps.spatial.tiles import Tile
from apps.spatial.tiles.addresses import project

WORLD_PX: Final = 512  # at zoom 0
# Width and height that a map leaves to the data: on a small phone, and on a large screen.
SMALLEST_PX: Final = (240, 200)
LARGEST_PX: Final = (2_480, 1_360)
MAX_ZOOM: Final = 13
SOUTHMOST, NORTHMOST = -80.0, 83.0
YEARLY_FROM_DAYS: Final = 366 * 25
MONTHLY_FROM_DAYS: Final = 120


def default_resolutions(extent: Sequence[float] | None) -> tuple[int, ...]:
    """Return the resolutions of the first view of an extent, from the smallest screen to the largest."""
    if extent is None:
        return (Tile(0, 0, 0).resolution,)
    smallest, largest = (_fitting_zoom(extent, *size) for size in (SMALLEST_PX, LARGEST_PX))
    return tuple(dict.fromkeys(Tile(zoom, 0, 0).resolution for zoom in range(smallest, largest + 1)))


def default_bucket(version: Version) -> Bucket:
    """Return the periods of the first histogram: a readable number, in which every event has a place."""
    precisions = version.precision_counts
    days = (version.last_at - version.first_at).days if version.first_at and version.last_at else 0
    if days > YEARLY_FROM_DAYS or precisions.get(str(int(Precision.YEAR))):
        return Bucket.YEAR
    if days > MONTHLY_FROM_DAYS or precisions.get(str(int(Precision.MONTH))):
        return Bucket.MONTH
    return Bucket.DAY


def _fitting_zoom(extent: Sequence[float], width_px: int, height_px: int) -> int:
    """Return the whole zoom at which an extent fills a map of this size."""
    west, south, east, north = extent
    latitudes = np.clip([south, north], SOUTHMOST, NORTHMOST)
    _, (bottom, top) = project(latitudes, np.zeros(2))
    across = (east - west) % FULL_TURN / FULL_TURN or (1.0 if east != west else 0.0)
    shares = ((across, width_px), (float(bottom - top), height_px))
    zooms = [log2(pixels / (WORLD_PX * share)) for share, pixels in shares if share > 0]
    return max(0, floor(min([MAX_ZOOM, *zooms])))
