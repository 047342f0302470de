"""Boundaries of cells are kept, and are the library's whatever was asked before."""

from concurrent.futures import ThreadPoolExecutor

import h3.api.basic_int as h3
import numpy as np
import pytest

from apps.datasets.queries import Int64s
from apps.spatial import boundaries
from apps.spatial.boundaries import Boundaries, compute_boundaries

AROUND = [h3.grid_disk(h3.latlng_to_cell(*place, 6), 5) for place in ((51.5, -0.1), (64.7, 10.5), (0, 180))]
# Pentagons have fewer vertices, at odd resolutions more.
CELLS = np.array([*sorted(cell for disk in AROUND for cell in disk), *h3.get_pentagons(5)], np.int64)


def asked(seed: int, most: int = 20) -> Int64s:
    """Return some of the cells, some twice, in any order."""
    return np.random.default_rng(seed).choice(CELLS, most)


def are_right(kept: Boundaries, cells: Int64s) -> bool:
    sizes, points = kept.of(cells)
    expected_sizes, expected_points = compute_boundaries(cells.tolist())
    return np.array_equal(sizes, expected_sizes) and np.array_equal(points, expected_points)


@pytest.mark.parametrize("most_cells", [80, 100_000])
def test_what_is_kept_is_what_the_library_says(most_cells: int) -> None:
    kept = Boundaries(most_cells)
    assert all(are_right(kept, asked(seed)) for seed in range(60))
    assert are_right(kept, np.empty(0, np.int64))
    assert are_right(kept, CELLS)


def test_the_library_is_asked_once_for_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[int] = []

    def compute(cells: list[int]) -> object:
        looked_up.extend(cells)
        return compute_boundaries(cells)

    monkeypatch.setattr(boundaries, "compute_boundaries", compute)
    kept = Boundaries()
    for seed in range(9):
        kept.of(asked(seed))
    assert sorted(looked_up) == sorted({int(cell) for seed in range(9) for cell in asked(seed)})


def test_many_may_ask_while_all_is_forgotten_again_and_again() -> None:
    kept = Boundaries(80)
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda seed: are_right(kept, asked(seed)), range(200)))
