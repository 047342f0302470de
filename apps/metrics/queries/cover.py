"""Which parts of a window are read from rollup rows, and which from single points."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from apps.metrics.calendar.intervals import QUARTER_US, Instants
from apps.metrics.calendar.windows import HOUR_US, Window
from apps.metrics.storage.reading import Span

Bools = npt.NDArray[np.bool_]

# Without a whole hour between two cuts there are at most seven quarters, so each is as near to a cut.
_NEAR: Final = np.arange(-7, 8) * QUARTER_US


@dataclass(frozen=True, slots=True)
class Cover:
    """Parts of a window, disjoint, that together are the window; none lies across a cut.

    hours: the range of hours of which those are read as rows that no cut divides. quarters: the quarters
    that are read as rows. raw: the spans that are read as points.
    """

    cuts: Instants
    hours: Span | None
    quarters: Instants
    raw: tuple[Span, ...]

    def undivided(self, starts: Instants) -> Bools:
        """Tell which hours no cut divides."""
        return _is_whole(self.cuts, starts, HOUR_US)


def cover_window(edges: Instants, window: Window, *, with_rollups: bool) -> Cover:
    """Return the parts: whole hours between cuts, whole quarters of what remains, points for the rest.

    Cuts are the edges of buckets inside the window and its ends.
    """
    cuts = np.unique(np.clip(edges, window.start, window.end))
    if not with_rollups:
        return Cover(cuts, None, np.empty(0, np.int64), ((window.start, window.end),))
    first_hour = -(-window.start // HOUR_US) * HOUR_US
    hours = (first_hour, window.end // HOUR_US * HOUR_US)
    return Cover(cuts, hours if hours[0] < hours[1] else None, _quarters(cuts), _raw(cuts, window))


def _quarters(cuts: Instants) -> Instants:
    off_hour = cuts[cuts % HOUR_US != 0]
    near = np.unique(np.unique(off_hour // QUARTER_US * QUARTER_US)[:, None] + _NEAR)
    near = near[(near >= cuts[0]) & (near + QUARTER_US <= cuts[-1])]
    near = near[_is_whole(cuts, near, QUARTER_US)]
    hours = near // HOUR_US * HOUR_US
    is_in_hour = (hours >= cuts[0]) & (hours + HOUR_US <= cuts[-1]) & _is_whole(cuts, hours, HOUR_US)
    outside: Instants = near[~is_in_hour]
    return outside


def _raw(cuts: Instants, window: Window) -> tuple[Span, ...]:
    """Return the quarters that a cut divides, clipped to the window, neighbours joined."""
    divided = np.unique(cuts[cuts % QUARTER_US != 0] // QUARTER_US) * QUARTER_US
    if not len(divided):
        return ()
    breaks = np.flatnonzero(np.diff(divided) > QUARTER_US) + 1
    starts = divided[np.concatenate(([0], breaks))]
    ends = divided[np.concatenate((breaks - 1, [-1]))] + QUARTER_US
    spans = zip(starts.clip(window.start).tolist(), ends.clip(None, window.end).tolist(), strict=True)
    return tuple(spans)


def _is_whole(cuts: Instants, starts: Instants, width: int) -> Bools:
    """Tell which spans have no cut inside."""
    whole: Bools = np.searchsorted(cuts, starts, "right") == np.searchsorted(cuts, starts + width, "left")
    return whole
