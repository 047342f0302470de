"""The coarse cover of a box: ranges of base cells that hold at least all cells whose centre is inside.

A parent need not contain its child's centre, so the cells that overlap the box are widened by one ring. What
the cover holds too much is sorted out by the exact centre test on occupied cells.
"""

from functools import cache
from itertools import pairwise
from math import ceil, radians, sin
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries.cells import EARTH_RADIUS_KM, base_ranges, centres, mean_area_km2, positions
from apps.datasets.reading.rows import Bools, Floats, Int64s

MAX_RANGES: Final = 200
# The library fills no polygon wider than half the sphere.
SLICE_DEG: Final = 90.0
# A cover of about so many cells follows the outline closely and stays cheap to scan.
COVER_CELLS: Final = 200
# Coarser than this the library's fill loses cells at the poles, and all cells are few enough to test each.
FINEST_LISTED: Final = 2
# All descendants of a cell lie within its circumradius times this: their centres stray by the geometric
# series of 1 / sqrt(7), which is 1.053; the rest is for the distortion of the projection.
REACH: Final = 1.25


def cover_box(west: float, south: float, width_deg: float, north: float, resolution: int) -> Int64s:
    """Return (n <= 200, 2) ranges for a box, by cells not finer than `resolution`."""
    level = _cover_level(radians(width_deg) * (sin(radians(north)) - sin(radians(south))), resolution)
    if level <= FINEST_LISTED:
        cells, latitudes, longitudes, reach_rad = _all_cells(level)
        box = (south, north, width_deg)
        near = _distance_rad(latitudes, longitudes - west, *box) <= reach_rad
        return merge_ranges(base_ranges(cells[near]))
    return merge_ranges(base_ranges(_filled(west, south, width_deg, north, level)))


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


def _filled(west: float, south: float, width_deg: float, north: float, level: int) -> Int64s:
    """Return the cells that overlap the box, filled in slices, and their neighbours."""
    count = ceil(width_deg / SLICE_DEG)
    edges = [west + width_deg * index / count for index in range(count + 1)]
    overlapping: set[int] = set()
    for left, right in pairwise(edges):
        shape = h3.LatLngPoly([(south, left), (south, right), (north, right), (north, left)])
        overlapping.update(h3.polygon_to_cells_experimental(shape, level, contain="overlap"))
    widened = {near for cell in overlapping for near in h3.grid_disk(cell, 1)}
    return np.array(sorted(widened), np.int64)


@cache
def _all_cells(level: int) -> tuple[Int64s, Floats, Floats, float]:
    """Return all cells of a level, their centres, and the radius around these that holds all descendants."""
    cells = np.array([c for root in h3.get_res0_cells() for c in h3.cell_to_children(root, level)], np.int64)
    latitudes, longitudes = centres(cells)
    radius_rad = max(
        h3.great_circle_distance(h3.cell_to_latlng(cell), vertex, unit="rads")
        for cell in cells.tolist()
        for vertex in h3.cell_to_boundary(cell)
    )
    return cells, latitudes, longitudes, radius_rad * REACH


def _distance_rad(
    latitudes: Floats, longitudes: Floats, south: float, north: float, width_deg: float
) -> Floats:
    """Return the angular distance of points to the box that begins at longitude 0; 0 inside.

    Over the box's longitudes that is the distance along the meridian; elsewhere the nearest point lies on its
    west or east edge, where the cosine of the distance is a cosine of latitude around `foot`.
    """
    phi, low, high = np.radians(latitudes), radians(south), radians(north)
    along = np.maximum(np.maximum(low - phi, phi - high), 0.0)
    nearest = np.full(phi.shape, np.pi)
    for edge in (0.0, width_deg):
        turn = np.radians(longitudes - edge)
        foot = np.arctan2(np.sin(phi), np.cos(phi) * np.cos(turn))
        scale = np.hypot(np.sin(phi), np.cos(phi) * np.cos(turn))
        is_between = (foot >= low) & (foot <= high)
        ends = np.maximum(np.cos(foot - low), np.cos(foot - high))
        cosine = scale * np.where(is_between, 1.0, ends)
        nearest = np.minimum(nearest, np.arccos(np.clip(cosine, -1.0, 1.0)))
    over: Bools = np.mod(longitudes, 360.0) <= width_deg
    return np.where(over, along, nearest)
