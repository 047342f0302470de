"""Outlines: the cells of the sphere tile the plane, wherever they are cut."""

from itertools import pairwise
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pytest

from apps.spatial.geometry import outlines, overall_bounds


def rings(geometry: dict[str, Any]) -> list[Any]:
    if geometry["type"] == "Polygon":
        return [geometry["coordinates"][0]]
    return [polygon[0] for polygon in geometry["coordinates"]]


def area(ring: list[Any]) -> float:
    x, y = np.array(ring).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_all_cells_together_are_the_whole_plane(resolution: int) -> None:
    cells = np.array([c for root in h3.get_res0_cells() for c in h3.cell_to_children(root, resolution)])
    geometries, bounds = outlines(cells)
    total = 0.0
    for geometry, (west, south, east, north) in zip(geometries, bounds, strict=True):
        for ring in rings(geometry):
            assert ring[0] == ring[-1]
            assert area(ring) > 0
            assert all(-180 <= x <= 180 and south <= y <= north for x, y in ring)
            total += area(ring)
        assert (west > east) == (geometry["type"] == "MultiPolygon")
    assert total == pytest.approx(360 * 180)
    assert overall_bounds(bounds) == (-180, -90, 180, 90)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_a_pole_cell_goes_along_the_edge_of_the_plane(pole: float) -> None:
    cell = h3.latlng_to_cell(pole, 0, 5)
    (geometry,), ((west, south, east, north),) = outlines(np.array([cell]))
    assert geometry["type"] == "Polygon"
    assert (west, east) == (-180, 180)
    assert pole in {south, north}
    assert {(-180.0, pole), (180.0, pole)} <= set(map(tuple, geometry["coordinates"][0]))


def test_a_cell_on_180_is_two_parts_without_a_sliver_round_the_world() -> None:
    (geometry,), ((west, _, east, _),) = outlines(np.array([h3.latlng_to_cell(10, 180, 4)]))
    assert geometry["type"] == "MultiPolygon"
    assert (west > 179, east < -179) == (True, True)
    for ring in rings(geometry):
        longitudes = [x for x, _ in ring]
        assert max(longitudes) - min(longitudes) < 1


def sphere_area(ring: list[Any]) -> float:
    """Return the area within great circles, in steradians (van Oosterom and Strackee 1983)."""
    lng, lat = np.radians(np.array(ring[:-1])).T
    points = np.column_stack([np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)])
    total = 0.0
    for one, other in pairwise(points[1:]):
        inner = points[0] @ one + one @ other + other @ points[0]
        total += 2 * np.arctan2(points[0] @ np.cross(one, other), 1 + inner)
    return float(total)


@pytest.mark.parametrize("place", [(90.0, 0.0), (-90.0, 0.0), (89.3, 180.0), (-80.0, 180.0), (10.0, 180.0)])
def test_a_cut_cell_keeps_its_area_on_the_sphere(place: tuple[float, float]) -> None:
    cell = h3.latlng_to_cell(*place, 3)
    (geometry,), _ = outlines(np.array([cell]))
    found = sum(sphere_area(ring) for ring in rings(geometry))
    assert found == pytest.approx(h3.cell_area(cell, "rads^2"), rel=1e-6)


@pytest.mark.parametrize("place", [(51.5, -0.1), (90.0, 0.0), (10.0, 180.0), (-80.0, 180.0)])
def test_an_exact_outline_has_the_area_of_the_smallest_cells(place: tuple[float, float]) -> None:
    cells = np.array([h3.latlng_to_cell(*place, resolution) for resolution in (3, 9, 11)])
    geometries, bounds = outlines(cells, is_exact=True)
    for cell, geometry in zip(cells.tolist(), geometries, strict=True):
        found = sum(sphere_area(ring) for ring in rings(geometry))
        assert found == pytest.approx(h3.cell_area(cell, "rads^2"), rel=1e-6)
    assert bounds == [pytest.approx(box, abs=1e-6) for box in outlines(cells)[1]]


def test_coordinates_have_six_decimals() -> None:
    (geometry,), _ = outlines(np.array([h3.latlng_to_cell(51.5, -0.1, 11)]))
    assert all(round(number, 6) == number for point in geometry["coordinates"][0] for number in point)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(1, 2, 3, 4), (5, 0, 6, 1)], (1, 0, 6, 4)),
        ([(170, 0, 175, 1), (-175, 0, -170, 1)], (170, 0, -170, 1)),
        ([(179, 0, -179, 1), (-178, 2, -177, 3)], (179, 0, -177, 3)),
        ([(-180, 0, 180, 1)], (-180, 0, 180, 1)),
        ([], None),
    ],
)
def test_the_box_around_boxes_is_the_narrowest(boxes: list[Any], expected: Any) -> None:
    assert overall_bounds(boxes) == expected
