"""H3 cells as 64-bit integers: parents and ranges by bit operation, centres and areas by the library.

An index holds its resolution in bits 52..55 and one digit (0..6) of three bits per resolution, 7 below its
own. So a coarser cell is the index parent, and the base cells below a cell lie in one range of integers.
"""

from functools import cache
from math import pi
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.reading.rows import Floats, Int64s

BASE_RESOLUTION: Final = 11
COARSEST_RESOLUTION: Final = 3
HALF_TURN: Final = 180.0
FULL_TURN: Final = 360.0
POLE: Final = 90.0
EARTH_RADIUS_KM: Final = 6371.007180918475  # the library's own sphere

_RESOLUTION_BITS: Final = 15 << 52


def base_ranges(cells: Int64s) -> Int64s:
    """Return (n, 2) first and last base cell below each cell; cells of one resolution, ascending or not."""
    if not cells.size:
        return np.empty((0, 2), np.int64)
    resolution = h3.get_resolution(int(cells[0]))
    mask = six = 0
    for level in range(resolution + 1, BASE_RESOLUTION + 1):
        shift = 3 * (15 - level)
        mask |= 7 << shift
        six |= 6 << shift
    first = ((cells & ~np.int64(_RESOLUTION_BITS)) | np.int64(BASE_RESOLUTION << 52)) & ~np.int64(mask)
    return np.stack([first, first | np.int64(six)], axis=1)


def positions(cells: Int64s) -> Int64s:
    """Number base cells without the gaps between indexes: the icosahedron's cell, then digits to base 7."""
    numbers = (cells >> 45) & 127
    for level in range(1, BASE_RESOLUTION + 1):
        numbers = numbers * 7 + ((cells >> (3 * (15 - level))) & 7)
    return numbers


def centres(cells: Int64s) -> tuple[Floats, Floats]:
    """Return latitudes and longitudes of the centres in degrees, longitudes in [-180, 180)."""
    points = np.array([h3.cell_to_latlng(cell) for cell in cells.tolist()], np.float64).reshape(-1, 2)
    latitudes, longitudes = points[:, 0], points[:, 1]
    return latitudes, np.where(longitudes >= HALF_TURN, longitudes - FULL_TURN, longitudes)


@cache
def mean_area_km2(resolution: int) -> float:
    """Return the mean area of a cell: the sphere's, divided by the number of cells."""
    return 4 * pi * EARTH_RADIUS_KM**2 / int(h3.get_num_cells(resolution))
