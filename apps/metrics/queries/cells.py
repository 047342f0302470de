"""The numbers of cells: a cell is one bucket of one series.

Points and rollup rows are put into cells together, so what a cell says depends on the set of its points
alone, wherever each of them lies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.metrics.calendar.intervals import Instants
from apps.metrics.calendar.windows import SECOND_US
from apps.metrics.codec.arrays import Float64s, Int64s, Uint8s, sizes_of
from apps.metrics.codec.bins import BinCounts, bin_numbers, bin_values, count_bins
from apps.metrics.codec.exact_sum import grouped_sums
from apps.metrics.codec.sketch_format import decode_joined_bins
from apps.metrics.queries.aggregations import THOUSANDTHS, Aggregation, Statistic

PERCENT: Final = 100
_FIRST: Final = np.zeros(1, np.int64)
# Cells of at least so many points on average are sorted one by one.
SORTED_ALONE: Final = 100


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Single points: the cell, time and value of each, in any order; times only if they are looked at."""

    cells: Int64s
    times: Instants
    values: Float64s


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Rollup rows, in any order: the cell of each, and columns by the names of `storage.reading`.

    `parts` are the terms of all sums, `sketches` all sketches end to end; `fixed["parts"]` and
    `fixed["sketch_bytes"]` say how many each row has.
    """

    cells: Int64s
    fixed: Mapping[str, npt.NDArray[np.int64] | Float64s]
    parts: Float64s
    sketches: Uint8s


@dataclass(frozen=True, slots=True)
class Grouping:
    """Entries in order of their cells: the order, where each cell begins in it, and the cells."""

    order: Int64s | None
    starts: Int64s
    cells: Int64s

    @classmethod
    def of(cls, cells: Int64s) -> "Grouping":
        """Group entries by cell, those of a cell in the order in which they are."""
        order = None
        if (cells[1:] < cells[:-1]).any():
            order = np.argsort(cells, kind="stable")
            cells = cells[order]
        is_next = cells[1:] != cells[:-1]
        starts = np.concatenate((_FIRST[: len(cells)], np.flatnonzero(is_next) + 1))
        return cls(order, starts, cells[starts])

    def sorted(self, entries: Float64s) -> Float64s:
        """Return entries in the order of cells."""
        return entries if self.order is None else entries[self.order]


class Cells:
    """All cells that have points, ascending, and what their points say."""

    def __init__(self, points: PointColumns, rows: RowColumns, *, is_exact: bool) -> None:
        """Take what was read; `is_exact` asks for exact percentiles, for which there must be no rows."""
        self._points = points
        self._rows = rows
        self._is_exact = is_exact
        self._all = Grouping.of(np.concatenate((rows.cells, points.cells)))
        self._kept: dict[Statistic, Float64s] = {}
        self._bins: BinCounts | None = None
        self._ordered: Float64s | None = None

    @property
    def numbers(self) -> Int64s:
        """Return the cells that have points."""
        return self._all.cells

    def values(self, aggregation: Aggregation, bucket_us: Int64s) -> Float64s:
        """Return an aggregation of each cell; `bucket_us` is how much of its bucket lies in the window."""
        if not len(self.numbers):
            return np.empty(0)
        if aggregation.statistic is Statistic.RATE:
            return self.basic(Statistic.SUM) / (bucket_us / SECOND_US)
        if aggregation.statistic is Statistic.AVG:
            return self.basic(Statistic.SUM) / self.basic(Statistic.COUNT)
        if aggregation.is_percentile:
            return self._exact_ranked(aggregation) if self._is_exact else self._ranked(aggregation)
        return self.basic(aggregation.statistic)

    def basic(self, statistic: Statistic) -> Float64s:
        """Return one of the numbers of each cell that nothing else is needed for, computed once."""
        if statistic not in self._kept:
            self._kept[statistic] = _BASIC[statistic](self)
        return self._kept[statistic]

    def _sum(self) -> Float64s:
        points, rows = self._points, self._rows
        terms = np.concatenate((rows.parts, points.values))
        grouping = self._all
        if len(rows.parts) > len(rows.cells):
            row_cells = np.repeat(rows.cells, rows.fixed["parts"].astype(np.int64, copy=False))
            grouping = Grouping.of(np.concatenate((row_cells, points.cells)))
        return grouped_sums(grouping.sorted(terms), grouping.starts) + 0.0

    def _count(self) -> Float64s:
        # Exact as doubles: there are far fewer than 2^53 points.
        if not len(self._rows.cells):
            return sizes_of(self._all.starts, len(self._points.cells)).astype(np.float64)
        counts = self._joined("count", np.ones(len(self._points.cells)))
        return np.add.reduceat(counts, self._all.starts)

    def _min(self) -> Float64s:
        return np.minimum.reduceat(self._joined("min", self._points.values), self._all.starts)

    def _max(self) -> Float64s:
        return np.maximum.reduceat(self._joined("max", self._points.values), self._all.starts)

    def _first(self) -> Float64s:
        values, order = self._by_time("first")
        firsts: Float64s = values[order[self._all.starts]]
        return firsts

    def _last(self) -> Float64s:
        values, order = self._by_time("last")
        ends = self._all.starts + sizes_of(self._all.starts, len(order)) - 1
        lasts: Float64s = values[order[ends]]
        return lasts

    def _by_time(self, name: str) -> tuple[Float64s, Int64s]:
        """Return values, and their order by (cell, time, value)."""
        points, rows = self._points, self._rows
        values: Float64s = np.concatenate((rows.fixed[name], points.values), dtype=np.float64)
        times = np.concatenate((rows.fixed[f"{name}_at"], points.times))
        cells = np.concatenate((rows.cells, points.cells))
        return values, np.lexsort((values, times, cells)).astype(np.int64, copy=False)

    def _joined(self, name: str, of_points: Float64s) -> Float64s:
        return self._all.sorted(np.concatenate((self._rows.fixed[name], of_points)))

    def _exact_ranked(self, aggregation: Aggregation) -> Float64s:
        if self._ordered is None:
            self._ordered = self._in_order()
        ordered = self._ordered
        sizes = sizes_of(self._all.starts, len(ordered))
        ranked: Float64s = ordered[self._all.starts + _ranks(sizes, aggregation)]
        return ranked

    def _in_order(self) -> Float64s:
        """Return the points' values by (cell, value)."""
        values, starts = self._points.values, self._all.starts
        if len(values) < SORTED_ALONE * len(starts):
            ordered: Float64s = values[np.lexsort((values, self._points.cells))]
            return ordered
        # A sort of each cell takes a tenth of the time of one by two keys.
        return np.concatenate([np.sort(part) for part in np.split(self._all.sorted(values), starts[1:])])

    def _ranked(self, aggregation: Aggregation) -> Float64s:
        """Return the value of the bin that holds the point of the rank, inside the cell's extremes."""
        counted = self._bin_counts()
        reached = np.cumsum(counted.counts)
        before = reached[counted.starts] - counted.counts[counted.starts]
        sizes = np.diff(before, append=reached[-1:])
        places = np.searchsorted(reached, before + _ranks(sizes, aggregation), side="right")
        return np.clip(bin_values(counted.bins[places]), self.basic(Statistic.MIN), self.basic(Statistic.MAX))

    def _bin_counts(self) -> BinCounts:
        if self._bins is None:
            sketched = decode_joined_bins(
                self._rows.sketches, self._rows.fixed["sketch_bytes"].astype(np.int64, copy=False)
            )
            row_cells = np.repeat(self._rows.cells, sizes_of(sketched.starts, len(sketched.bins)))
            bins = np.concatenate((sketched.bins, bin_numbers(self._points.values)))
            weights = np.concatenate((sketched.counts, np.ones(len(self._points.values), np.int64)))
            grouping = Grouping.of(np.concatenate((row_cells, self._points.cells)))
            if grouping.order is not None:
                bins, weights = bins[grouping.order], weights[grouping.order]
            self._bins = count_bins(bins, grouping.starts, weights)
        return self._bins


_BASIC: Final[Mapping[Statistic, Callable[[Cells], Float64s]]] = {
    Statistic.SUM: Cells._sum,  # noqa: SLF001 - the table stands outside, where the methods are known
    Statistic.COUNT: Cells._count,  # noqa: SLF001
    Statistic.MIN: Cells._min,  # noqa: SLF001
    Statistic.MAX: Cells._max,  # noqa: SLF001
    Statistic.FIRST: Cells._first,  # noqa: SLF001
    Statistic.LAST: Cells._last,  # noqa: SLF001
}


def _ranks(sizes: Int64s, aggregation: Aggregation) -> Int64s:
    """Return floor(q (n - 1)), in integers: as doubles 0.29 times 100 is less than 29."""
    return aggregation.percentile * (sizes - 1) // (PERCENT * THOUSANDTHS)
