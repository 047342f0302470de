"""Selections: the centre rule, and covers that lose no cell."""

import h3.api.basic_int as h3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.queries.cells import base_ranges, centres
from apps.datasets.queries.cover import merge_ranges
from apps.datasets.queries.selections import Box, Descendants, Everywhere, Selection
from apps.datasets.reading.cells import h3_parent
from apps.datasets.reading.rows import Bools, Int64s

latitudes = st.one_of(st.sampled_from([-90.0, -89.9999, 0.0, 89.9999, 90.0]), st.floats(-90, 90))
longitudes = st.one_of(st.sampled_from([-180.0, -179.9999, 0.0, 179.9999, 180.0]), st.floats(-180, 180))
points = st.tuples(latitudes, longitudes)


def cells_at(found: list[tuple[float, float]], resolution: int) -> Int64s:
    """Index the points at the base and take the parents, as the product does."""
    base = np.array([h3.latlng_to_cell(*point, 11) for point in found], np.int64)
    return h3_parent(base, resolution)


def held(cells: Int64s, selection: Selection, resolution: int) -> Bools:
    """Tell for each cell whether all its base cells lie in the selection's ranges."""
    ranges = selection.ranges(resolution)
    if ranges is None:
        return np.ones(cells.size, bool)
    assert len(ranges) <= 200
    assert (ranges[1:, 0] > ranges[:-1, 1]).all(), "ranges overlap"
    own = base_ranges(cells)
    row = np.searchsorted(ranges[:, 0], own[:, 0], side="right") - 1
    return np.asarray((row >= 0) & (own[:, 1] <= ranges[row, 1]), bool)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes of all sizes, across 180, up to the poles."""
    edges = sorted(draw(st.lists(latitudes, min_size=2, max_size=2, unique=True)))
    west = draw(longitudes)
    width = draw(st.one_of(st.floats(0.001, 1), st.floats(0.001, 360)))
    east = west + width
    if east - west >= 360:  # perhaps by rounding; less a turn it would end where it begins
        west, east = -180.0, 180.0
    return Box.from_degrees(west, edges[0], east if east <= 360 else east - 360, edges[1])


@given(st.lists(points, min_size=1, max_size=40), st.integers(3, 11))
def test_parents_and_ranges_agree_with_the_library(found: list[tuple[float, float]], resolution: int) -> None:
    base = np.array([h3.latlng_to_cell(*point, 11) for point in found], np.int64)
    expected = [h3.cell_to_parent(cell, resolution) for cell in base.tolist()]
    assert h3_parent(base, resolution).tolist() == expected
    ranges = base_ranges(np.array(expected, np.int64))
    assert ((ranges[:, 0] <= base) & (base <= ranges[:, 1])).all()
    assert ranges[:, 0].tolist() == [h3.cell_to_center_child(cell, 11) for cell in expected]


@given(boxes(), st.lists(points, min_size=1, max_size=100), st.integers(3, 11))
def test_no_selected_cell_is_lost_by_the_cover(
    box: Box, found: list[tuple[float, float]], resolution: int
) -> None:
    # Points inside the box, too: random ones seldom hit a small one.
    near = [(box.south, box.west), (box.north, box.east), ((box.south + box.north) / 2, box.west)]
    height = box.north - box.south
    near += [
        (box.south + height * (a + 90) / 180, box.west + box.width_deg * (b + 180) / 360) for a, b in found
    ]
    cells = cells_at(found + [(a, (b + 180) % 360 - 180) for a, b in near], resolution)
    selected = box.contains(cells)
    assert held(cells[selected], box, resolution).all()


@given(boxes(), st.lists(points, min_size=1, max_size=60), st.integers(3, 11))
def test_a_box_and_the_rest_of_the_sphere_share_no_cell_and_lose_none(
    box: Box, found: list[tuple[float, float]], resolution: int
) -> None:
    cells = cells_at(found, resolution)
    tiles: list[Selection] = [box]
    if box.width_deg < 360:
        tiles.append(Box.from_degrees(box.east, box.south, box.west, box.north))
    if box.south > -90:
        tiles.append(Box.from_degrees(-180, -90, 180, box.south))
    if box.north < 90:
        tiles.append(Box.from_degrees(-180, box.north, 180, 90))
    assert np.sum([tile.contains(cells) for tile in tiles], axis=0).tolist() == [1] * cells.size


@pytest.mark.parametrize("resolution", [3, 4])
@pytest.mark.parametrize(
    "edges",
    [
        (-180, 60, 180, 90),
        (0, 80, 90, 90),
        (-180, -90, 180, -60),
        (170, -50, -170, -10),
        (-180, -90, 180, 90),
    ],
)
def test_every_cell_of_the_sphere_with_its_centre_in_the_box_is_covered(
    edges: tuple[float, float, float, float], resolution: int
) -> None:
    sphere = np.array(
        [cell for root in h3.get_res0_cells() for cell in h3.cell_to_children(root, resolution)], np.int64
    )
    box = Box.from_degrees(*edges)
    assert held(sphere[box.contains(sphere)], box, resolution).all()


def test_the_centre_rule_is_half_open_and_includes_the_pole() -> None:
    cell = np.array([h3.latlng_to_cell(51.5, -0.1, 7)], np.int64)
    (latitude,), (longitude,) = centres(cell)
    inside = Box.from_degrees(longitude, latitude, longitude + 1, latitude + 1)
    assert inside.contains(cell).tolist() == [True]
    assert Box.from_degrees(longitude - 1, latitude, longitude, latitude + 1).contains(cell).tolist() == [
        False
    ]
    assert Box.from_degrees(longitude, latitude - 1, longitude + 1, latitude).contains(cell).tolist() == [
        False
    ]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ((170, -50, 190, -10), (170, -50, -170, -10)),
        ((-190, 0, -170, 1), (170, 0, -170, 1)),
        ((190, 0, 200, 1), (-170, 0, -160, 1)),
        ((350, 0, 10, 1), (-10, 0, 10, 1)),
        ((180, 0, 181, 1), (-180, 0, -179, 1)),
        ((179, 0, 180, 1), (179, 0, 180, 1)),
        ((-360, 0, 0, 1), (-180, 0, 180, 1)),
        ((-180, 0, 180, 1), (-180, 0, 180, 1)),
    ],
)
def test_longitudes_are_wrapped(asked: tuple[float, ...], meant: tuple[float, ...]) -> None:
    box = Box.from_degrees(*asked)
    assert (box.west, box.south, box.east, box.north) == meant


@pytest.mark.parametrize(
    "edges",
    [
        (0, 1, 1, 1), (0, 2, 1, 1), (5, 0, 5, 1), (180, 0, -180, 1), (0, 0, -360, 1), (0, -91, 1, 0),
        (0, 0, 1, 91), (-361, 0, 1, 1), (0, 0, 361, 1), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1),
    ],
)  # fmt: skip
def test_an_impossible_box_is_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Box.from_degrees(*edges)


def test_descendants_of_nested_cells_are_counted_once() -> None:
    outer = h3.latlng_to_cell(51.5, -0.1, 5)
    inner = h3.cell_to_center_child(outer, 7)
    selection = Descendants((inner, outer))
    assert selection.ranges(9) is not None
    assert len(selection.ranges(9)) == 1  # type: ignore[arg-type]
    children = np.array(h3.cell_to_children(outer, 9), np.int64)
    beside = np.array(h3.cell_to_children(h3.grid_ring(outer, 1)[0], 9), np.int64)
    assert selection.contains(children).all()
    assert not selection.contains(beside).any()


def test_neighbouring_children_make_one_range_and_wide_gaps_stay() -> None:
    parent = h3.latlng_to_cell(51.5, -0.1, 6)
    children = np.array(h3.cell_to_children(parent, 9), np.int64)
    assert merge_ranges(base_ranges(children)).tolist() == base_ranges(np.array([parent], np.int64)).tolist()
    every_other = base_ranges(children[::2])
    assert len(merge_ranges(every_other)) == len(every_other)
    assert len(merge_ranges(every_other, limit=5)) == 5


def test_everywhere_selects_all_without_a_range() -> None:
    assert Everywhere().ranges(9) is None
    assert Everywhere().estimate(3) == h3.get_num_cells(3)
