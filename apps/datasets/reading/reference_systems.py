"""Whether the points of a file are longitude and latitude on WGS 84, by what the file says itself."""

import json
import re
from typing import Any, Final

_WGS84: Final = re.compile(r"(?:.*[:/])?(?:CRS84h?|EPSG:+(?:[\d.]*:)?4326|EPSG/0/4326)", re.I)


def is_geojson_crs_read(member: bytes | None) -> bool:
    """Tell whether the `crs` member of a GeoJSON document is absent, null or WGS 84."""
    if member is None:
        return True
    try:
        crs = json.loads(member)
    except (ValueError, RecursionError):
        return False
    if crs is None:
        return True
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return isinstance(name, str) and _WGS84.fullmatch(name.strip()) is not None


def is_geoparquet_crs_read(column: dict[str, Any]) -> bool:
    """Tell whether the metadata of a GeoParquet column has no reference system, or WGS 84."""
    crs = column.get("crs")
    if crs is None:
        return True
    identifier = crs.get("id") if isinstance(crs, dict) else None
    if not isinstance(identifier, dict):
        return False
    return _WGS84.fullmatch(f"{identifier.get('authority')}:{identifier.get('code')}") is not None
