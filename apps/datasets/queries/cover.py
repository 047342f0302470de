"""The coarse cover of a box: ranges of base cells that hold at least all cells whose centre is inside.

A parent need not contain its child's centre, so the cells that overlap the box are widened by one ring. What
the cover holds too much is sorted out by the exact centre test on occupied cells.
"""

from itertools import pairwise
from math import ceil, radians, sin
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries.cells import EARTH_RADIUS_KM, base_ranges, mean_area_km2, positions
from apps.datasets.reading.rows import Int64s

MAX_RANGES: Final = 200
# The library fills no polygon wider than half the sphere.
SLICE_DEG: Final = 90.0
# A cover of about so many cells follows the outline closely and stays cheap to scan.
COVER_CELLS: Final = 200


def cover_box(west: float, south: float, width_deg: float, north: float, resolution: int) -> Int64s:
    """Return (n <= 200, 2) ranges for a box, by cells not finer than `resolution`."""
    level = _cover_level(radians(width_deg) * (sin(radians(north)) - sin(radians(south))), resolution)
    count = ceil(width_deg / SLICE_DEG)
    edges = [west + width_deg * index / count for index in range(count + 1)]
    overlapping: set[int] = set()
    for left, right in pairwise(edges):
        shape = h3.LatLngPoly([(south, left), (south, right), (north, right), (north, left)])
        overlapping.update(h3.polygon_to_cells_experimental(shape, level, contain="overlap"))
    widened = {near for cell in overlapping for near in h3.grid_disk(cell, 1)}
    return merge_ranges(base_ranges(np.array(sorted(widened), np.int64)))


def merge_ranges(ranges: Int64s, limit: int = MAX_RANGES) -> Int64s:
    """Return the ranges sorted and disjoint, with the smallest gaps closed until at most `limit` are left."""
    ordered = ranges[np.argsort(ranges[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    missing = positions(ordered[1:, 0]) - positions(reach[:-1]) - 1  # base cells between neighbours
    breaks = np.flatnonzero(missing > 0)
    if breaks.size >= limit:
        widest = np.argsort(missing[breaks], kind="stable")[breaks.size - (limit - 1) :]
        breaks = np.sort(breaks[widest])
    first = ordered[np.concatenate([[0], breaks + 1]), 0]
    last = reach[np.concatenate([breaks, [len(ordered) - 1]])]
    return np.stack([first, last], axis=1)


def _cover_level(area_sr: float, resolution: int) -> int:
    """Return the finest resolution, not finer than `resolution`, whose cover has about COVER_CELLS cells."""
    area_km2 = EARTH_RADIUS_KM**2 * area_sr
    for level in range(resolution, 0, -1):
        if area_km2 / mean_area_km2(level) <= COVER_CELLS:
            return level
    return 0
