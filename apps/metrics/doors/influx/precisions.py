"""The units in which a write may give its times."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.common.errors import Malformed
from apps.metrics.points.batch import SECOND_US, Instants
from apps.metrics.points.timestamps import FAR_S


@dataclass(frozen=True, slots=True)
class Precision:
    """A unit: so many microseconds, or so many of it a microsecond."""

    unit: str
    microseconds: int = 1
    per_microsecond: int = 1

    def instants_of(self, numbers: Instants) -> Instants:
        """Return microseconds, floored; what is far outside becomes the nearest that fits."""
        if self.per_microsecond > 1:
            return np.floor_divide(numbers, self.per_microsecond)
        limit = FAR_S * SECOND_US // self.microseconds
        return np.clip(numbers, -limit, limit) * self.microseconds


_NANOSECONDS: Final = Precision("nanoseconds", per_microsecond=1_000)
_MICROSECONDS: Final = Precision("microseconds")
_BY_NAME: Final[Mapping[str, Precision]] = {
    "": _NANOSECONDS,
    "n": _NANOSECONDS,
    "ns": _NANOSECONDS,
    "u": _MICROSECONDS,
    "us": _MICROSECONDS,
    "ms": Precision("milliseconds", microseconds=1_000),
    "s": Precision("seconds", microseconds=SECOND_US),
    "m": Precision("minutes", microseconds=60 * SECOND_US),
    "h": Precision("hours", microseconds=3_600 * SECOND_US),
}


def precision_of(name: str) -> Precision:
    """Return the unit that the parameter `precision` names, nanoseconds without one; raises Malformed."""
    if name not in _BY_NAME:
        raise Malformed("The precision is none of ns, us, u, ms, s, m and h.")
    return _BY_NAME[name]
