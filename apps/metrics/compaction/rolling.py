"""Rollups of all widths at once. Pure."""

from typing import Final

from apps.metrics.codec.rollups import RollupColumns, roll_up, widen
from apps.metrics.compaction.sorting import Points
from apps.metrics.storage.rollups import WIDTHS_S

_NARROW_S: Final = WIDTHS_S[0]


def roll_up_widths(points: Points) -> dict[int, RollupColumns]:
    """Return the rows of sorted points by width: the wide ones are added up from the narrow ones."""
    narrow = roll_up(points.numbers, points.times, points.values, _NARROW_S)
    return {_NARROW_S: narrow} | {width_s: widen(narrow, width_s) for width_s in WIDTHS_S[1:]}
