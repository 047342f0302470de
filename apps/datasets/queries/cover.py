"""The coarse cover of a box: ranges of base cells that hold at least all cells whose centre is inside.

Cells are taken whose surroundings, wide enough to hold all their descendants (a parent need not contain its
child's centre), come near the box; where these are few, their children are tried. The library's own fill of a
polygon is not used: it loses cells at the poles, across 180 degrees and for shapes wider than half the
sphere. What the cover holds too much is sorted out by the exact centre test on occupied cells.
"""

from collections.abc import Callable
from functools import cache
from math import radians, sqrt
from typing import Final, NamedTuple

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries.cells import FULL_TURN, base_ranges, centres, positions
from apps.datasets.reading.rows import Bools, Floats, Int64s

MAX_RANGES: Final = 200
# More conditions on a row than these cost more than the rows they keep away.
CONDITIONS_MAX: Final = 8
# All cells of this resolution, 5,882, are tried at once.
FIRST_LEVEL: Final = 2
# A cover of more cells is not refined: its children would be too many ranges.
MAX_REFINED: Final = 60
# The largest circumradius of any cell, in radians, times sqrt(7) to the power of its resolution: 0.2171,
# 0.2200, 0.2205, 0.2205, 0.2205 at 0..4. Descendants stray no farther from the centre than 1.053 circumradii
# (the geometric series of 1 / sqrt(7); 1.009 measured).
REACH_RAD: Final = 0.2206 * 1.053


Nearness = Callable[[Floats, Floats, float], Bools]


class Edges(NamedTuple):
    """A box in degrees that begins at `west` and may go on over 180."""

    west: float
    south: float
    width: float
    north: float


def cover_box(box: Edges, resolution: int) -> Int64s:
    """Return (n <= 200, 2) ranges for a box, by cells not finer than `resolution`."""
    return cover(
        lambda latitudes, longitudes, reach: distances_rad(latitudes, longitudes, box) <= reach, resolution
    )


def cover(is_near: Nearness, resolution: int) -> Int64s:
    """Return (n <= 200, 2) ranges for a shape, by cells not finer than `resolution`.

    is_near tells of latitudes, longitudes and a reach in radians whether a point of the shape may lie within
    the reach of each; it holds somewhere.
    """
    cells, latitudes, longitudes = _all_cells(FIRST_LEVEL)
    near = cells[is_near(latitudes, longitudes, _reach_rad(FIRST_LEVEL))]
    for level in range(FIRST_LEVEL + 1, resolution + 1):
        if near.size > MAX_REFINED:
            break
        children = np.array([c for cell in near.tolist() for c in h3.cell_to_children(cell, level)], np.int64)
        near = children[is_near(*centres(children), _reach_rad(level))]
    return merge_ranges(base_ranges(near))


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


@cache
def _all_cells(level: int) -> tuple[Int64s, Floats, Floats]:
    """Return all cells of a level and their centres."""
    cells = np.array([c for root in h3.get_res0_cells() for c in h3.cell_to_children(root, level)], np.int64)
    return cells, *centres(cells)


def _reach_rad(level: int) -> float:
    """Return how far from a cell's centre its descendants' centres may lie."""
    return float(REACH_RAD / sqrt(7) ** level)


def distances_rad(latitudes: Floats, longitudes: Floats, box: Edges) -> Floats:
    """Return the angular distance of points to the box; 0 inside.

    Over the box's longitudes that is the distance along the meridian. Elsewhere the nearest point lies on its
    west or east edge: the cosine of the distance to a point of an edge is that of the difference in latitude
    from `foot`, scaled.
    """
    phi, low, high = np.radians(latitudes), radians(box.south), radians(box.north)
    along = np.maximum(np.maximum(low - phi, phi - high), 0.0)
    largest_cosine = np.full(phi.shape, -1.0)
    for edge in (box.west, box.west + box.width):
        toward = np.cos(phi) * np.cos(np.radians(longitudes - edge))
        foot, scale = np.arctan2(np.sin(phi), toward), np.hypot(np.sin(phi), toward)
        ends = np.maximum(np.cos(foot - low), np.cos(foot - high))
        cosine = scale * np.where((foot >= low) & (foot <= high), 1.0, ends)
        largest_cosine = np.maximum(largest_cosine, cosine)
    beside = np.arccos(np.clip(largest_cosine, -1.0, 1.0))
    is_over = np.mod(longitudes - box.west, FULL_TURN) <= box.width
    return np.where(is_over, along, beside)


def few_ranges(ranges: Int64s) -> Int64s:
    """Join ascending ranges over their narrowest gaps until few are left; they hold more then, never less."""
    if len(ranges) <= CONDITIONS_MAX:
        return ranges
    gaps = ranges[1:, 0] - ranges[:-1, 1]
    cuts = np.sort(np.argsort(gaps)[-(CONDITIONS_MAX - 1) :])
    firsts = np.concatenate([ranges[:1, 0], ranges[cuts + 1, 0]])
    lasts = np.concatenate([ranges[cuts, 1], ranges[-1:, 1]])
    return np.stack([firsts, lasts], axis=1)
