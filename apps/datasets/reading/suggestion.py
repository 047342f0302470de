"""Which column may feed which field: scores with their evidence, and the mapping that `auto` would take.

score = 0.4 name + 0.5 share of values that parse + 0.1 shape (places.md section 6). Nothing is
applied unseen: every row is checked later, and what is not sure waits for a person.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from apps.datasets.reading.columns import is_personal
from apps.datasets.reading.geometries import GeometryProblem, parse_geometry
from apps.datasets.reading.inspections import Inspection
from apps.datasets.reading.limits import CATEGORIES_MAX, CATEGORY_MAX_CHARS, EXTERNAL_ID_MAX_CHARS
from apps.datasets.reading.mapping import GeometryField, Mapping, NumberField, TextField, TimestampField
from apps.datasets.reading.names import name_score
from apps.datasets.reading.numbers import parse_number
from apps.datasets.reading.oddities import Oddity, find_oddities
from apps.datasets.reading.rows import RowCode, WarningKind
from apps.datasets.reading.time_formats import FormatCensus, FormatsFound, is_clock
from apps.datasets.reading.values import has_decimal_comma, present

TAKEN_FROM: Final = 0.85
LEAD: Final = 0.10
_SHOWN: Final = 5
_ROWS: Final = 3_000
_ROWS_OF_A_FILE: Final = 30
_MOSTLY: Final = 0.9
_GEOMETRY_ENCODINGS: Final = ("wkt", "wkb", "geojson")
DEFAULT_CATEGORY: Final = "event"

Columns = dict[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column for a field, its score in three parts, and what was seen in it."""

    column: str
    name: float
    share: float
    shape: float
    evidence: dict[str, Any]

    @property
    def score(self) -> float:
        """Return the weighted sum."""
        return round(0.4 * self.name + 0.5 * self.share + 0.1 * self.shape, 4)

    def to_json(self) -> dict[str, Any]:
        """Return the form shown to a person."""
        parts = {"name": self.name, "share": round(self.share, 4), "shape": round(self.shape, 4)}
        return {"column": self.column, "score": self.score, **parts, "evidence": self.evidence}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What `auto` takes if `is_decided`, else what a person starts from; `reasons` says what is open.

    `needs_proof` is the time column whose formats must still be proven on all rows (see `prove_times`).
    """

    mapping: Mapping | None
    is_decided: bool
    reasons: tuple[str, ...]
    candidates: dict[str, list[Candidate]]
    formats: FormatsFound
    oddities: tuple[Oddity, ...]
    personal: tuple[str, ...]
    warnings: tuple[str, ...]
    needs_proof: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the form shown to a person."""
        return {
            "mapping": self.mapping.to_json() if self.mapping else None,
            "decided": self.is_decided,
            "reasons": list(self.reasons),
            "candidates": {
                name: [candidate.to_json() for candidate in found[:_SHOWN]]
                for name, found in self.candidates.items()
            },
            "timestamp_formats": self.formats.to_json(),
            "oddities": [oddity.to_json() for oddity in self.oddities],
            "personal_columns": list(self.personal),
            "warnings": list(self.warnings),
        }


def suggest_mapping(inspections: Sequence[Inspection], personal_words: Collection[str] = ()) -> Suggestion:
    """Score the columns that all files of an import have, on the rows sampled from each."""
    columns, personal = _columns(inspections, personal_words)
    candidates = {name: _ranked(name, score, columns) for name, score in _SCORERS.items()}
    _add_neighbours(candidates, list(columns))
    reasons = [] if all(found.encoding.is_decided for found in inspections) else ["encoding_undecided"]
    timestamp, formats = _timestamp(candidates["timestamp"], columns)
    if timestamp is None or not _is_clear(candidates["timestamp"]):
        reasons.append("timestamp_undecided")
    elif formats.undecided:
        reasons.append(formats.undecided)
    place, is_placed = _place(candidates, columns)
    if not is_placed:
        reasons.append("place_undecided")
    oddities = tuple(find_oddities(columns))
    reasons.extend(f"coordinates_{oddity.kind}" for oddity in oddities if not is_placed)
    warnings = [WarningKind.PERSONAL_COLUMNS.value] if personal else []
    category = _category(candidates, timestamp, place)
    if category.constant is not None:
        warnings.append(WarningKind.CATEGORY_DEFAULTED.value)
    mapping = None
    if timestamp is not None and place:
        used = {*timestamp.columns, *(field.column for field in place.values()), category.column}
        mapping = Mapping(
            timestamp=timestamp, category=category, **place, **_optional(candidates, columns, used)
        )
    return Suggestion(
        mapping=mapping,
        is_decided=not reasons,
        reasons=tuple(dict.fromkeys(reasons)),
        candidates=candidates,
        formats=formats,
        oddities=oddities,
        personal=personal,
        warnings=tuple(warnings),
        needs_proof=timestamp.columns if timestamp and formats.formats != ("iso",) else (),
    )


def mapping_by_names(header: Sequence[str]) -> Mapping | None:
    """Return the mapping that names alone suggest, for tables without rows; None if they say too little."""

    def named(field: str) -> str | None:
        return next((name for name in header if name_score(field, name) == 1), None)

    time, latitude, longitude, category = map(named, ("timestamp", "latitude", "longitude", "category"))
    if time is None or latitude is None or longitude is None:
        return None
    return Mapping(
        timestamp=TimestampField(columns=(time,), formats=("iso",)),
        latitude=NumberField(latitude, None),
        longitude=NumberField(longitude, None),
        category=TextField(column=category) if category else TextField(constant=DEFAULT_CATEGORY),
    )


def with_formats(suggestion: Suggestion, found: FormatsFound) -> Suggestion:
    """Return the suggestion with the formats that all rows have proven."""
    if suggestion.mapping is None:
        return suggestion
    open_before = [reason for reason in suggestion.reasons if not reason.startswith("day_month")]
    reasons = [*open_before, *([found.undecided] if found.undecided else [])]
    timestamp = replace(
        suggestion.mapping.timestamp, formats=found.formats or suggestion.mapping.timestamp.formats
    )
    return replace(
        suggestion,
        mapping=replace(suggestion.mapping, timestamp=timestamp),
        is_decided=not reasons,
        reasons=tuple(reasons),
        formats=found,
        needs_proof=(),
    )


def _columns(
    inspections: Sequence[Inspection], personal_words: Collection[str]
) -> tuple[Columns, tuple[str, ...]]:
    """Return the sampled texts of the columns that all files have, and the personal ones left out."""
    shared = [name for name in inspections[0].header if all(name in found.header for found in inspections)]
    personal = tuple(name for name in shared if is_personal(name, personal_words))
    samples = [
        _thinned(found.sample, max(_ROWS // len(inspections), _ROWS_OF_A_FILE)) for found in inspections
    ]
    texts: Columns = {}
    for name in shared:
        if name not in personal:
            places = [
                (rows, found.header.index(name)) for rows, found in zip(samples, inspections, strict=True)
            ]
            texts[name] = [row[index] for rows, index in places for row in rows]
    return texts, personal


def _thinned(rows: Sequence[tuple[str, ...]], most: int) -> Sequence[tuple[str, ...]]:
    """Return rows at even distances."""
    return rows[:: max(-(-len(rows) // most), 1)]


Scorer = Callable[[list[str]], tuple[float, float, dict[str, Any]]]


def _ranked(field: str, score: Scorer, columns: Columns) -> list[Candidate]:
    """Return all columns for a field, the best first."""
    found = []
    for name, texts in columns.items():
        share, shape, evidence = score(present(texts))
        found.append(Candidate(name, name_score(field, name), share, shape, evidence))
    return sorted(found, key=lambda candidate: -candidate.score)


def _score_timestamp(texts: list[str]) -> tuple[float, float, dict[str, Any]]:
    found = _formats_of(texts)
    return found.share, float(len(set(texts)) > 1 and bool(found.formats)), found.to_json()


def _formats_of(texts: Sequence[str]) -> FormatsFound:
    census = FormatCensus()
    census.add(Counter(texts).items())
    return census.result()


def _score_degrees(limit: int) -> Scorer:
    def score(texts: list[str]) -> tuple[float, float, dict[str, Any]]:
        decimal = "," if has_decimal_comma(texts) else "."
        read = [number for text in texts if (number := parse_number(text, decimal)) is not None]
        inside = [number for number in read if abs(number) <= limit]
        share = len(inside) / len(texts) if texts else 0.0
        fractions = sum(number != int(number) for number in inside)
        evidence: dict[str, Any] = {"decimal": decimal, "outside": len(read) - len(inside)}
        if inside:
            evidence |= {"min": float(min(inside)), "max": float(max(inside))}
        return share, 0.5 if fractions * 2 > len(inside) > 0 else 0.0, evidence

    return score


def _score_geometry(texts: list[str]) -> tuple[float, float, dict[str, Any]]:
    shares = {encoding: _points(texts, encoding) / max(len(texts), 1) for encoding in _GEOMETRY_ENCODINGS}
    best = max(shares, key=lambda encoding: shares[encoding])
    return shares[best], float(shares[best] > 0), {"encoding": best}


def _points(texts: list[str], encoding: str) -> int:
    """Count the texts that are points or other geometry; gives up on a column whose first values are none."""
    count = 0
    for index, text in enumerate(texts):
        try:
            parse_geometry(text, encoding)
            count += 1
        except GeometryProblem as problem:
            count += problem.code is not RowCode.GEOMETRY_INVALID
        if index == 20 and not count:  # noqa: PLR2004
            return 0
    return count


def _score_term(texts: list[str]) -> tuple[float, float, dict[str, Any]]:
    words = [text for text in texts if len(text) <= CATEGORY_MAX_CHARS and parse_number(text, ".") is None]
    distinct = len(set(words))
    repeats = 1 < distinct <= CATEGORIES_MAX and distinct * 2 <= len(words)
    return len(words) / len(texts) if texts else 0.0, float(repeats), {"distinct": distinct}


def _score_value(texts: list[str]) -> tuple[float, float, dict[str, Any]]:
    decimal = "," if has_decimal_comma(texts) else "."
    numbers = {number for text in texts if (number := parse_number(text, decimal)) is not None}
    read = sum(parse_number(text, decimal) is not None for text in texts)
    return (
        read / len(texts) if texts else 0.0,
        float(len(numbers) > 1),
        {"decimal": decimal, "distinct": len(numbers)},
    )


def _score_external_id(texts: list[str]) -> tuple[float, float, dict[str, Any]]:
    short = [text for text in texts if len(text) <= EXTERNAL_ID_MAX_CHARS]
    distinct = len(set(short))
    return (
        len(short) / len(texts) if texts else 0.0,
        float(distinct > _MOSTLY * len(short) > 0),
        {"distinct": distinct},
    )


_SCORERS: Final[dict[str, Scorer]] = {
    "timestamp": _score_timestamp,
    "latitude": _score_degrees(90),
    "longitude": _score_degrees(180),
    "geometry": _score_geometry,
    "category": _score_term,
    "value": _score_value,
    "label": _score_term,
    "external_id": _score_external_id,
}


def _add_neighbours(candidates: dict[str, list[Candidate]], order: list[str]) -> None:
    """Raise the shape of coordinates that stand beside a likely partner."""
    for field, other in (("latitude", "longitude"), ("longitude", "latitude")):
        partners = {c.column for c in candidates[other] if c.name and c.share > _MOSTLY}
        beside = {
            name for at, name in enumerate(order) if partners & set(order[max(at - 1, 0) : at + 2]) - {name}
        }
        raised = [replace(c, shape=c.shape + 0.5) if c.column in beside else c for c in candidates[field]]
        candidates[field] = sorted(raised, key=lambda candidate: -candidate.score)


def _is_clear(ranked: list[Candidate]) -> bool:
    """Tell whether the best is good enough and leads."""
    if not ranked or ranked[0].score < TAKEN_FROM:
        return False
    return len(ranked) == 1 or ranked[0].score - ranked[1].score >= LEAD


def _timestamp(ranked: list[Candidate], columns: Columns) -> tuple[TimestampField | None, FormatsFound]:
    """Return the best column, joined with a column of times of day where it has dates alone."""
    if not ranked or not ranked[0].share:
        return None, FormatsFound()
    best = ranked[0].column
    found = _formats_of(columns[best])
    clocks = [
        name
        for name, texts in columns.items()
        if name != best and name_score("timestamp", name) and _are_clocks(texts)
    ]
    if len(clocks) == 1 and all(name != "iso" or not _has_clock(columns[best]) for name in found.formats):
        joined = [" ".join(pair) for pair in zip(columns[best], columns[clocks[0]], strict=True)]
        both = _formats_of(joined)
        if both.share >= _MOSTLY * found.share:
            return TimestampField(columns=(best, clocks[0]), formats=both.formats), both
    return TimestampField(columns=(best,), formats=found.formats or ("iso",)), found


def _are_clocks(texts: Sequence[str]) -> bool:
    there = present(texts)
    return bool(there) and sum(map(is_clock, there)) >= _MOSTLY * len(there)


def _has_clock(texts: Sequence[str]) -> bool:
    return any(":" in text for text in texts)


def _place(candidates: dict[str, list[Candidate]], columns: Columns) -> tuple[dict[str, Any], bool]:
    """Return the fields of the place, latitude and longitude before geometry, and whether they are sure."""
    latitude, longitude, geometry = (candidates[name] for name in ("latitude", "longitude", "geometry"))
    by_pair = _is_clear(latitude) and _is_clear(longitude) and latitude[0].column != longitude[0].column
    if not by_pair and _is_clear(geometry):
        encoding = geometry[0].evidence["encoding"]
        return {"geometry": GeometryField(geometry[0].column, encoding)}, True
    if not latitude or not longitude or not latitude[0].share or not longitude[0].share:
        return {}, False
    first = latitude[0].column
    second = next((candidate.column for candidate in longitude if candidate.column != first), None)
    if second is None:
        return {}, False
    return {"latitude": _number(first, columns), "longitude": _number(second, columns)}, by_pair


def _number(name: str, columns: Columns) -> NumberField:
    return NumberField(name, "," if has_decimal_comma(columns[name]) else None)


def _category(
    candidates: dict[str, list[Candidate]], timestamp: TimestampField | None, place: dict[str, Any]
) -> TextField:
    """Return the category's column, or the constant that stands for none."""
    used = {*(timestamp.columns if timestamp else ()), *(field.column for field in place.values())}
    ranked = [candidate for candidate in candidates["category"] if candidate.column not in used]
    if ranked and ranked[0].score >= TAKEN_FROM:
        return TextField(column=ranked[0].column)
    return TextField(constant=DEFAULT_CATEGORY)


def _optional(
    candidates: dict[str, list[Candidate]], columns: Columns, used: set[str | None]
) -> dict[str, Any]:
    """Return value and external id where a column is good enough for one."""
    taken: dict[str, Any] = {}
    for field in ("value", "external_id"):
        best = next((c for c in candidates[field] if c.column not in used), None)
        if best and best.score >= TAKEN_FROM:
            used.add(best.column)
            taken[field] = (
                _number(best.column, columns) if field == "value" else TextField(column=best.column)
            )
    return taken
