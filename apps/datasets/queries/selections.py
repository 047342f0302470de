"""Selections: which cells an answer is about (places-maps.md section 1).

A cell is selected when its centre is inside, so boxes that tile the plane share no cell and lose none, and
every selected cell has its full count. A selection gives ranges of base cells that hold at least all events
of the selected cells (`ranges`), and the exact test on occupied cells afterwards (`contains`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite, radians, sin
from typing import Final, Self

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries import cells as h3_cells
from apps.datasets.queries.cells import FULL_TURN, HALF_TURN, POLE
from apps.datasets.queries.cover import Edges, cover_box, merge_ranges
from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.rows import Bools, Int64s

# Cells differ in area; a box may hold more of them than the mean says.
AREA_MARGIN: Final = 1.2


class Selection(ABC):
    """What picks cells."""

    @abstractmethod
    def ranges(self, resolution: int) -> Int64s | None:
        """Return (n <= 200, 2) disjoint ranges of base cells, both ends included; None is all of them."""

    @abstractmethod
    def contains(self, cells: Int64s) -> Bools:
        """Tell for each cell, all of one resolution, whether it is selected."""

    @abstractmethod
    def estimate(self, resolution: int) -> int:
        """Return about how many cells of the sphere are selected."""


@dataclass(frozen=True, slots=True)
class Everywhere(Selection):
    """The whole sphere; never filled with cells."""

    def ranges(self, resolution: int) -> Int64s | None:
        """Return None: all of them."""
        return None

    def contains(self, cells: Int64s) -> Bools:
        """Select all."""
        return np.ones(cells.size, np.bool_)

    def estimate(self, resolution: int) -> int:
        """Return the number of cells of the sphere."""
        return int(h3.get_num_cells(resolution))


@dataclass(frozen=True, slots=True)
class Box(Selection):
    """west <= longitude < east, south <= latitude < north in degrees; north 90 includes the pole.

    `west` lies in [-180, 180), `east` in (-180, 180]; west > east crosses 180. Made by `from_degrees`.
    """

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def from_degrees(cls, west: float, south: float, east: float, north: float) -> Self:
        """Wrap longitudes of -360..360; a width of 360 or more is all. Raises ValueError with the reason."""
        if not all(isfinite(edge) for edge in (west, south, east, north)):
            raise ValueError("every edge must be a finite number of degrees")
        if max(abs(west), abs(east)) > FULL_TURN:
            raise ValueError("longitudes must be from -360 to 360")
        if not -POLE <= south < north <= POLE:
            raise ValueError("latitudes must be from -90 to 90, the south below the north")
        if east - west >= FULL_TURN:
            return cls(-HALF_TURN, south, HALF_TURN, north)
        west, east = _wrap_west(west), _wrap_east(east)
        if west == east or (west == -HALF_TURN and east == HALF_TURN):
            raise ValueError("west and east must differ")
        return cls(west, south, east, north)

    @property
    def width_deg(self) -> float:
        """Return how many degrees of longitude lie between west and east."""
        return self.east - self.west + (FULL_TURN if self.west > self.east else 0.0)

    def ranges(self, resolution: int) -> Int64s | None:
        """Return the ranges of a coarse cover."""
        return cover_box(Edges(self.west, self.south, self.width_deg, self.north), resolution)

    def contains(self, cells: Int64s) -> Bools:
        """Test the centres."""
        latitudes, longitudes = h3_cells.centres(cells)
        east_of_west, west_of_east = longitudes >= self.west, longitudes < self.east
        inside = (east_of_west & west_of_east) if self.west < self.east else (east_of_west | west_of_east)
        below = (latitudes < self.north) | (self.north == POLE)
        return np.asarray(inside & (latitudes >= self.south) & below, np.bool_)

    def estimate(self, resolution: int) -> int:
        """Return the box's area in mean cell areas, with a margin."""
        height = sin(radians(self.north)) - sin(radians(self.south))
        area_km2 = h3_cells.EARTH_RADIUS_KM**2 * radians(self.width_deg) * height
        return ceil(area_km2 / h3_cells.mean_area_km2(resolution) * AREA_MARGIN)


@dataclass(frozen=True, slots=True)
class Descendants(Selection):
    """All cells below the given ones, these included; they may differ in resolution and overlap."""

    roots: tuple[int, ...]

    @property
    def finest_root(self) -> int:
        """Return the finest resolution among the given cells."""
        return max(int(h3.get_resolution(root)) for root in self.roots)

    def ranges(self, resolution: int) -> Int64s | None:
        """Return the merged ranges of the given cells."""
        return merge_ranges(np.concatenate([h3_cells.base_ranges(level) for _, level in self._by_level()]))

    def contains(self, cells: Int64s) -> Bools:
        """Look for each cell's parents among the given ones."""
        inside = np.zeros(cells.size, np.bool_)
        for resolution, roots in self._by_level():
            inside |= np.isin(h3_parent(cells, resolution), roots)
        return inside

    def estimate(self, resolution: int) -> int:
        """Return the number of descendants."""
        return sum(
            int(h3.cell_to_children_size(root, resolution))
            for root in set(self.roots)
            if h3.get_resolution(root) <= resolution
        )

    def _by_level(self) -> Sequence[tuple[int, Int64s]]:
        levels: dict[int, list[int]] = {}
        for root in self.roots:
            levels.setdefault(h3.get_resolution(root), []).append(root)
        return [(resolution, np.array(roots, np.int64)) for resolution, roots in sorted(levels.items())]


def _wrap_west(longitude: float) -> float:
    """Return the longitude in [-180, 180); a value already there is not touched, so edges stay exact."""
    if longitude >= HALF_TURN:
        return longitude - FULL_TURN
    return longitude + FULL_TURN if longitude < -HALF_TURN else longitude


def _wrap_east(longitude: float) -> float:
    """Return the longitude in (-180, 180]; a value already there is not touched."""
    if longitude > HALF_TURN:
        return longitude - FULL_TURN
    return longitude + FULL_TURN if longitude <= -HALF_TURN else longitude
