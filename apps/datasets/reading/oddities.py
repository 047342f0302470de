"""Places that are not in degrees or not in order: recognised and suggested to a person, never applied."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.datasets.reading.columns import words_of
from apps.datasets.reading.names import name_score
from apps.datasets.reading.numbers import parse_number
from apps.datasets.reading.values import present

_DEGREE_SIGN: Final = re.compile(r"[NSEWnsew]?\s*[+-]?\d+([.,]\d+)?\s*([°º].*|[NSEWnsew])")
_GRID_WORDS: Final = frozenset(
    {"easting", "eastings", "northing", "northings", "utm", "osgb", "gauss", "rechtswert", "hochwert"}
)
_MOSTLY: Final = 0.5
_FACTORS: Final = (1_000_000, 10_000_000)
_TURN: Final = 360
_GRID_DETAIL: Final = "These look like metres of a national grid; give degrees (EPSG:4326)."


@dataclass(frozen=True, slots=True)
class Oddity:
    """One thing that looks wrong, in which columns, and what a person may do."""

    kind: str
    columns: tuple[str, ...]
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return the form shown to a person."""
        return {"kind": self.kind, "columns": list(self.columns), "detail": self.detail}


def find_oddities(columns: dict[str, Sequence[str]]) -> list[Oddity]:
    """Look at the columns named like coordinates, or like a grid's."""
    pair = tuple(name for field in ("latitude", "longitude") if (name := _best_named(field, columns)))
    grid = tuple(name for name in columns if _GRID_WORDS & set(words_of(name)))
    found = [Oddity("grid", grid, _GRID_DETAIL)] if grid else []
    signed = tuple(name for name in pair if _has_degree_signs(columns[name]))
    if signed:
        found.append(Oddity("degree_signs", signed, "Degrees have signs or letters; give decimal degrees."))
    if len(pair) == 2:  # noqa: PLR2004
        found.extend(_odd_pair(pair, _numbers(columns[pair[0]]), _numbers(columns[pair[1]])))
    return found


def _best_named(field: str, columns: dict[str, Sequence[str]]) -> str | None:
    scored = [(name_score(field, name), name) for name in columns]
    best = max(scored, default=(0.0, ""), key=lambda pair: pair[0])
    return best[1] if best[0] else None


def _has_degree_signs(column: Sequence[str]) -> bool:
    texts = present(column)
    return sum(bool(_DEGREE_SIGN.fullmatch(text)) for text in texts) > _MOSTLY * len(texts)


def _odd_pair(pair: tuple[str, ...], latitudes: list[float], longitudes: list[float]) -> list[Oddity]:
    """Tell whether a pair is exchanged, multiplied, or in metres; the last two by its largest values."""
    if _are_swapped(latitudes, longitudes):
        return [Oddity("swapped", pair, "The values fit when latitude and longitude are exchanged.")]
    if sum(abs(latitude) > _TURN for latitude in latitudes) <= _MOSTLY * len(latitudes) or not longitudes:
        return []
    whole = all(number == int(number) for number in (*latitudes, *longitudes))
    highest, widest = max(map(abs, latitudes)), max(map(abs, longitudes))
    if whole and not any(name.lower() in {"x", "y"} for name in pair):
        for factor in _FACTORS:
            if factor < highest <= 90 * factor and widest <= 180 * factor:
                return [Oddity("scaled", pair, f"These look like degrees x {factor:,}; divide them first.")]
    return [Oddity("grid", pair, _GRID_DETAIL)]


def _are_swapped(latitudes: list[float], longitudes: list[float]) -> bool:
    """Tell whether most latitudes beyond 90 would be longitudes, and all longitudes latitudes."""
    beyond = sum(90 < abs(latitude) <= 180 for latitude in latitudes)  # noqa: PLR2004
    return beyond * 2 > len(latitudes) > 0 and all(abs(longitude) <= 90 for longitude in longitudes)  # noqa: PLR2004


def _numbers(column: Sequence[str]) -> list[float]:
    texts = present(column)
    read = [parse_number(text, "," if "," in text else ".") for text in texts]
    return [float(number) for number in read if number is not None]
