"""Points as text: WKT, hex of WKB and EWKB, GeoJSON. Everything but a point is refused."""

import json
import math
import re
import struct
from decimal import Decimal
from typing import Final

from apps.datasets.reading.numbers import parse_number
from apps.datasets.reading.rows import RowCode

Degrees = tuple[Decimal, Decimal]

_KINDS: Final = "POINT|LINESTRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|GEOMETRYCOLLECTION"
_WKT: Final = re.compile(
    rf"(?:SRID=(?P<srid>\d+);)?\s*(?P<kind>{_KINDS})\s*(?:Z|M|ZM)?\s*(?P<rest>\(.*\)|EMPTY)", re.I | re.S
)
_WKT_POINT: Final = re.compile(
    r"\(\s*\(?\s*(?P<x>[^\s(),]+)\s+(?P<y>[^\s(),]+)(?:\s+[^\s(),]+){0,2}\s*\)?\s*\)"
)
_WKB_POINT: Final = 1
_WKB_MULTIPOINT: Final = 4
_WKB_LAST_KIND: Final = 7
_WGS84: Final = 4326
_EWKB_SRID: Final = 0x20000000
_EWKB_FLAGS: Final = 0xE0000000


class GeometryProblem(ValueError):
    """A geometry that is no point, with the code of its reject."""

    def __init__(self, code: RowCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


_INVALID: Final = RowCode.GEOMETRY_INVALID
_UNSUPPORTED: Final = RowCode.GEOMETRY_UNSUPPORTED


def parse_geometry(text: str, encoding: str) -> Degrees:
    """Return latitude and longitude of a point or a one-point multipoint; raises GeometryProblem."""
    return {"wkt": _from_wkt, "wkb": _from_wkb, "geojson": _from_geojson}[encoding](text)


def _from_wkt(text: str) -> Degrees:
    match = _WKT.fullmatch(text)
    if match is None:
        raise GeometryProblem(_INVALID, "This is no well-known text.")
    _check_srid(int(match["srid"] or _WGS84))
    if match["kind"].upper() not in {"POINT", "MULTIPOINT"}:
        raise GeometryProblem(_UNSUPPORTED, f"{match['kind'].upper()} is no point.")
    if match["rest"].upper() == "EMPTY":
        raise GeometryProblem(RowCode.GEOMETRY_MISSING, "The point is empty.")
    point = _WKT_POINT.fullmatch(match["rest"])
    if point is None:
        many = "," in match["rest"]
        raise GeometryProblem(
            _UNSUPPORTED if many else _INVALID, "More than one point." if many else "This is no point."
        )
    return _degrees(point["x"], point["y"])


def _from_wkb(text: str) -> Degrees:
    try:
        return _read_wkb(bytes.fromhex(text.removeprefix("\\x")))
    except (ValueError, struct.error) as error:
        if isinstance(error, GeometryProblem):
            raise
        raise GeometryProblem(_INVALID, "This is no hexadecimal well-known binary.") from error


def _read_wkb(wkb: bytes, *, is_part: bool = False) -> Degrees:
    """Read WKB or EWKB of any dimensions; raises ValueError, struct.error, GeometryProblem."""
    order = {0: ">", 1: "<"}[wkb[0]] if wkb[:1] in {b"\0", b"\1"} else ""
    if not order:
        raise ValueError("The byte order is unknown.")
    (kind,) = struct.unpack_from(f"{order}I", wkb, 1)
    start = 5
    if kind & _EWKB_SRID:
        _check_srid(*struct.unpack_from(f"{order}I", wkb, start))
        start += 4
    kind = (kind & ~_EWKB_FLAGS) % 1000
    if kind == _WKB_MULTIPOINT and not is_part:
        (count,) = struct.unpack_from(f"{order}I", wkb, start)
        if count != 1:
            raise GeometryProblem(_UNSUPPORTED, f"{count} points.")
        return _read_wkb(wkb[start + 4 :], is_part=True)
    if kind != _WKB_POINT:
        known = 0 < kind <= _WKB_LAST_KIND and not is_part
        raise GeometryProblem(_UNSUPPORTED if known else _INVALID, "This is no point.")
    x, y = struct.unpack_from(f"{order}dd", wkb, start)
    if math.isnan(x) and math.isnan(y):
        raise GeometryProblem(RowCode.GEOMETRY_MISSING, "The point is empty.")
    return _degrees(repr(x), repr(y))


def _from_geojson(text: str) -> Degrees:
    try:
        geometry = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise GeometryProblem(_INVALID, "This is no JSON.") from error
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "MultiPoint" and isinstance(coordinates, list) and coordinates:
        if len(coordinates) != 1:
            raise GeometryProblem(_UNSUPPORTED, f"{len(coordinates)} points.")
        kind, coordinates = "Point", coordinates[0]
    if kind != "Point":
        known = isinstance(kind, str) and kind.upper() in _KINDS.split("|")
        raise GeometryProblem(_UNSUPPORTED if known else _INVALID, "This is no point.")
    if coordinates == []:
        raise GeometryProblem(RowCode.GEOMETRY_MISSING, "The point is empty.")
    match coordinates:
        case [str(longitude), str(latitude), *_]:
            return _degrees(longitude, latitude)
    raise GeometryProblem(_INVALID, "The coordinates are not numbers.")


def _check_srid(srid: int) -> None:
    if srid not in {0, _WGS84}:
        raise GeometryProblem(_UNSUPPORTED, f"The reference system {srid} is not read.")


def _degrees(x: str, y: str) -> Degrees:
    longitude, latitude = parse_number(x, "."), parse_number(y, ".")
    if latitude is None or longitude is None:
        raise GeometryProblem(_INVALID, "The coordinates are not numbers.")
    return latitude, longitude
