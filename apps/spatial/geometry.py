"""Outlines of cells as GeoJSON: counter-clockwise, closed, six decimals in texts, cut at 180 degrees.

A cell's vertices come counter-clockwise from the library: five to ten, so nothing here assumes six.
"""

from collections.abc import Sequence
from math import atan2, degrees, radians, sin, tan
from typing import Any, Final

import numpy as np
import orjson

from apps.datasets.queries import Floats, Int64s
from apps.datasets.queries.cells import FULL_TURN, HALF_TURN, POLE
from apps.spatial.boundaries import BOUNDARIES

DECIMALS: Final = 6

Point = tuple[float, float]  # longitude, latitude
Ring = list[Point]
Bounds = tuple[float, float, float, float]


def outlines(cells: Int64s, *, is_exact: bool = False) -> tuple[list[dict[str, Any]], list[Bounds]]:
    """Return each cell's geometry (Polygon or MultiPolygon) and its box; `is_exact`: without rounding.

    The box of a cell across 180 has west > east, as RFC 7946 says. At six decimals a street-sized cell gains
    or loses a ten-thousandth of its area: binary formats, which have room, take the exact outline.
    """
    texts, bounds = outline_texts(cells, is_exact=is_exact)
    return [orjson.loads(text) for text in texts], bounds


def outline_texts(cells: Int64s, *, is_exact: bool = False) -> tuple[list[bytes], list[Bounds]]:
    """Return each cell's geometry as JSON, and its box; see `outlines`."""
    if not cells.size:
        return [], []
    sizes, points = BOUNDARIES.of(cells)
    starts = np.cumsum(sizes) - sizes
    vertices = points[:, ::-1] if is_exact else np.round(points[:, ::-1], DECIMALS)
    least, most = np.minimum.reduceat(vertices, starts), np.maximum.reduceat(vertices, starts)
    texts = _polygons(vertices, starts, sizes)
    bounds: list[Bounds] = list(map(tuple, np.hstack([least, most]).tolist()))
    # Few cells cross 180 or hold a pole; their outlines are made anew, one by one.
    for index in np.flatnonzero(most[:, 0] - least[:, 0] > HALF_TURN).tolist():
        ring = points[starts[index] : starts[index] + sizes[index], ::-1].tolist()
        parts = _crossing([(longitude, latitude) for longitude, latitude in ring])
        geometry, bounds[index] = _joined(parts if is_exact else list(map(_rounded, parts)))
        texts[index] = orjson.dumps(geometry)
    return texts, bounds


def _polygons(vertices: Floats, starts: Int64s, sizes: Int64s) -> list[bytes]:
    """Return each ring as a polygon, closed; rings of equal size are written as one array and taken apart."""
    texts = [b""] * len(sizes)
    for size in np.unique(sizes).tolist():
        rings = np.flatnonzero(sizes == size)
        closed = vertices[starts[rings, np.newaxis] + np.arange(size + 1) % size]
        written = orjson.dumps(closed, option=orjson.OPT_SERIALIZE_NUMPY)[3:-3].split(b"]],[[")
        for ring, text in zip(rings.tolist(), written, strict=True):
            texts[ring] = b'{"type":"Polygon","coordinates":[[[%b]]]}' % text
    return texts


def overall_bounds(bounds: Sequence[Bounds]) -> Bounds | None:
    """Return the narrowest box around boxes, across 180 if that is narrower; None without any."""
    if not bounds:
        return None
    table = np.array(bounds)
    south, north = float(table[:, 1].min()), float(table[:, 3].max())
    order = np.argsort(table[:, 0], kind="stable")
    west = table[order, 0]
    east = np.where(table[order, 2] < west, table[order, 2] + FULL_TURN, table[order, 2])
    reach = np.maximum.accumulate(east)
    # The gap before each box, and around the back before the first one.
    gaps = np.append(west[1:] - reach[:-1], west[0] + FULL_TURN - reach[-1])
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 0:
        return (-HALF_TURN, south, HALF_TURN, north)
    last = float(reach[widest])
    first = float(west[(widest + 1) % west.size])
    return (first, south, last - FULL_TURN if last > HALF_TURN else last, north)


def _crossing(ring: Ring) -> list[Ring]:
    """Return the outline of a cell with a jump over 180 in parts, not closed: two, or one round a pole."""
    unwrapped = _unwrapped(ring)
    if abs(unwrapped[-1][0] - unwrapped[0][0]) > HALF_TURN:
        return [_around_pole(unwrapped[:-1])]
    return _cut(unwrapped[:-1])


def _joined(parts: Sequence[Ring]) -> tuple[dict[str, Any], Bounds]:
    """Return the parts of a cell as one geometry, and its box."""
    closed = [[*part, part[0]] for part in parts if len(set(part)) > 2]  # noqa: PLR2004 - a line is no part
    if len(closed) == 1:
        return {"type": "Polygon", "coordinates": closed}, _bounds(closed[0])
    (west, south, _, north), (_, beyond_south, east, beyond_north) = map(_bounds, closed)
    bounds = (west, min(south, beyond_south), east, max(north, beyond_north))
    return {"type": "MultiPolygon", "coordinates": [[part] for part in closed]}, bounds


def _unwrapped(ring: Ring) -> Ring:
    """Return the ring and its first vertex again, without jumps of longitude: it may leave -180..180."""
    found = [ring[0]]
    for longitude, latitude in [*ring[1:], ring[0]]:
        step = (longitude - found[-1][0] + HALF_TURN) % FULL_TURN - HALF_TURN
        found.append((found[-1][0] + step, latitude))
    return found


def _around_pole(ring: Ring) -> Ring:
    """Return the ring of a cell that holds a pole: along its boundary, then along the pole's edge."""
    wrapped = sorted(((lng + HALF_TURN) % FULL_TURN - HALF_TURN, lat) for lng, lat in ring)
    (first_lng, first_lat), last = wrapped[0], wrapped[-1]
    seam = _latitude_on_180(last, (first_lng + FULL_TURN, first_lat))
    line = [(-HALF_TURN, seam), *wrapped, (HALF_TURN, seam)]
    if first_lat > 0:
        return [*line, (HALF_TURN, POLE), (-HALF_TURN, POLE)]
    return [*reversed(line), (-HALF_TURN, -POLE), (HALF_TURN, -POLE)]


def _cut(ring: Ring) -> list[Ring]:
    """Return the two parts of a ring that crosses 180 or -180 (unwrapped), that up to 180 first."""
    mean = sum(longitude for longitude, _ in ring) / len(ring)
    shift = FULL_TURN if mean < 0 else 0.0
    moved = [(longitude + shift, latitude) for longitude, latitude in ring]
    beyond = [(longitude - FULL_TURN, latitude) for longitude, latitude in _clipped(moved, keep_below=False)]
    return [_clipped(moved, keep_below=True), beyond]


def _clipped(ring: Ring, *, keep_below: bool) -> Ring:
    """Return the part of a ring on one side of longitude 180 (Sutherland and Hodgman 1974)."""
    found: Ring = []
    for before, point in zip([ring[-1], *ring[:-1]], ring, strict=True):
        is_in, was_in = (_is_kept(each[0], keep_below) for each in (point, before))
        if is_in != was_in:
            found.append((HALF_TURN, _latitude_on_180(before, point)))
        if is_in:
            found.append(point)
    return found


def _latitude_on_180(one: Point, other: Point) -> float:
    """Return where the edge between two vertices, unwrapped on both sides of 180, crosses it.

    Edges of cells are arcs of great circles. Cut on a straight line instead, a cell at a pole would lose or
    gain some hundredths of its area.
    """
    (west, first), (east, last) = ((radians(lng), radians(lat)) for lng, lat in sorted((one, other)))
    if east == west:
        return one[1]
    meridian = radians(HALF_TURN)
    weighted = tan(first) * sin(east - meridian) + tan(last) * sin(meridian - west)
    return degrees(atan2(weighted, sin(east - west)))


def _is_kept(longitude: float, keep_below: bool) -> bool:
    return longitude <= HALF_TURN if keep_below else longitude >= HALF_TURN


def _rounded(ring: Ring) -> Ring:
    return [(round(longitude, DECIMALS), round(latitude, DECIMALS)) for longitude, latitude in ring]


def _bounds(ring: Ring) -> Bounds:
    longitudes, latitudes = zip(*ring, strict=True)
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)
