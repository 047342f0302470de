"""Degrees to stored points (degrees x 10^7, rounded half to even) and the rules a point must keep."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple, Self

import numpy as np

from apps.datasets.reading.cells import E7
from apps.datasets.reading.mapping import Mapping
from apps.datasets.reading.rows import Bools, Floats, Int32s, RowCode

LATITUDE_MAX_E7: Final = 90 * E7
LONGITUDE_MAX_E7: Final = 180 * E7
TURN_E7: Final = 360 * E7
_STEP: Final = Decimal("1e-7")
_TIE_MARGIN: Final = 1e-4

Area = tuple[float, float, float, float]


class Point(NamedTuple):
    """An accepted point."""

    lat_e7: int
    lon_e7: int
    outside_area: bool


@dataclass(frozen=True, slots=True)
class Points:
    """An array of points; where `ok` is false a row must be looked at singly and the rest means nothing."""

    lat_e7: Int32s
    lon_e7: Int32s
    ok: Bools
    outside_area: Bools


@dataclass(frozen=True, slots=True)
class PointRules:
    """What a mapping and its dataset ask of a point; the area is west, south, east, north."""

    sentinels: frozenset[tuple[int, int]]
    keeps_null_island: bool
    wraps_longitude: bool
    area_e7: tuple[int, int, int, int] | None
    rejects_outside: bool

    @classmethod
    def of(cls, mapping: Mapping, area: Area | None) -> Self:
        """Collect the rules; an area whose west is greater than its east crosses the antimeridian."""
        return cls(
            sentinels=frozenset((_float_e7(lat), _float_e7(lon)) for lat, lon in mapping.sentinels),
            keeps_null_island=mapping.null_island == "keep",
            wraps_longitude=mapping.wrap_longitude,
            area_e7=None if area is None else _area_e7(area),
            rejects_outside=mapping.outside_area == "reject",
        )

    def one(self, latitude: Decimal, longitude: Decimal) -> Point | RowCode:
        """Check one point, or say why not."""
        east = 360 if self.wraps_longitude else 180
        if not (-90 <= latitude <= 90 and -180 <= longitude <= east):  # noqa: PLR2004
            return RowCode.COORDINATE_OUT_OF_RANGE
        lat_e7, lon_e7 = to_e7(latitude), to_e7(longitude)
        if lon_e7 > LONGITUDE_MAX_E7:
            lon_e7 -= TURN_E7
        if self.is_null_island(lat_e7, lon_e7) or (lat_e7, lon_e7) in self.sentinels:
            return RowCode.COORDINATE_SENTINEL
        outside = self.area_e7 is not None and not bool(_within(lat_e7, lon_e7, self.area_e7))
        return RowCode.OUTSIDE_AREA if outside and self.rejects_outside else Point(lat_e7, lon_e7, outside)

    def is_null_island(self, lat_e7: int, lon_e7: int) -> bool:
        """Tell whether a point is the 0, 0 that is refused."""
        return not self.keeps_null_island and lat_e7 == 0 and lon_e7 == 0

    def many(self, latitude: Floats, longitude: Floats) -> Points:
        """Check finite degrees; ties of rounding, borders and refused points are left to `one`."""
        lat_e7, lat_sure = _rounded(latitude)
        lon_e7, lon_sure = _rounded(longitude)
        ok = lat_sure & lon_sure & (np.abs(lat_e7) < LATITUDE_MAX_E7) & (lon_e7 > -LONGITUDE_MAX_E7)
        if self.wraps_longitude:
            ok &= lon_e7 < TURN_E7
            lon_e7 = np.where(lon_e7 > LONGITUDE_MAX_E7, lon_e7 - TURN_E7, lon_e7)
        else:
            ok &= lon_e7 < LONGITUDE_MAX_E7
        if not self.keeps_null_island:
            ok &= (lat_e7 != 0) | (lon_e7 != 0)
        for sentinel_lat_e7, sentinel_lon_e7 in self.sentinels:
            ok &= (lat_e7 != sentinel_lat_e7) | (lon_e7 != sentinel_lon_e7)
        outside = np.zeros(len(ok), np.bool_)
        if self.area_e7 is not None:
            outside = ok & ~np.asarray(_within(lat_e7, lon_e7, self.area_e7), np.bool_)
        if self.rejects_outside:
            ok &= ~outside
        lat_e7, lon_e7 = (np.where(ok, degrees, 0) for degrees in (lat_e7, lon_e7))
        return Points(lat_e7.astype(np.int32), lon_e7.astype(np.int32), ok, outside & ok)


def to_e7(degrees: Decimal) -> int:
    """Round degrees within a turn to the stored integer, half to even; all digits count near a tie."""
    scaled = float(degrees) * E7
    rounded = round(scaled)
    if abs(abs(scaled - rounded) - 0.5) > _TIE_MARGIN:
        return rounded
    return int(degrees.quantize(_STEP, ROUND_HALF_EVEN).scaleb(7))


def _float_e7(degrees: float) -> int:
    return to_e7(Decimal(repr(degrees)))


def _area_e7(area: Area) -> tuple[int, int, int, int]:
    west, south, east, north = map(_float_e7, area)
    return west, south, east, north


def _rounded(degrees: Floats) -> tuple[Floats, Bools]:
    """Return doubles x 10^7 rounded, and where the double decides; near a tie only the text does."""
    scaled = degrees * E7
    rounded = np.rint(scaled)
    return rounded, np.abs(np.abs(scaled - rounded) - 0.5) > _TIE_MARGIN


def _within(lat_e7: int | Floats, lon_e7: int | Floats, area_e7: tuple[int, int, int, int]) -> bool | Bools:
    """Tell whether a point, or which of an array, lies in an area, its sides included."""
    west, south, east, north = area_e7
    eastward = (lon_e7 >= west) & (lon_e7 <= east) if west <= east else (lon_e7 >= west) | (lon_e7 <= east)
    return (lat_e7 >= south) & (lat_e7 <= north) & eastward
