"""The bytes of one JSON row to texts by column: nested objects as `a.b`, features as their properties."""

import json
from dataclasses import dataclass
from typing import Any, Final

from apps.datasets.reading.rows import RowCode

GEOMETRY_COLUMN: Final = "geometry"
FEATURE_ID_COLUMN: Final = "feature_id"
_GEOMETRIES: Final = frozenset(
    {
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    }
)
_UNNAMED: Final = "unnamed"
_SHOWN_CHARS: Final = 100


class _Number(str):
    """The digits of a number as they stand in the file, so that none is rounded."""

    __slots__ = ()


_decode: Final = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_Number).decode
_encode_text: Final = json.JSONEncoder(ensure_ascii=False).encode

Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class RowParsed:
    """Texts by column, or why there are none; `is_feature` tells GeoJSON from other JSON."""

    texts: Texts
    is_feature: bool = False
    broken: RowCode | None = None
    detail: str = ""
    bad_encoding: bool = False


def parse_row(raw: bytes) -> RowParsed:
    """Read one JSON object. Anything else is broken, with the reason as `detail`."""
    bad_encoding = False
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text, bad_encoding = raw.decode(errors="replace"), True
    try:
        value = _decode(text)
        if not isinstance(value, dict):
            return _broken("The row is no JSON object.", bad_encoding)
        texts: Texts = {}
        is_feature = _flatten_row(value, texts)
    except ValueError as error:
        return _broken(f"This is no JSON: {error}"[:_SHOWN_CHARS] + ".", bad_encoding)
    except RecursionError:
        return _broken("The JSON is nested too deeply.", bad_encoding)
    if "\\u" in text:
        texts = {_mended(name).replace("\0", "\ufffd"): _mended(found) for name, found in texts.items()}
    return RowParsed(texts, is_feature, bad_encoding=bad_encoding)


def _broken(detail: str, bad_encoding: bool) -> RowParsed:
    return RowParsed({}, broken=RowCode.BAD_QUOTE, detail=detail, bad_encoding=bad_encoding)


def _flatten_row(value: dict[str, Any], texts: Texts) -> bool:
    """Put the columns of a row into `texts`; tell whether it is a feature."""
    if value.get("type") != "Feature" or not (value.keys() & {"geometry", "properties"}):
        _flatten(value, "", texts)
        return False
    properties = value.get("properties")
    if isinstance(properties, dict):
        _flatten(properties, "", texts)
    if GEOMETRY_COLUMN in texts:
        texts["properties.geometry"] = texts[GEOMETRY_COLUMN]
    texts[GEOMETRY_COLUMN] = "" if value.get("geometry") is None else _encode(value["geometry"])
    if value.get("id") is not None:
        texts.setdefault(FEATURE_ID_COLUMN, _text(value["id"]))
    return True


def _flatten(value: dict[str, Any], prefix: str, texts: Texts) -> None:
    for key, found in value.items():
        name = prefix + (key or _UNNAMED)
        if isinstance(found, dict) and found and not _is_geometry(found):
            _flatten(found, f"{name}.", texts)
        else:
            texts[name] = _text(found)


def _is_geometry(value: dict[str, Any]) -> bool:
    """Tell whether an object is a GeoJSON geometry, which stays whole."""
    kind = value.get("type")
    return (
        isinstance(kind, str) and kind in _GEOMETRIES and bool(value.keys() & {"coordinates", "geometries"})
    )


def _text(value: object) -> str:
    """Return a value as text: strings and numbers as they are, empty for null, JSON for lists."""
    if isinstance(value, str):
        return value
    return "" if value is None or value == {} else _encode(value)


def _encode(value: object) -> str:
    """Return JSON whose numbers are as in the file."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_encode, value))}]"
    if isinstance(value, dict):
        members = (f"{_encode_text(key)}:{_encode(found)}" for key, found in value.items())
        return f"{{{','.join(members)}}}"
    return _encode_text(value)


def _mended(text: str) -> str:
    """Replace halves of surrogate pairs, which no encoding can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
