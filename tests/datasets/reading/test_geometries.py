"""Points as WKT, WKB and GeoJSON text; everything else is refused with the right code."""

import struct
from decimal import Decimal

import pytest

from apps.datasets.reading.geometries import GeometryProblem, parse_geometry

POINT = struct.pack("<BIdd", 1, 1, -0.125, 51.5)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("wkt", "POINT (-0.125 51.5)"),
        ("wkt", "point(-0.125 51.5)"),
        ("wkt", "SRID=4326;POINT Z (-0.125 51.5 7)"),
        ("wkt", "MULTIPOINT ((-0.125 51.5))"),
        ("wkt", "MULTIPOINT (-0.125 51.5)"),
        ("wkb", POINT.hex()),
        ("wkb", "\\x" + POINT.hex().upper()),
        ("wkb", struct.pack(">BIdd", 0, 1, -0.125, 51.5).hex()),
        ("wkb", struct.pack("<BIIdd", 1, 0x20000001, 4326, -0.125, 51.5).hex()),
        ("wkb", struct.pack("<BIddd", 1, 1001, -0.125, 51.5, 7).hex()),
        ("wkb", (struct.pack("<BII", 1, 4, 1) + POINT).hex()),
        ("geojson", '{"type": "Point", "coordinates": [-0.125, 51.5]}'),
        ("geojson", '{"type": "MultiPoint", "coordinates": [[-0.125, 51.5, 7]]}'),
    ],
)
def test_points_are_read(encoding: str, text: str) -> None:
    assert parse_geometry(text, encoding) == (Decimal("51.5"), Decimal("-0.125"))


@pytest.mark.parametrize(
    ("encoding", "text", "code"),
    [
        ("wkt", "LINESTRING (0 0, 1 1)", "geometry_unsupported"),
        ("wkt", "MULTIPOINT (0 0, 1 1)", "geometry_unsupported"),
        ("wkt", "SRID=27700;POINT (1 2)", "geometry_unsupported"),
        ("wkt", "POINT EMPTY", "geometry_missing"),
        ("wkt", "POINT (1)", "geometry_invalid"),
        ("wkt", "POINT (a b)", "geometry_invalid"),
        ("wkt", "somewhere", "geometry_invalid"),
        ("wkb", struct.pack("<BII", 1, 2, 0).hex(), "geometry_unsupported"),
        ("wkb", (struct.pack("<BII", 1, 4, 2) + POINT * 2).hex(), "geometry_unsupported"),
        ("wkb", struct.pack("<BIdd", 1, 1, float("nan"), float("nan")).hex(), "geometry_missing"),
        ("wkb", POINT.hex()[:-4], "geometry_invalid"),
        ("wkb", "zz", "geometry_invalid"),
        ("wkb", "", "geometry_invalid"),
        ("wkb", "0901000000", "geometry_invalid"),
        ("wkb", (struct.pack("<BII", 1, 4, 1) * 3_000).hex(), "geometry_invalid"),
        ("geojson", '{"type": "Polygon", "coordinates": []}', "geometry_unsupported"),
        ("geojson", '{"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]}', "geometry_unsupported"),
        ("geojson", '{"type": "Point", "coordinates": []}', "geometry_missing"),
        ("geojson", '{"type": "Point", "coordinates": ["a", "b"]}', "geometry_invalid"),
        ("geojson", '{"type": "Point", "coordinates": [1]}', "geometry_invalid"),
        ("geojson", '{"type": "Point", "coordinates": [NaN, 1]}', "geometry_invalid"),
        ("geojson", "[1, 2]", "geometry_invalid"),
        ("geojson", "[" * 100_000, "geometry_invalid"),
    ],
)
def test_what_is_no_point_is_refused(encoding: str, text: str, code: str) -> None:
    with pytest.raises(GeometryProblem) as raised:
        parse_geometry(text, encoding)
    assert raised.value.code == code
