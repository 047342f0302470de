"""Tiles of the Web Mercator pyramid: their edges in degrees, and the cells that are drawn in them."""

from dataclasses import dataclass
from math import asin, atan, cos, degrees, pi, radians, sin, sinh, sqrt
from typing import Final

import numpy as np

from apps.common.errors import NotFound
from apps.datasets.queries import Bools, Floats
from apps.datasets.queries.cells import FULL_TURN, HALF_TURN, POLE
from apps.datasets.queries.selections import Box, Everywhere, Selection

MAX_ZOOM: Final = 22
BUFFER: Final = 1 / 64  # of a tile's width: 64 of 4096 units
# What a square world in this projection ends at.
MAX_LATITUDE: Final = degrees(atan(sinh(pi)))
# Zoom -> resolution, from 0 on; all finer zooms have the last one.
RESOLUTIONS: Final = (3, 3, 3, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 10, 10, 11)
# The largest circumradius of a cell, in radians, times sqrt(7) to the power of its resolution.
REACH_RAD: Final = 0.2206


class NoSuchTile(NotFound):
    """There is no tile with these numbers.

    Zooms go from 0 to 22; x and y from 0 to 2^zoom - 1.
    """

    code = "spatial.no_such_tile"


@dataclass(frozen=True, slots=True)
class Tile:
    """Zoom, column from the west and row from the north."""

    z: int
    x: int
    y: int

    @classmethod
    def at(cls, z: int, x: int, y: int) -> "Tile":
        """Return the tile; raises NoSuchTile."""
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise NoSuchTile(f"There is no tile {z}/{x}/{y}.")
        return cls(z, x, y)

    @property
    def resolution(self) -> int:
        """Return the resolution that suits the zoom."""
        return RESOLUTIONS[min(self.z, len(RESOLUTIONS) - 1)]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north in degrees; neighbours have the very same edges."""
        return (
            _longitude(self.x, self.z),
            _latitude(self.y + 1, self.z),
            _longitude(self.x + 1, self.z),
            _latitude(self.y, self.z),
        )

    @property
    def box(self) -> Box:
        """Return the selection of the cells whose centre lies in the tile."""
        return Box.from_degrees(*self.bounds)

    def surroundings(self, resolution: int) -> Selection:
        """Return a selection of at least all cells that touch the tile or its buffer."""
        reach = REACH_RAD / sqrt(7) ** resolution
        south = _latitude(self.y + 1 + BUFFER, self.z) - degrees(reach)
        north = _latitude(self.y - BUFFER, self.z) + degrees(reach)
        farthest = radians(max(-south, north))
        if self.z == 0 or farthest + reach >= pi / 2:
            return Everywhere()
        # Toward the poles the same distance is more degrees of longitude.
        margin = degrees(asin(sin(reach) / cos(farthest)))
        west = _longitude(self.x - BUFFER, self.z) - margin
        east = _longitude(self.x + 1 + BUFFER, self.z) + margin
        if east - west >= FULL_TURN:
            west, east = -HALF_TURN, HALF_TURN
        return Box.from_degrees(west, max(south, -POLE), east, min(north, POLE))

    def holds(self, latitudes: Floats, longitudes: Floats) -> Bools:
        """Tell of points, longitudes in [-180, 180), whether this is the one tile of its zoom they lie in."""
        x, y = project(latitudes, longitudes)
        column, row = np.floor(x * 2.0**self.z), np.floor(y * 2.0**self.z)
        inside: Bools = (column == self.x) & (row == self.y) & (np.abs(latitudes) < MAX_LATITUDE)
        return inside


def project(latitudes: Floats, longitudes: Floats) -> tuple[Floats, Floats]:
    """Return x and y in world widths, from the north-west corner; latitudes beyond the square leave 0..1."""
    x = (longitudes + HALF_TURN) / FULL_TURN
    # Far beyond the square all that counts is that a point is not in it.
    phi = np.radians(np.clip(latitudes, -89.9, 89.9))
    y = 0.5 - np.arcsinh(np.tan(phi)) / (2 * pi)
    return x, y


def _longitude(column: float, zoom: int) -> float:
    return column / 2.0**zoom * FULL_TURN - HALF_TURN


def _latitude(row: float, zoom: int) -> float:
    return degrees(atan(sinh(pi * (1 - 2 * row / 2.0**zoom))))
