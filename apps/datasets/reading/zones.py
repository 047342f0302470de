"""Local time to UTC for single values and arrays, from one table of transitions, so that both agree."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from apps.datasets.reading.errors import ZoneUnknown
from apps.datasets.reading.rows import Bools, Int64s

SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLE_STARTS_AT: Final = datetime(1799, 12, 25, tzinfo=UTC)
_STEP_S: Final = 86_400


class Shift(StrEnum):
    """What a change of the clocks did to a local time."""

    NONE = "none"
    GAP = "time_in_gap"
    FOLD = "time_ambiguous"


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A time zone's transitions up to the end of the table.

    Local times from `walls[i - 1]` to `walls[i]` have `offsets[i]`; those in `[doubtful_from[i], walls[i])`
    lie in the gap (`is_gap[i]`) or fold of transition i. All in microseconds.
    """

    name: str
    walls: Int64s
    doubtful_from: Int64s
    is_gap: Bools
    offsets: Int64s

    def to_utc(self, local_us: Int64s) -> tuple[Int64s, Bools, Bools]:
        """Return UTC, and which times lie in a gap (moved forward by it) or in a fold (the earlier)."""
        if not len(self.walls):
            nowhere = np.zeros(len(local_us), np.bool_)
            return local_us - self.offsets[0], nowhere, nowhere
        before = np.searchsorted(self.walls, local_us, side="right")
        following = np.minimum(before, len(self.walls) - 1)
        doubtful = (before < len(self.walls)) & (local_us >= self.doubtful_from[following])
        is_gap = self.is_gap[following]
        return local_us - self.offsets[before], doubtful & is_gap, doubtful & ~is_gap

    def one_to_utc(self, local_us: int) -> tuple[int, Shift]:
        """Do the same for one local time."""
        if not len(self.walls):
            return local_us - int(self.offsets[0]), Shift.NONE
        index = bisect_right(self.walls, local_us)
        shift = Shift.NONE
        if index < len(self.walls) and local_us >= self.doubtful_from[index]:
            shift = Shift.GAP if self.is_gap[index] else Shift.FOLD
        return local_us - int(self.offsets[index]), shift


@lru_cache(maxsize=64)
def load_zone(name: str, until_year: int) -> Zone:
    """Build the table of a zone up to a year; raises ZoneUnknown."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ZoneUnknown(f"The time zone {name[:80]!r} is not known.") from error
    transitions, offsets = _transitions(zone, datetime(until_year + 1, 1, 1, tzinfo=UTC))
    before, after = offsets[:-1], offsets[1:]
    return Zone(
        name=name,
        walls=transitions + np.maximum(before, after),
        doubtful_from=transitions + np.minimum(before, after),
        is_gap=after > before,
        offsets=offsets,
    )


def _transitions(zone: ZoneInfo, until: datetime) -> tuple[Int64s, Int64s]:
    """Return the instants at which the offset changes and the offsets around them, in microseconds."""
    start_s = int((_TABLE_STARTS_AT - _EPOCH).total_seconds())
    end_s = int((until - _EPOCH).total_seconds())
    instants: list[int] = []
    offsets = [_offset_s(zone, start_s)]
    for low_s in range(start_s, end_s, _STEP_S):
        offset_s = _offset_s(zone, low_s + _STEP_S)
        if offset_s != offsets[-1]:
            instants.append(_bisect(zone, low_s, low_s + _STEP_S, offset_s))
            offsets.append(offset_s)
    return np.array(instants, np.int64) * SECOND_US, np.array(offsets, np.int64) * SECOND_US


def _bisect(zone: ZoneInfo, low_s: int, high_s: int, offset_s: int) -> int:
    """Return the first second from which `offset_s` holds."""
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if _offset_s(zone, middle_s) == offset_s:
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s


def _offset_s(zone: ZoneInfo, instant_s: int) -> int:
    offset = (_EPOCH + timedelta(seconds=instant_s)).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
