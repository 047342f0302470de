"""The panel: events per study cell and whole period."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import h3.api.basic_int as h3
import numpy as np

from apps.common.errors import Invalid
from apps.datasets.queries import Bools, Floats, Int64s
from apps.spatial.states import Period

MAX_CELLS: Final = 50_000
MAX_ROWS: Final = 2_000_000
# So many periods lie before the first one that is forecast.
MIN_HISTORY: Final = 8


class PanelTooLarge(Invalid):
    """There are too many cells and periods to learn from.

    Take coarser cells, longer periods or a smaller area.
    """

    code = "spatial.panel_too_large"


class HistoryTooShort(Invalid):
    """The data reach back too few whole periods.

    Eight must lie before the first one that is forecast. Take shorter periods or fewer origins.
    """

    code = "spatial.history_too_short"


@dataclass(frozen=True, slots=True)
class Counts:
    """Events by cell and period, as they were counted: three columns of equal length, no pair twice.

    period: index into `starts`. Cells are all occupied ones, not only those of a study.
    """

    starts: tuple[date, ...]
    cell: Int64s
    period: Int64s
    count: Int64s

    @classmethod
    def of_days(cls, starts: tuple[date, ...], cell: Int64s, day: Int64s, count: Int64s) -> "Counts":
        """Return the counts of the whole periods; day: days since 1970 of the period's start."""
        known = np.array([(start - date(1970, 1, 1)).days for start in starts], np.int64)
        if not known.size:
            return cls(starts, cell[:0], day[:0], count[:0])
        index = np.minimum(np.searchsorted(known, day), known.size - 1)
        kept: Bools = known[index] == day
        return cls(starts, cell[kept], index[kept], count[kept])

    def before(self, end: int) -> "Counts":
        """Return what was counted in the first `end` periods."""
        kept = self.period < end
        return Counts(self.starts[:end], self.cell[kept], self.period[kept], self.count[kept])

    def totals(self) -> Floats:
        """Return the events of each period, wherever they were."""
        return np.bincount(self.period, self.count, minlength=len(self.starts)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Panel:
    """Study cells (ascending) x periods; `total` are the events of each period, those elsewhere included.

    counts: (cells, periods). neighbours: (cells, 6) indexes of the cells of ring 1, or the number of cells
    where there is none in the study.
    """

    period: Period
    cells: Int64s
    starts: tuple[date, ...]
    counts: Floats
    total: Floats
    neighbours: Int64s

    def before(self, end: int) -> "Panel":
        """Return the first `end` periods."""
        return replace(self, starts=self.starts[:end], counts=self.counts[:, :end], total=self.total[:end])

    def extended(self, start: date, counts: Floats) -> "Panel":
        """Return the panel with one more period, whose counts may be expected ones."""
        return replace(
            self,
            starts=(*self.starts, start),
            counts=np.column_stack([self.counts, counts]),
            total=np.append(self.total, counts.sum()),
        )


def make_panel(counts: Counts, cells: Int64s, period: Period, *, is_bounded: bool) -> Panel:
    """Return the panel of the study cells; raises PanelTooLarge.

    is_bounded: the study is an area, and events outside it are none of its.
    """
    check_size(cells.size, len(counts.starts))
    matrix = np.zeros((cells.size, len(counts.starts)))
    if cells.size:
        row = np.minimum(np.searchsorted(cells, counts.cell), cells.size - 1)
        inside = cells[row] == counts.cell
        matrix[row[inside], counts.period[inside]] = counts.count[inside]
    total = matrix.sum(axis=0) if is_bounded else counts.totals()
    return Panel(period, cells, counts.starts, matrix, total, neighbour_indexes(cells))


def check_size(cells: int, periods: int) -> None:
    """Raise PanelTooLarge over the limits."""
    if cells > MAX_CELLS or cells * periods > MAX_ROWS:
        raise PanelTooLarge(
            f"{cells:,} cells over {periods:,} periods are more than {MAX_CELLS:,} cells or"
            f" {MAX_ROWS:,} rows."
        )


def check_history(periods: int, origins: int) -> None:
    """Raise HistoryTooShort unless enough periods lie before the last `origins`."""
    if periods - origins < MIN_HISTORY:
        raise HistoryTooShort(
            f"The data hold {periods} whole periods; {MIN_HISTORY} before the {origins} that are forecast"
            " are needed."
        )


def occupied_with_ring(cells: Int64s) -> Int64s:
    """Return the distinct cells and their neighbours, ascending; a pentagon has five."""
    found: set[int] = set()
    for cell in np.unique(cells).tolist():
        found.update(h3.grid_disk(cell, 1))
        if len(found) > MAX_CELLS:
            raise PanelTooLarge(f"More than {MAX_CELLS:,} cells are occupied or beside an occupied one.")
    return np.array(sorted(found), np.int64)


def neighbour_indexes(cells: Int64s) -> Int64s:
    """Return (n, 6) indexes of the neighbours among the cells; n stands for none."""
    place = {cell: index for index, cell in enumerate(cells.tolist())}
    found = np.full((cells.size, 6), cells.size, np.int64)
    for cell, index in place.items():
        beside = [place[near] for near in sorted(h3.grid_disk(cell, 1)) if near != cell and near in place]
        found[index, : len(beside)] = beside
    return found


def connected_groups(cells: Sequence[int]) -> list[list[int]]:
    """Return the cells in groups that hang together, the groups and each one's cells in order of h3."""
    left = set(cells)
    groups = []
    for first in sorted(cells):
        if first not in left:
            continue
        left.discard(first)
        group, edge = [first], [first]
        while edge:
            near = sorted(left.intersection(h3.grid_disk(edge.pop(), 1)))
            left.difference_update(near)
            group += near
            edge += near
        groups.append(sorted(group))
    return groups
