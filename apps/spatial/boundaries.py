"""The boundaries of cells, kept: a map draws the same cells for every filter, hour and version.

The library, asked cell by cell, takes as long for them as all else that a tile of new cells needs.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.datasets.queries import Bools, Floats, Int64s

CELLS_KEPT: Final = 65_536
# Room for those with more than six vertices; untouched memory costs nothing.
POINTS_PER_CELL: Final = 7


@dataclass(frozen=True, slots=True)
class _Known:
    """Cells in ascending order, and where the vertices of each begin among all points."""

    cells: Int64s
    starts: Int64s
    sizes: Int64s
    points: Floats
    end: int

    @classmethod
    def nothing(cls, most_cells: int) -> "_Known":
        none = np.empty(0, np.int64)
        return cls(none, none, none, np.empty((POINTS_PER_CELL * most_cells, 2)), 0)

    def find(self, cells: Int64s) -> tuple[Int64s, Bools]:
        """Return where cells stand, and which of them are there."""
        places = np.searchsorted(self.cells, cells)
        found = places < self.cells.size
        found[found] = self.cells[places[found]] == cells[found]
        return places, found

    def take(self, places: Int64s) -> tuple[Int64s, Floats]:
        """Return the sizes and vertices of the cells at these places."""
        sizes = self.sizes[places]
        before = np.cumsum(sizes) - sizes
        return sizes, self.points[
            np.arange(int(sizes.sum())) + np.repeat(self.starts[places] - before, sizes)
        ]

    def has_room(self, sizes: Int64s) -> bool:
        """Tell whether so many more vertices fit."""
        return self.end + int(sizes.sum()) <= len(self.points)

    def joined(self, cells: Int64s, sizes: Int64s, points: Floats) -> "_Known":
        """Return these and some more cells, ascending, that are not there yet.

        Their points are written behind all others, where nobody looks who holds what was known before.
        """
        end = self.end + len(points)
        self.points[self.end : end] = points
        places = np.searchsorted(self.cells, cells)
        starts = self.end + np.cumsum(sizes) - sizes
        return _Known(
            np.insert(self.cells, places, cells),
            np.insert(self.starts, places, starts),
            np.insert(self.sizes, places, sizes),
            self.points,
            end,
        )


class Boundaries:
    """Boundaries that were asked for before; when there are too many, all are forgotten."""

    def __init__(self, most_cells: int = CELLS_KEPT) -> None:
        self._most_cells = most_cells
        self._lock = threading.Lock()
        self._known = _Known.nothing(most_cells)

    def of(self, cells: Int64s) -> tuple[Int64s, Floats]:
        """Return how many vertices each cell has, and all: latitude and longitude, cell after cell."""
        # Answers this large come once, and would push out everything.
        if cells.size > self._most_cells // 4:
            return compute_boundaries(cells.tolist())
        known = self._known
        places, found = known.find(cells)
        if not found.all():
            known = self._learn(np.unique(cells))
            places, _ = known.find(cells)
        return known.take(places)

    def forget(self) -> None:
        """Forget all."""
        with self._lock:
            self._known = _Known.nothing(self._most_cells)

    def _learn(self, cells: Int64s) -> _Known:
        """Return what is known when all of some ascending cells are."""
        # Two who write behind the same last point would overwrite each other's.
        with self._lock:
            _, found = self._known.find(cells)
            missing = cells[~found]
            sizes, points = compute_boundaries(missing.tolist())
            if not self._known.has_room(sizes):
                self._known, missing = _Known.nothing(self._most_cells), cells
                sizes, points = compute_boundaries(missing.tolist())
            self._known = self._known.joined(missing, sizes, points)
            return self._known


def compute_boundaries(cells: list[int]) -> tuple[Int64s, Floats]:
    """Return what `Boundaries.of` does, from the library."""
    rings = list(map(h3.cell_to_boundary, cells))
    sizes = np.fromiter(map(len, rings), np.int64, len(rings))
    # Flattened first: numpy takes five times as long for pairs.
    numbers: Iterable[float] = chain.from_iterable(chain.from_iterable(rings))
    return sizes, np.fromiter(numbers, np.float64, 2 * int(sizes.sum())).reshape(-1, 2)


# One for the whole process.
BOUNDARIES: Final = Boundaries()
