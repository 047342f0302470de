"""Selections by polygon against a foreign library: the centre rule, covers, shared edges."""

from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.datasets.queries import polygons
from apps.datasets.queries.cells import centres
from apps.datasets.queries.cells import positions as positions_of
from apps.datasets.queries.polygons import Polygons
from apps.datasets.queries.selections import Box, Selection
from apps.datasets.reading.rows import Int64s
from tests.datasets.test_queries_selections import cells_at, held

longitudes, latitudes = st.floats(-179, 179), st.floats(-89, 89)
positions = st.tuples(longitudes, latitudes)
Ring = list[tuple[float, float]]


def selection(*rings: Ring) -> Polygons:
    closed = [[list(position) for position in [*ring, ring[0]]] for ring in rings]
    return Polygons.from_geojson({"type": "Polygon", "coordinates": closed})


@st.composite
def triangles(draw: st.DrawFn) -> Ring:
    """Triangles of all sizes that are no lines, with edges narrower than half the world."""
    west, south = draw(st.floats(-170, 160)), draw(st.floats(-80, 70))
    width, height = draw(st.floats(0.01, 100)), draw(st.floats(0.01, 50))
    shares = draw(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3, unique=True))
    ring = [(west + min(width, 178 - west) * a, south + min(height, 88 - south) * b) for a, b in shares]
    assume(shapely.Polygon(ring).area > 1e-6)
    return ring


def near(ring: Ring, found: Ring, resolution: int) -> Int64s:
    """Return cells at points in and around the ring, and at others."""
    west, east = min(x for x, _ in ring), max(x for x, _ in ring)
    south, north = min(y for _, y in ring), max(y for _, y in ring)
    inside = [
        (south + (north - south) * (y + 90) / 180, west + (east - west) * (x + 180) / 360) for x, y in found
    ]
    return np.unique(cells_at([(y, x) for x, y in found] + inside, resolution))


@given(triangles(), st.lists(positions, min_size=20, max_size=60), st.integers(3, 11))
def test_the_centre_decides_and_no_cell_is_lost(ring: Ring, found: Ring, resolution: int) -> None:
    cells = near(ring, found, resolution)
    chosen = selection(ring)
    selected = chosen.contains(cells)
    lats, lngs = centres(cells)
    foreign = shapely.Polygon(ring)
    apart = shapely.distance(foreign.exterior, shapely.points(lngs, lats)) > 1e-9
    assert (selected == shapely.contains_xy(foreign, lngs, lats))[apart].all()
    assert held(cells[selected], chosen, resolution).all()


@given(triangles(), positions, st.lists(positions, min_size=20, max_size=60), st.integers(3, 11))
def test_parts_that_share_edges_share_no_cell_and_lose_none(
    ring: Ring, middle: tuple[float, float], found: Ring, resolution: int
) -> None:
    # A fan around a point inside the triangle, each part drawn in its own direction.
    weights = [1 + abs(middle[0]), 1 + abs(middle[1]), 10.0]
    centre = tuple(
        sum(w * p[axis] for w, p in zip(weights, ring, strict=True)) / sum(weights) for axis in (0, 1)
    )
    first, second, third = ring
    point: tuple[float, float] = (centre[0], centre[1])
    parts = [[first, second, point], [third, second, point], [third, first, point]]
    cells = near(ring, found, resolution)
    times = np.sum([selection(part).contains(cells) for part in parts], axis=0)
    assert times.tolist() == selection(ring).contains(cells).astype(int).tolist()


def test_a_centre_on_a_shared_edge_is_in_one_of_two_neighbours() -> None:
    cell = np.array([h3.latlng_to_cell(51.5, -0.1, 9)], np.int64)
    (lat,), (lng,) = centres(cell)
    edge = [(lng, lat - 0.5), (lng, lat + 0.5)]
    west, east = selection([*edge, (lng - 1, lat)]), selection([*edge, (lng + 1, lat)])
    assert west.contains(cell).tolist() != east.contains(cell).tolist()
    north, south = (selection([(lng - 1, lat), (lng + 1, lat), (lng, lat + side)]) for side in (1, -1))
    assert north.contains(cell).tolist() != south.contains(cell).tolist()


def test_many_edges_and_cells_are_tested_in_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    ring: Ring = list(
        zip((10 + 5 * np.cos(angles)).tolist(), (50 + 3 * np.sin(angles)).tolist(), strict=True)
    )
    found: Any = [(50 + lat / 20, 10 + lng / 20) for lat in range(-80, 80, 4) for lng in range(-120, 120, 4)]
    cells = np.unique(cells_at(found, 8))
    whole = selection(ring).contains(cells)
    assert 0 < whole.sum() < cells.size
    monkeypatch.setattr(polygons, "PAIRS_PER_PASS", 7)
    assert selection(ring).contains(cells).tolist() == whole.tolist()


@given(st.lists(triangles(), min_size=2, max_size=3), st.lists(positions, min_size=20, max_size=40))
def test_the_cover_of_several_parts_with_holes_loses_no_cell(parts: list[Ring], found: Ring) -> None:
    coordinates = [
        [[list(position) for position in [*ring, ring[0]]] for ring in pair]
        for pair in zip(parts, parts[1:] + parts[:1], strict=True)
    ]
    chosen = Polygons.from_geojson({"type": "MultiPolygon", "coordinates": coordinates})
    for resolution in (4, 8):
        cells = np.unique(np.concatenate([near(ring, found, resolution) for ring in parts]))
        assert held(cells[chosen.contains(cells)], chosen, resolution).all()


@pytest.mark.parametrize("resolution", [3, 4])
def test_the_cover_keeps_every_cell_beside_the_edge_of_a_hole(resolution: int) -> None:
    # A coarse cell with its centre in the hole and far from the outer ring has children outside the hole.
    outer: Ring = [(100, -10), (150, -10), (150, 40), (100, 40)]
    hole: Ring = [(120, 0), (120, 20), (140, 20), (140, 0)]
    chosen = selection(outer, hole)
    cells = np.array(
        [cell for root in h3.get_res0_cells() for cell in h3.cell_to_children(root, resolution)], np.int64
    )
    lats, lngs = centres(cells)
    foreign = shapely.Polygon(outer, [hole])
    inside = shapely.contains_xy(foreign, lngs, lats)
    assert 500 < inside.sum() < cells.size
    assert (chosen.contains(cells) == inside).all()
    assert held(cells[inside], chosen, resolution).all()


def test_a_thin_polygon_across_a_continent_is_covered_closely() -> None:
    line = selection([(0, 0), (60, 60), (60, 60.1), (0, 0.1)])
    box = Box.from_degrees(0, 0, 60, 60.1)

    def held_cells(shape: Selection) -> int:
        ranges = shape.ranges(7)
        assert ranges is not None
        return int((positions_of(ranges[:, 1]) - positions_of(ranges[:, 0]) + 1).sum())

    assert held_cells(line) < held_cells(box) / 5
