"""The typed query: what a question asks, whoever read it, the grammar or a language model."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apps.datasets.queries.timeline import Bucket

DEFAULT_TOP: Final = 5
TOP_MAX: Final = 100
DEFAULT_RESOLUTION: Final = 8
RADIUS_MAX_M: Final = 500_000.0
M_PER_KM: Final = 1_000


class Measure(StrEnum):
    """What is answered."""

    COUNT = "count"
    TOP = "top"
    AVERAGE = "average"
    TREND = "trend"


class PlaceKind(StrEnum):
    """How a place is given."""

    AREA = "area"
    NEAR = "near"
    BBOX = "bbox"
    CELL = "cell"


@dataclass(frozen=True, slots=True)
class Place:
    """Where: a named area, a box (west, south, east, north), a circle (latitude, longitude) or a cell."""

    kind: PlaceKind
    numbers: tuple[float, ...] = ()
    radius_m: float | None = None
    cell: str = ""
    area_id: uuid.UUID | None = None
    area: str = ""

    def __str__(self) -> str:
        if self.kind is PlaceKind.AREA:
            return f"the area {self.area}"
        if self.kind is PlaceKind.CELL:
            return f"the cell {self.cell}"
        numbers = ", ".join(f"{number:g}" for number in self.numbers)
        if self.kind is PlaceKind.BBOX:
            return f"the box {numbers}"
        return f"cells with their centre within {_length(self.radius_m or 0.0)} of {numbers}"


@dataclass(frozen=True, slots=True)
class When:
    """A window: days of the dataset's zone with both ends in, or instants [start, end); None is open."""

    start: dt.date | dt.datetime | None = None
    end: dt.date | dt.datetime | None = None

    def __str__(self) -> str:
        if self.start is None:
            return f"until {_moment(self.end)}"
        if self.end is None:
            return f"from {_moment(self.start)} on"
        if self.start == self.end:
            return _moment(self.start)
        return f"{_moment(self.start)} to {_moment(self.end)}"


ANY_TIME: Final = When()


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """What a question asks. hours: first and last hour of the day, both in. resolution None: not said."""

    measure: Measure = Measure.COUNT
    top: int | None = None
    bucket: Bucket | None = None
    when: When = ANY_TIME
    hours: tuple[int, int] | None = None
    weekdays: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    place: Place | None = None
    resolution: int | None = None


def _length(metres: float) -> str:
    return f"{metres / M_PER_KM:g} km" if metres >= M_PER_KM else f"{metres:g} m"


def _moment(moment: dt.date | dt.datetime | None) -> str:
    if isinstance(moment, dt.datetime):
        return moment.isoformat(timespec="minutes")
    return moment.isoformat() if moment is not None else ""
