"""The outlines of cells in the units of one tile, cut at its buffer.

A cell is drawn in every copy of the world that the tile and its buffer reach into, so a cell across 180
degrees is drawn on both sides, as one feature of several rings. A cell smaller than a unit is drawn as one.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from apps.datasets.queries import Bools, Floats, Int64s
from apps.datasets.queries.cells import FULL_TURN, HALF_TURN
from apps.spatial.boundaries import BOUNDARIES
from apps.spatial.tiles.addresses import BUFFER, Tile, project
from apps.spatial.tiles.encoding import EXTENT, Rings

LOW: Final = -BUFFER * EXTENT
HIGH: Final = EXTENT + BUFFER * EXTENT
MIN_RING: Final = 3
# Beyond the buffer's edge, where rings are cut anew; only so that whole numbers do not overflow.
MAX_UNITS: Final = 1e9
# Farther than this no point is moved, those of a cell drawn as one unit among them.
ROUNDED: Final = 3
# The world's copies to the west and east, which a buffer may reach into.
COPIES: Final = (-1, 0, 1)

Point = tuple[float, float]


class Drawing(NamedTuple):
    """What is drawn of some cells: which of them (ascending indexes), and their rings.

    is_inside: of each one drawn, whether it lies wholly in the tile, and so does its centre.
    """

    drawn: Int64s
    rings: Rings
    is_inside: Bools


class _Parts(NamedTuple):
    """Rings: the index of each one's cell, how many points it has, and all points one after the other."""

    cell: Int64s
    sizes: Int64s
    x: Int64s
    y: Int64s


def draw_cells(tile: Tile, cells: Int64s) -> Drawing:
    """Return the cells that touch the tile or its buffer, as rings in order of the cells."""
    nothing = np.empty(0, np.int64)
    found = [_Parts(nothing, nothing, nothing, nothing), *(_parts(tile, cells) if cells.size else ())]
    cell, sizes, x, y = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(cell, kind="stable")
    places = _members(np.cumsum(sizes) - sizes, sizes, order)
    drawn, feature = np.unique(cell[order], return_inverse=True)
    rings = Rings(feature, sizes[order], x[places], y[places])
    return Drawing(drawn, rings, _inside(rings, drawn.size))


def _inside(rings: Rings, count: int) -> Bools:
    """Tell of each feature whether all its points lie in the tile, whatever rounding did to them."""
    near = EXTENT - ROUNDED
    is_near = (rings.x < ROUNDED) | (rings.x > near) | (rings.y < ROUNDED) | (rings.y > near)
    near_points = np.bincount(np.repeat(rings.feature, rings.sizes), is_near, count)
    return np.asarray(near_points == 0, np.bool_)


def _parts(tile: Tile, cells: Int64s) -> Iterator[_Parts]:
    """Yield what each copy of the world adds."""
    starts, x, y = _outlines(tile, cells)
    sizes = np.diff(starts, append=x.size)
    boxes = _boxes(starts, x, y)
    for copy in COPIES:
        shift = copy * EXTENT * 2.0**tile.z
        touching, within = _places(boxes, shift)
        if not touching.any():
            continue
        moved = x + shift
        whole, is_plain = _rounded(starts, sizes, moved, y)
        plain = np.flatnonzero(touching & within & is_plain)
        points = _members(starts, sizes, plain)
        yield _Parts(plain, sizes[plain], whole[points, 0], whole[points, 1])
        # Few cells reach over the buffer's edge or are as small as a unit; they are drawn one by one.
        for index in np.flatnonzero(touching & ~(within & is_plain)).tolist():
            start, end = starts[index], starts[index] + sizes[index]
            ring = list(zip(moved[start:end].tolist(), y[start:end].tolist(), strict=True))
            yield from _ring(index, ring if within[index] else _clipped(ring))


def _members(starts: Int64s, sizes: Int64s, rings: Int64s) -> Int64s:
    """Return the indexes of the points of some rings, ring after ring."""
    chosen = sizes[rings]
    before = np.cumsum(chosen) - chosen
    return np.arange(int(chosen.sum())) - np.repeat(before - starts[rings], chosen)


def _rounded(starts: Int64s, sizes: Int64s, x: Floats, y: Floats) -> tuple[Int64s, Bools]:
    """Return all points in whole units, and of each ring whether it stays a ring without equal neighbours."""
    points = np.clip(np.rint(np.stack([x, y], axis=1)), -MAX_UNITS, MAX_UNITS).astype(np.int64)
    following = np.arange(len(points)) + 1
    following[starts + sizes - 1] = starts
    after = points[following]
    doubled = np.add.reduceat(points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1], starts)
    equal = np.maximum.reduceat((points == after).all(axis=1), starts)
    return points, (doubled > 0) & ~equal


def _outlines(tile: Tile, cells: Int64s) -> tuple[Int64s, Floats, Floats]:
    """Return where each cell's outline starts, and all points in tile units, clockwise as drawn."""
    sizes, points = BOUNDARIES.of(cells)
    starts = np.cumsum(sizes) - sizes
    # The library's outlines are counter-clockwise on a map whose y points up.
    backwards = np.repeat(2 * starts + sizes - 1, sizes) - np.arange(len(points))
    latitudes, longitudes = points[backwards, 0], points[backwards, 1]
    first = np.repeat(longitudes[starts], sizes)
    longitudes = first + np.mod(longitudes - first + HALF_TURN, FULL_TURN) - HALF_TURN
    x, y = project(latitudes, longitudes)
    scale = 2.0**tile.z
    return starts, (x * scale - tile.x) * EXTENT, (y * scale - tile.y) * EXTENT


def _boxes(starts: Int64s, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the least x, least y, greatest x and greatest y of each outline."""
    low, high = np.minimum.reduceat, np.maximum.reduceat
    return low(x, starts), low(y, starts), high(x, starts), high(y, starts)


def _places(boxes: tuple[Floats, Floats, Floats, Floats], shift: float) -> tuple[Bools, Bools]:
    """Tell of each box, moved east, whether it touches the tile with its buffer, and whether it is inside."""
    left, top, right, bottom = boxes[0] + shift, boxes[1], boxes[2] + shift, boxes[3]
    touching = (right >= LOW) & (bottom >= LOW) & (left <= HIGH) & (top <= HIGH)
    return touching, (left >= LOW) & (top >= LOW) & (right <= HIGH) & (bottom <= HIGH)


def _ring(index: int, ring: list[Point]) -> Iterator[_Parts]:
    """Yield the ring in whole units; nothing for an outline of which nothing is left."""
    if not ring:
        return
    rounded = [(round(x), round(y)) for x, y in ring]
    neighbours = zip(rounded, [rounded[-1], *rounded[:-1]], strict=True)
    points = [point for point, before in neighbours if point != before]
    if len(points) < MIN_RING or _doubled_area(points) <= 0:
        x, y = rounded[0]
        points = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]
    table = np.array(points, np.int64)
    yield _Parts(np.array([index]), np.array([len(points)]), table[:, 0], table[:, 1])


def _doubled_area(points: list[tuple[int, int]]) -> int:
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in pairs)


def _clipped(ring: list[Point]) -> list[Point]:
    """Return the part of a ring within the buffer (Sutherland and Hodgman 1974)."""
    for axis, edge, sign in ((0, LOW, 1), (0, HIGH, -1), (1, LOW, 1), (1, HIGH, -1)):
        ring = list(_beside(ring, axis, edge, sign))
    return ring


def _beside(ring: list[Point], axis: int, edge: float, sign: int) -> Iterator[Point]:
    """Yield the ring's points on one side of a line, and where it crosses the line."""
    for before, point in zip([*ring[-1:], *ring[:-1]], ring, strict=True):
        depth, depth_before = sign * (point[axis] - edge), sign * (before[axis] - edge)
        if (depth >= 0) != (depth_before >= 0):
            share = depth_before / (depth_before - depth)
            crossing = [
                before[0] + (point[0] - before[0]) * share,
                before[1] + (point[1] - before[1]) * share,
            ]
            crossing[axis] = edge
            yield crossing[0], crossing[1]
        if depth >= 0:
            yield point
