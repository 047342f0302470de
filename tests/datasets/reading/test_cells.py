"""Cells: the base cell of the stored point, parents by bits equal to the library's."""

import h3.api.basic_int as h3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.reading.cells import (
    BASE_RESOLUTION,
    RESOLUTIONS,
    SLICE_CELLS,
    base_cell,
    base_cells,
    h3_parent,
    occupied,
)
from apps.datasets.storage.sketch import merged_counts, sketch_cells

latitudes = st.integers(-900_000_000, 900_000_000)
longitudes = st.integers(-1_800_000_000, 1_800_000_000)


@given(st.lists(st.tuples(latitudes, longitudes), min_size=1, max_size=50))
def test_parents_by_bits_are_the_library_s(points: list[tuple[int, int]]) -> None:
    lat_e7, lon_e7 = (np.array(column, np.int32) for column in zip(*points, strict=True))
    cells = base_cells(lat_e7, lon_e7)
    assert cells.tolist() == [base_cell(*point) for point in points]
    for resolution in RESOLUTIONS:
        assert h3_parent(cells, resolution).tolist() == [
            h3.cell_to_parent(cell, resolution) for cell in cells.tolist()
        ]


def test_cells_of_the_base_resolution_are_their_own_parents() -> None:
    cells = base_cells(np.array([515_000_000], np.int32), np.array([-1_000_000], np.int32))
    assert h3_parent(cells, BASE_RESOLUTION).tolist() == cells.tolist()
    assert h3.get_resolution(int(cells[0])) == BASE_RESOLUTION


def test_no_points_occupy_no_cells() -> None:
    assert occupied(np.empty(0, np.int64)) == [0] * 9


def test_more_cells_than_are_looked_at_at_once_are_counted_once_each() -> None:
    cells = np.sort(h3.cell_to_children(h3.latlng_to_cell(51.5, -0.1, 4), BASE_RESOLUTION))
    assert len(cells) > 2 * SLICE_CELLS
    counts = [1, *(7**finer for finer in range(8))]
    assert occupied(cells) == counts
    assert merged_counts([sketch_cells(cells)]) == pytest.approx(counts, rel=0.06)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_pentagons_have_parents_too(resolution: int) -> None:
    pentagons = np.array(h3.get_pentagons(BASE_RESOLUTION), np.int64)
    assert h3_parent(pentagons, resolution).tolist() == [
        h3.cell_to_parent(p, resolution) for p in pentagons.tolist()
    ]


@pytest.mark.parametrize("distinct", [1, 50, 900, 6_000])
def test_points_that_repeat_have_the_cells_that_they_have_singly(distinct: int) -> None:
    random = np.random.default_rng(distinct)
    points = random.integers(-900_000_000, 900_000_000, (distinct, 2)).astype(np.int32)
    lat_e7, lon_e7 = points[random.integers(0, distinct, 6_000)].T
    expected = [base_cell(*point) for point in zip(lat_e7.tolist(), lon_e7.tolist(), strict=True)]
    assert base_cells(lat_e7, lon_e7).tolist() == expected
