"""Circles as cells: those whose centre lies within a distance, in as few cells as say the same."""

from math import ceil, sqrt
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.cells import (
    BASE_RESOLUTION,
    COARSEST_RESOLUTION,
    EARTH_RADIUS_KM,
    centres,
    mean_area_km2,
)

# An address with more cells than these is longer than proxies take.
CELLS_MAX: Final = 300
# A circle of fewer cells is told by finer ones.
CELLS_MIN: Final = 20
TRIED_MAX: Final = 30_000
# Cells are down to about 0.6 of the mean area, and a ring is as thick as its thinnest cell.
SMALLEST: Final = 0.5


def circle_cells(
    latitude: float, longitude: float, radius_m: float, resolution: int
) -> tuple[int, ...] | None:
    """Return cells whose descendants at a resolution are those with their centre in the circle.

    Degrees and metres; in order. None if they are too many to name.
    """
    radius_km = radius_m / 1000
    rings = ceil(radius_km / sqrt(mean_area_km2(resolution) * SMALLEST)) + 1
    if 3 * rings * (rings + 1) > TRIED_MAX * 4:
        return None
    disk = np.array(h3.grid_disk(h3.latlng_to_cell(latitude, longitude, resolution), rings), np.int64)
    inside = disk[_distances_km(disk, latitude, longitude) <= radius_km]
    compact = sorted(h3.compact_cells(inside.tolist()))
    return tuple(compact) if len(compact) <= CELLS_MAX else None


def circle_resolution(latitude: float, longitude: float, radius_m: float, default: int) -> int | None:
    """Return the resolution nearest to `default` that tells a circle well; None if none has a cell in it."""
    finer = range(default, BASE_RESOLUTION + 1)
    coarser = range(default - 1, COARSEST_RESOLUTION - 1, -1)
    best: int | None = None
    for resolution in finer:
        cells = circle_cells(latitude, longitude, radius_m, resolution)
        if cells is None:
            break
        best = resolution if cells else best
        if sum(int(h3.cell_to_children_size(cell, resolution)) for cell in cells) >= CELLS_MIN:
            return resolution
    if best is not None:
        return best
    return next((each for each in coarser if circle_cells(latitude, longitude, radius_m, each)), None)


def _distances_km(cells: Int64s, latitude: float, longitude: float) -> Floats:
    """Return the great-circle distances of the centres from a point (haversine)."""
    latitudes, longitudes = (np.radians(column) for column in centres(cells))
    here, there = np.radians(latitude), np.radians(longitude)
    half = np.sin((latitudes - here) / 2) ** 2
    half += np.cos(latitudes) * np.cos(here) * np.sin((longitudes - there) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))), np.float64)
