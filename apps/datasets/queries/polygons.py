"""Selections by polygon: cells whose centre is inside, even-odd, edges straight in longitude and latitude.

A ring's jump over 180 degrees is unwrapped: its longitudes go on over the antimeridian. Two polygons that
share an edge share no cell and lose none: where an edge lies at a latitude is computed from its southern end,
whichever way it is drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Any, Final, NamedTuple, Self

import numpy as np

from apps.datasets.queries import cells as h3_cells
from apps.datasets.queries.cells import FULL_TURN, HALF_TURN, POLE
from apps.datasets.queries.cover import Edges, cover, distances_rad
from apps.datasets.queries.selections import AREA_MARGIN, Selection
from apps.datasets.reading.rows import Bools, Floats, Int64s

MAX_VERTICES: Final = 10_000
MIN_POSITIONS: Final = 4
DIMENSIONS: Final = 2
# Pairs of edge and point that are looked at in one pass.
PAIRS_PER_PASS: Final = 2_000_000
# A ring is taken apart into so many pieces, whose boxes stand for it in the coarse cover.
BOXES: Final = 32

Position = tuple[float, float]  # longitude, latitude
Ring = tuple[Position, ...]


class Extent(NamedTuple):
    """A box in degrees; west and east lie within 720 degrees of each other's world copy, west < east."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True)
class Polygon:
    """An outer ring and its holes, unwrapped and closed; holes that lie outside change nothing."""

    outer: Ring
    holes: tuple[Ring, ...] = ()

    @cached_property
    def extent(self) -> Extent:
        """Return the box of the outer ring."""
        longitudes, latitudes = zip(*self.outer, strict=True)
        return Extent(min(longitudes), min(latitudes), max(longitudes), max(latitudes))

    @cached_property
    def boundary(self) -> tuple[Edges, ...]:
        """Return boxes that together hold the outer ring: whoever is near the ring is near one of them."""
        points = np.array(self.outer, np.float64)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        # Pieces of equal length, so that a long edge is taken apart too.
        cuts = np.linspace(0.0, along[-1], BOXES + 1)
        ends = np.stack([np.interp(cuts, along, column) for column in points.T], axis=1)
        first, last = np.searchsorted(along, cuts[:-1], "left"), np.searchsorted(along, cuts[1:], "right")
        return tuple(
            _edges_around(np.concatenate([ends[piece : piece + 2], points[first[piece] : last[piece]]]))
            for piece in range(BOXES)
        )

    def holds(self, longitudes: Floats, latitudes: Floats) -> Bools:
        """Tell of each point whether it is inside, in any copy of the world."""
        return self._holds(longitudes, latitudes, self.holes)

    def encloses(self, longitudes: Floats, latitudes: Floats) -> Bools:
        """Tell of each point whether the outer ring holds it, be it in a hole or not."""
        return self._holds(longitudes, latitudes, ())

    def _holds(self, longitudes: Floats, latitudes: Floats, holes: tuple[Ring, ...]) -> Bools:
        inside = np.zeros(longitudes.size, np.bool_)
        extent = self.extent
        for turn in _turns(extent):
            moved = longitudes + turn
            near = np.flatnonzero(
                (moved >= extent.west)
                & (moved <= extent.east)
                & (latitudes >= extent.south)
                & (latitudes <= extent.north)
            )
            inside[near] |= self._holds_near(moved[near], latitudes[near], holes)
        return inside

    def _holds_near(self, longitudes: Floats, latitudes: Floats, holes: tuple[Ring, ...]) -> Bools:
        inside = _is_odd(self.outer, longitudes, latitudes)
        for hole in holes:
            inside &= ~_is_odd(hole, longitudes, latitudes)
        return inside

    @property
    def area_sr(self) -> float:
        """Return the area of the outer ring on the unit sphere; parts that are run round backwards cancel."""
        longitudes, latitudes = (np.radians(column) for column in zip(*self.outer, strict=True))
        width, height = np.diff(longitudes), np.diff(latitudes)
        level = np.abs(height) < 1e-12  # noqa: PLR2004 - where the quotient loses its digits
        # The mean of the sine of the latitude along an edge that is straight in degrees.
        sines = np.where(
            level,
            np.sin(latitudes[:-1]),
            -np.diff(np.cos(latitudes)) / np.where(level, 1.0, height),
        )
        return float(abs(np.sum(width * sines)))


@dataclass(frozen=True)
class Polygons(Selection):
    """Cells whose centre is inside one of the polygons. Made by `from_geojson`."""

    parts: tuple[Polygon, ...]

    @classmethod
    def from_geojson(cls, geometry: Any) -> Self:
        """Return the selection of a Polygon or MultiPolygon; raises ValueError with the reason."""
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if kind not in {"Polygon", "MultiPolygon"}:
            raise ValueError("it must be a GeoJSON Polygon or MultiPolygon")
        coordinates = geometry.get("coordinates")
        parts = _listed([coordinates] if kind == "Polygon" else coordinates, "coordinates")
        rings = [[_listed(ring, "a ring") for ring in _listed(part, "a polygon")] for part in parts]
        vertices = sum(len(ring) for part in rings for ring in part)
        if vertices > MAX_VERTICES:
            raise ValueError(f"it has {vertices:,} vertices; the limit is {MAX_VERTICES:,}")
        return cls(tuple(_polygon(part) for part in rings))

    @cached_property
    def extent(self) -> Extent:
        """Return a box around all parts, possibly wider than the world."""
        wests, souths, easts, norths = zip(*(part.extent for part in self.parts), strict=True)
        return Extent(min(wests), min(souths), max(easts), max(norths))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north with longitudes in -180..180; west > east crosses 180."""
        west, south, east, north = self.extent
        if east - west >= FULL_TURN:
            return -HALF_TURN, south, HALF_TURN, north
        return _wrapped(west), south, _wrapped(east), north

    def ranges(self, resolution: int) -> Int64s | None:
        """Return the ranges of a coarse cover."""
        return cover(self._is_near, resolution)

    def _is_near(self, latitudes: Floats, longitudes: Floats, reach_rad: float) -> Bools:
        near = np.zeros(latitudes.size, np.bool_)
        for part in self.parts:
            west, south, east, north = part.extent
            around = Edges(west, south, min(east - west, FULL_TURN), north)
            # A coarse cell with its centre in a hole may have children beside it: holes do not count here.
            near |= part.encloses(longitudes, latitudes)
            # The trigonometry is dear: it is done for those alone that are not decided yet.
            left = np.flatnonzero(~near & (distances_rad(latitudes, longitudes, around) <= reach_rad))
            for box in part.boundary:
                found = distances_rad(latitudes[left], longitudes[left], box) <= reach_rad
                near[left[found]] = True
                left = left[~found]
        return near

    def contains(self, cells: Int64s) -> Bools:
        """Test the centres."""
        latitudes, longitudes = h3_cells.centres(cells)
        inside = np.zeros(cells.size, np.bool_)
        for part in self.parts:
            inside |= part.holds(longitudes, latitudes)
        return inside

    def estimate(self, resolution: int) -> int:
        """Return the area of the outer rings in mean cell areas, with a margin."""
        area_km2 = h3_cells.EARTH_RADIUS_KM**2 * sum(part.area_sr for part in self.parts)
        return ceil(area_km2 / h3_cells.mean_area_km2(resolution) * AREA_MARGIN)


def plain_geometry(geometry: Any) -> dict[str, Any]:
    """Return a geometry that `from_geojson` takes with type and two-dimensional positions alone."""
    is_single = geometry["type"] == "Polygon"
    parts = [geometry["coordinates"]] if is_single else geometry["coordinates"]
    plain = [[[list(_position(each)) for each in ring] for ring in part] for part in parts]
    return {"type": geometry["type"], "coordinates": plain[0] if is_single else plain}


def _edges_around(points: Floats) -> Edges:
    (west, south), (east, north) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Edges(west, south, min(east - west, FULL_TURN), north)


def _is_odd(ring: Ring, longitudes: Floats, latitudes: Floats) -> Bools:
    """Tell of each point whether an odd number of edges lie east of it."""
    order = np.argsort(latitudes, kind="stable")
    sorted_latitudes, sorted_longitudes = latitudes[order], longitudes[order]
    crossings = np.zeros(order.size, np.int64)
    lower, upper = _edges(ring)
    # Half-open in latitude, so that a vertex counts for one of its two edges.
    first = np.searchsorted(sorted_latitudes, lower[:, 1], side="left")
    last = np.searchsorted(sorted_latitudes, upper[:, 1], side="left")
    for edges in _passes(last - first):
        counts = (last - first)[edges]
        edge = np.repeat(np.arange(lower.shape[0])[edges], counts)
        before = np.cumsum(counts) - counts
        point = np.arange(edge.size) + np.repeat(first[edges] - before, counts)
        (x0, y0), (x1, y1) = lower[edge].T, upper[edge].T
        east = x0 + (sorted_latitudes[point] - y0) / (y1 - y0) * (x1 - x0)
        crossings += np.bincount(point[sorted_longitudes[point] < east], minlength=order.size)
    inside = np.empty(order.size, np.bool_)
    inside[order] = crossings % 2 == 1
    return inside


def _edges(ring: Ring) -> tuple[Floats, Floats]:
    """Return the southern and the northern ends of a closed ring's edges that are not level."""
    points = np.array(ring, np.float64)
    start, end = points[:-1], points[1:]
    is_up = (start[:, 1] < end[:, 1])[:, None]
    lower, upper = np.where(is_up, start, end), np.where(is_up, end, start)
    kept = lower[:, 1] < upper[:, 1]
    return lower[kept], upper[kept]


def _passes(sizes: Int64s) -> Iterator[slice]:
    """Yield runs of edges whose pairs fit in one pass; one edge at least."""
    total = np.cumsum(sizes)
    start = 0
    while start < sizes.size:
        done = int(total[start - 1]) if start else 0
        end = max(int(np.searchsorted(total, done + PAIRS_PER_PASS, side="right")), start + 1)
        yield slice(start, end)
        start = end


def _polygon(rings: Sequence[Sequence[Any]]) -> Polygon:
    if not rings:
        raise ValueError("a polygon needs a ring")
    outer, *holes = [_unwrapped([_position(each) for each in ring]) for ring in rings]
    polygon = Polygon(outer, tuple(_beside(hole, outer) for hole in holes))
    extent = polygon.extent
    if extent.west == extent.east or extent.south == extent.north:
        raise ValueError("a ring encloses nothing; one around the whole world is no polygon here")
    return polygon


def _unwrapped(positions: Sequence[Position]) -> Ring:
    """Return the closed ring without jumps over 180 degrees."""
    if len(positions) < MIN_POSITIONS or positions[0] != positions[-1]:
        raise ValueError("a ring needs four positions or more, the last one equal to the first")
    found = [positions[0]]
    turns = 0
    for (before, _), (longitude, latitude) in pairwise(positions):
        jump = longitude - before
        turns -= 0 if abs(jump) <= HALF_TURN else round(jump / FULL_TURN)
        # Where nothing jumps, longitudes stay exactly as given.
        found.append((longitude + turns * FULL_TURN if turns else longitude, latitude))
    if turns:
        raise ValueError("a ring may not go round a pole; draw it along the pole, or select by bbox")
    return tuple(found)


def _beside(hole: Ring, outer: Ring) -> Ring:
    """Return the hole moved by whole turns to where its outer ring was unwrapped to."""
    middle = (min(x for x, _ in outer) + max(x for x, _ in outer)) / 2
    own = (min(x for x, _ in hole) + max(x for x, _ in hole)) / 2
    turn = FULL_TURN * round((middle - own) / FULL_TURN)
    return tuple((x + turn, y) for x, y in hole) if turn else hole


def _position(value: Any) -> Position:
    if not isinstance(value, list) or len(value) < DIMENSIONS:
        raise ValueError("a position must be a longitude and a latitude")
    longitude, latitude = value[:DIMENSIONS]
    # Written so that NaN fails, and whole numbers of any size are compared before they become floats.
    if not (_is_number(longitude) and -FULL_TURN <= longitude <= FULL_TURN):
        raise ValueError("longitudes must be numbers from -360 to 360")
    if not (_is_number(latitude) and -POLE <= latitude <= POLE):
        raise ValueError("latitudes must be numbers from -90 to 90")
    return float(longitude), float(latitude)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} must be a list that is not empty")
    return value


def _turns(extent: Extent) -> list[float]:
    """Return the whole turns by which a longitude in [-180, 180) can come to lie in the extent."""
    first = ceil((extent.west - HALF_TURN) / FULL_TURN)
    turns = range(first, int((extent.east + HALF_TURN) // FULL_TURN) + 1)
    return [turn * FULL_TURN for turn in turns]


def _wrapped(longitude: float) -> float:
    """Return the longitude in -180..180; one already there is not touched."""
    if -HALF_TURN <= longitude <= HALF_TURN:
        return longitude
    return (longitude + HALF_TURN) % FULL_TURN - HALF_TURN
