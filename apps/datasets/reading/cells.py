"""H3 cells: the base cell of a stored point by the library, its parents by bits (places.md section 1)."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final

import numpy as np
from h3.api.basic_int import latlng_to_cell

from apps.datasets.reading.rows import Int32s, Int64s

BASE_RESOLUTION: Final = 11
COARSEST_RESOLUTION: Final = 3
RESOLUTIONS: Final = tuple(range(COARSEST_RESOLUTION, BASE_RESOLUTION + 1))
E7: Final = 10_000_000
SLICE_CELLS: Final = 262_144
_SAMPLE_ROWS: Final = 2_000
_LOW: Final = 0xFFFFFFFF


def base_cells(lat_e7: Int32s, lon_e7: Int32s) -> Int64s:
    """Return the cells at the base resolution of stored points.

    The library takes them one by one. Where many rows share their point, as incidents that are moved to the
    next corner do, it is given each distinct point once.
    """
    if len(lat_e7) > _SAMPLE_ROWS:
        points = (lat_e7.astype(np.int64) << 32) | (lon_e7.astype(np.int64) & _LOW)
        if 2 * len(np.unique(points[:_SAMPLE_ROWS])) <= _SAMPLE_ROWS:
            distinct, rows = np.unique(points, return_inverse=True)
            return _one_by_one((distinct >> 32).astype(np.int32), distinct.astype(np.int32))[rows]
    return _one_by_one(lat_e7, lon_e7)


def _one_by_one(lat_e7: Int32s, lon_e7: Int32s) -> Int64s:
    degrees = (lat_e7 / E7).tolist(), (lon_e7 / E7).tolist()
    return np.fromiter(map(latlng_to_cell, *degrees, repeat(BASE_RESOLUTION)), np.int64, len(lat_e7))


def base_cell(lat_e7: int, lon_e7: int) -> int:
    """Return the cell at the base resolution of one stored point."""
    return int(latlng_to_cell(lat_e7 / E7, lon_e7 / E7, BASE_RESOLUTION))


def h3_parent(cells: Int64s, resolution: int) -> Int64s:
    """Return the index parents: the resolution's four bits replaced, the digits below it set to 7."""
    kept = ~(np.int64(15) << np.int64(52))
    unused_digits = (1 << (3 * (15 - resolution))) - 1
    parents: Int64s = (cells & kept) | np.int64((resolution << 52) | unused_digits)
    return parents


def distinct_parents(cells: Int64s, resolution: int) -> Int64s:
    """Return each parent once, ascending; `cells` are ascending, and so then are their parents."""
    parents = h3_parent(cells, resolution)
    is_first = np.ones(len(parents), np.bool_)
    np.not_equal(parents[1:], parents[:-1], out=is_first[1:])
    return parents[is_first]


def occupied(cells: Int64s, resolutions: Sequence[int] = RESOLUTIONS) -> list[int]:
    """Return how many cells above ascending `cells` there are at each resolution, coarse to fine as given."""
    return [_count_parents(cells, resolution) for resolution in resolutions]


def in_slices(cells: Int64s) -> Iterator[Int64s]:
    """Yield the cells in slices: what is made of millions at once would be many times as large."""
    for start in range(0, len(cells), SLICE_CELLS):
        yield cells[start : start + SLICE_CELLS]


def _count_parents(cells: Int64s, resolution: int) -> int:
    count, last = 0, -1
    for part in in_slices(cells):
        parents = distinct_parents(part, resolution)
        # A parent's cells may lie on both sides of a border.
        count += len(parents) - int(parents[0] == last)
        last = int(parents[-1])
    return count
