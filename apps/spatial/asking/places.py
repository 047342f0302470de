"""Rules of places: a named area, a circle, a box, a cell; and of the grain. Pure."""

from typing import Final

import h3.api.basic_int as h3

from apps.datasets.queries.cells import BASE_RESOLUTION, COARSEST_RESOLUTION, FULL_TURN, HALF_TURN, POLE
from apps.datasets.queries.selections import Box
from apps.spatial.asking.asked import RADIUS_MAX_M, Place, PlaceKind
from apps.spatial.asking.lexicon import Lexicon
from apps.spatial.asking.matches import Match, Part
from apps.spatial.asking.names import LONGEST_NAME
from apps.spatial.asking.words import Kind, Words

INTO: Final = frozenset({"in", "within", "inside", "at", "near", "around"})
METRES: Final = {
    "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0,
    "km": 1_000.0, "kilometre": 1_000.0, "kilometres": 1_000.0, "kilometer": 1_000.0, "kilometers": 1_000.0,
}  # fmt: skip


def match_area(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read the name of an area, `in Soho`, `in the Old Town`."""
    into = words.one_of(position, INTO - {"near", "around"}) is not None
    for start in _after_articles(words, position + into):
        for length in range(min(LONGEST_NAME, len(words.tokens) - start), 0, -1):
            areas = lexicon.areas.get(words.texts(start, length))
            if areas is None:
                continue
            total = start - position + length
            if len(areas) > 1:
                return Match(total, Part.PLACE, areas, alternatives=tuple(area.name for area in areas))
            place = Place(PlaceKind.AREA, area_id=areas[0].id, area=areas[0].name)
            return _placed(total, place)
    return None


def match_circle(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `near 51.5, -0.1 within 2 km` and `within 2 km of 51.5, -0.1`."""
    if words.one_of(position, frozenset({"near", "around"})):
        point = _numbers(words, position + 1, 2)
        if point is None or not words.says(position + 1 + point[0], "within"):
            return None
        reach = _distance(words, position + 2 + point[0])
        length = 2 + point[0]
    elif words.says(position, "within"):
        reach = _distance(words, position + 1)
        if reach is None or not words.says(position + 1 + reach[0], "of"):
            return None
        point = _numbers(words, position + 2 + reach[0], 2)
        length = 2 + (point[0] if point else 0)
    else:
        return None
    if point is None or reach is None:
        return None
    return _circle(length + reach[0], point[1], reach[1])


def match_box(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `bbox(w, s, e, n)`."""
    into = words.one_of(position, INTO) is not None
    start = position + into
    if not words.says(start, "bbox", "("):
        return None
    found = _numbers(words, start + 2, 4)
    if found is None or not words.says(start + 2 + found[0], ")"):
        return None
    length = into + 3 + found[0]
    try:
        Box.from_degrees(*found[1])
    except ValueError as error:
        return Match(length, Part.PLACE, fault=f"That is no box: {error}.")
    return _placed(length, Place(PlaceKind.BBOX, found[1]))


def match_cell(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `cell 88194ad305fffff`, `in 88194ad305fffff`."""
    start = position + (words.one_of(position, INTO) is not None)
    start += words.says(start, "the")
    start += words.says(start, "cell")
    token = words.at(start)
    if token is None or token.kind is not Kind.CELL:
        return None
    length = start - position + 1
    cell = int(token.text, 16)
    if not h3.is_valid_cell(cell):
        return Match(length, Part.PLACE, fault=f"{token.text} is no H3 cell.")
    if h3.get_resolution(cell) > BASE_RESOLUTION:
        return Match(length, Part.PLACE, fault=f"Cells go down to resolution {BASE_RESOLUTION}.")
    return _placed(length, Place(PlaceKind.CELL, cell=token.text))


def match_resolution(words: Words, position: int, lexicon: Lexicon) -> Match | None:
    """Read `at resolution 9`."""
    at = int(words.says(position, "at"))
    resolution = words.whole(position + at + 1) if words.says(position + at, "resolution") else None
    if resolution is None:
        return None
    if not COARSEST_RESOLUTION <= resolution <= BASE_RESOLUTION:
        fault = f"Resolutions go from {COARSEST_RESOLUTION} to {BASE_RESOLUTION}."
        return Match(at + 2, Part.RESOLUTION, fault=fault)
    return Match(at + 2, Part.RESOLUTION, resolution, f"resolution {resolution}")


def _after_articles(words: Words, position: int) -> list[int]:
    """Return where a name may begin: here, or after an article."""
    return [position, position + 1] if words.says(position, "the") else [position]


def _numbers(words: Words, position: int, count: int) -> tuple[int, tuple[float, ...]] | None:
    """Return how many tokens make so many numbers with commas between them, and the numbers."""
    found: list[float] = []
    end = position
    while (number := words.number(end)) is not None and len(found) < count:
        found.append(number)
        end += 1
        if len(found) < count:
            end += words.says(end, ",")
    return (end - position, tuple(found)) if len(found) == count else None


def _distance(words: Words, position: int) -> tuple[int, float] | None:
    """Return how many tokens make a distance, and its metres."""
    number, unit = words.number(position), words.one_of(position + 1, METRES)
    return (2, number * METRES[unit]) if number is not None and unit is not None else None


def _circle(length: int, point: tuple[float, ...], radius_m: float) -> Match:
    latitude, longitude = point
    if abs(latitude) > POLE or abs(longitude) > FULL_TURN:
        return Match(length, Part.PLACE, fault="Write latitude, longitude in degrees.")
    if not 0 < radius_m <= RADIUS_MAX_M:
        return Match(length, Part.PLACE, fault=f"Up to {RADIUS_MAX_M / 1000:g} km, please.")
    wrapped = (longitude + HALF_TURN) % FULL_TURN - HALF_TURN if abs(longitude) > HALF_TURN else longitude
    return _placed(length, Place(PlaceKind.NEAR, (latitude, wrapped), radius_m))


def _placed(length: int, place: Place) -> Match:
    return Match(length, Part.PLACE, place, str(place))
