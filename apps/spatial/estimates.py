"""How many cells an answer will have, before anything is read (places-maps.md section 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.common.errors import Invalid
from apps.datasets.queries.cells import BASE_RESOLUTION, COARSEST_RESOLUTION
from apps.datasets.queries.scopes import Scope
from apps.datasets.queries.selections import Selection
from apps.spatial.sources import Source

RESOLUTIONS: Final = range(COARSEST_RESOLUTION, BASE_RESOLUTION + 1)
DEFAULT_FINEST: Final = 9
DEFAULT_CELLS: Final = 2_000
# The estimate is rough: an answer is cut off only when it passes the limit by this factor.
TOLERANCE: Final = 1.2


class TooManyCells(Invalid):
    """The answer would have too many cells.

    Take the resolution that the error names, select a smaller area, or take a compact format.
    """

    code = "spatial.too_many_cells"


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated cells at the resolutions 3..11, against a limit."""

    cells: tuple[int, ...]
    limit: int

    def at(self, resolution: int) -> int:
        """Return the number at a resolution."""
        return self.cells[resolution - COARSEST_RESOLUTION]

    @property
    def finest_resolution(self) -> int | None:
        """Return the finest resolution within the limit; None when even the coarsest is not."""
        return self._finest(RESOLUTIONS, self.limit)

    @property
    def default_resolution(self) -> int:
        """Return the finest resolution up to 9 with at most 2,000 cells, else the coarsest."""
        suited = self._finest(range(COARSEST_RESOLUTION, DEFAULT_FINEST + 1), DEFAULT_CELLS)
        return COARSEST_RESOLUTION if suited is None else suited

    def check(self, resolution: int) -> None:
        """Raise TooManyCells if the resolution is over the limit."""
        if self.at(resolution) > self.limit:
            raise self.error(self.at(resolution))

    def error(self, cells: int) -> TooManyCells:
        """Return the refusal of an answer of about so many cells."""
        finest = self.finest_resolution
        advice = "Select a smaller area." if finest is None else f"Resolution {finest} would fit."
        return TooManyCells(
            f"The answer would have about {cells:,} cells; the limit is {self.limit:,}. {advice}",
            extra={"estimated_cells": cells, "limit": self.limit, "finest_resolution": finest},
        )

    def _finest(self, resolutions: range, limit: int) -> int | None:
        return max((resolution for resolution in resolutions if self.at(resolution) <= limit), default=None)


def estimate_cells(
    sources: Sequence[Source], scopes: Sequence[Scope], selection: Selection, limit: int
) -> Estimate:
    """Return the least of selected area, occupied cells and rows of the touched segments. No query.

    Taken from the epoch's version, so that the same data in the window give the same answer.
    """
    rows = [scope.rows for scope in scopes]
    cells = []
    for index, resolution in enumerate(RESOLUTIONS):
        occupied = [source.epoch.occupied[index] for source in sources]
        held = sum(min(pair) for pair in zip(occupied, rows, strict=True))
        cells.append(min(held, selection.estimate(resolution)))
    return Estimate(tuple(cells), limit)
