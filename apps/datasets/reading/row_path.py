"""One record to one event or one reject: the reference that the fast path must equal."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Final

import numpy as np
import pyarrow as pa

from apps.datasets.reading.cells import base_cells
from apps.datasets.reading.coordinates import Point
from apps.datasets.reading.geometries import GeometryProblem, parse_geometry
from apps.datasets.reading.limits import (
    CATEGORY_MAX_CHARS,
    EXTERNAL_ID_MAX_CHARS,
    FIELD_MAX_BYTES,
    RAW_MAX_BYTES,
)
from apps.datasets.reading.numbers import parse_number
from apps.datasets.reading.records import Record
from apps.datasets.reading.rows import Events, Reject, RejectKind, RowCode
from apps.datasets.reading.rules import Rules
from apps.datasets.reading.texts import clean_term
from apps.datasets.reading.timestamps import Instant
from apps.datasets.reading.zones import Shift

UNKNOWN: Final = "unknown"
_RANK: Final = {code: rank for rank, code in enumerate(RowCode)}
_SHOWN_CHARS: Final = 60
# So few that they are freed before Python's collector of cycles comes to them (at 700 objects): walking over
# thousands of rows again and again, none of them in a cycle, would take two fifths of the time.
_ROWS_AT_ONCE: Final = 80
_encode_object: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a row."""

    code: RowCode
    column: str | None
    detail: str


@dataclass(slots=True)  # not frozen: see Record
class Row:
    """An accepted row but for its cell, which is computed for many at once."""

    instant: Instant
    point: Point
    value: float
    category: str
    label: str | None
    external_id: str | None
    properties: str | None


class RowPath:
    """Checks records by the rules of one file."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._plan = rules.plan

    def read(self, records: Iterable[Record], warnings: Counter[str], notes: Counter[str]) -> "RowsRead":
        """Check records in order, counting warnings and notes."""
        rows: list[tuple[Record, Row]] = []
        parts: list[Events] = []
        rejects: list[Reject] = []
        for record in records:
            problems: list[Problem] = []
            row = self._row(record, problems, warnings, notes)
            if row is None:
                rejects.append(self._reject(record, problems))
            else:
                rows.append((record, row))
            if len(rows) >= _ROWS_AT_ONCE:
                parts.append(_events(rows, self._rules.file_no))
                rows = []
        return RowsRead(Events.concat([*parts, _events(rows, self._rules.file_no)]), rejects)

    def _row(
        self, record: Record, problems: list[Problem], warnings: Counter[str], notes: Counter[str]
    ) -> Row | None:
        fields = self._aligned_fields(record, problems)
        if fields is None:
            return None
        dropped: list[str] = []
        instant = self._instant(fields, problems)
        point = self._point(fields, problems, notes)
        value = self._value(fields, problems, dropped)
        category = self._term(fields, self._plan.category, self._rules.category, problems)
        label = self._term(fields, self._plan.label, self._rules.label, problems)
        external_id = self._external_id(fields, problems)
        if problems or instant is None or point is None:
            return None
        for kind in (*dropped, *_warnings_of(instant, point)):
            warnings[kind] += 1
        properties = self._properties(fields)
        return Row(instant, point, value, category or UNKNOWN, label, external_id, properties)

    def _aligned_fields(self, record: Record, problems: list[Problem]) -> list[str] | None:
        """Check the form of a record; return its fields if they stand under the header, else None."""
        fields, width = record.fields, len(self._plan.names)
        aligned = record.broken is None
        if record.broken is not None:
            detail = record.detail or _BROKEN_DETAILS[record.broken]
            problems.append(Problem(record.broken, None, detail))
        elif not any(field.strip() for field in fields):
            problems.append(Problem(RowCode.ROW_BLANK, None, "Every field is empty."))
            return None
        elif len(fields) < width:
            aligned = False
            detail = f"{len(fields):,} fields, {width:,} expected."
            problems.append(Problem(RowCode.TOO_FEW_FIELDS, None, detail))
        elif len(fields) > width and any(field.strip() for field in fields[width:]):
            aligned = False
            detail = f"{len(fields):,} fields, {width:,} expected."
            problems.append(Problem(RowCode.TOO_MANY_FIELDS, None, detail))
        self._check_bytes(record, problems)
        return fields[:width] if aligned else None

    def _check_bytes(self, record: Record, problems: list[Problem]) -> None:
        if record.bad_encoding:
            detail = f"Not readable as {self._rules.encoding}."
            problems.append(Problem(RowCode.BAD_ENCODING, None, detail))
        if record.has_nul:
            problems.append(Problem(RowCode.NUL_BYTE, None, "The row holds a NUL byte."))
        if record.byte_length > FIELD_MAX_BYTES:
            for index, field in enumerate(record.fields):
                if len(field.encode(errors="replace")) > FIELD_MAX_BYTES:
                    column = self._plan.names[index] if index < len(self._plan.names) else None
                    detail = f"More than {FIELD_MAX_BYTES:,} bytes."
                    problems.append(Problem(RowCode.FIELD_TOO_LONG, column, detail))
                    break

    def _instant(self, fields: list[str], problems: list[Problem]) -> Instant | None:
        if self._rules.constant_instant is not None:
            return self._rules.constant_instant
        column = self._plan.names[self._plan.timestamp[0]]
        parts = [self._rules.nulls.clean(fields[index]) for index in self._plan.timestamp]
        if parts[0] is None:
            problems.append(Problem(RowCode.TIMESTAMP_MISSING, column, "The time is missing."))
            return None
        text = " ".join(part for part in parts if part is not None)
        read = self._rules.times.one(text)
        if isinstance(read, Instant):
            return read
        why = _OUT_OF_RANGE
        if read is RowCode.TIMESTAMP_INVALID:
            why = f"is no time of the form {' or '.join(self._rules.mapping.timestamp.formats)}"
        problems.append(Problem(read, column, f"{_shown(text)} {why}."))
        return None

    def _point(self, fields: list[str], problems: list[Problem], notes: Counter[str]) -> Point | None:
        degrees = (
            self._degrees(fields, problems)
            if self._plan.geometry is None
            else self._geometry(fields, problems)
        )
        if degrees is None:
            return None
        latitude, longitude = degrees
        read = self._rules.points.one(latitude, longitude)
        if isinstance(read, Point):
            return read
        index = self._plan.latitude if self._plan.geometry is None else self._plan.geometry
        column = None if index is None else self._plan.names[index]
        if read is RowCode.COORDINATE_OUT_OF_RANGE:
            if abs(latitude) <= 90 and self._plan.longitude is not None:  # noqa: PLR2004
                column = self._plan.names[self._plan.longitude]
            if abs(longitude) <= 90 and abs(latitude) <= 180:  # noqa: PLR2004
                notes["swap_fits"] += 1
        elif read is RowCode.COORDINATE_SENTINEL:
            notes["null_island" if not latitude and not longitude else "sentinels"] += 1
        problems.append(
            Problem(read, column, f"{_number(latitude)}, {_number(longitude)} {_POINT_DETAILS[read]}.")
        )
        return None

    def _degrees(self, fields: list[str], problems: list[Problem]) -> tuple[Decimal, Decimal] | None:
        """Read latitude and longitude; both problems are told, the latitude's first."""
        found: list[Decimal] = []
        for index, decimal in self._rules.degrees:
            text = self._rules.nulls.clean(fields[index])
            column = self._plan.names[index]
            if text is None:
                problems.append(Problem(RowCode.COORDINATE_MISSING, column, "The coordinate is missing."))
                continue
            number = parse_number(text, decimal)
            if number is None:
                problems.append(
                    Problem(RowCode.COORDINATE_INVALID, column, f"{_shown(text)} is no number of degrees.")
                )
            else:
                found.append(number)
        return (found[0], found[1]) if len(found) == 2 else None  # noqa: PLR2004

    def _geometry(self, fields: list[str], problems: list[Problem]) -> tuple[Decimal, Decimal] | None:
        field, index = self._rules.mapping.geometry, self._plan.geometry
        if field is None or index is None:
            return None
        text = self._rules.nulls.clean(fields[index])
        if text is None:
            problems.append(Problem(RowCode.GEOMETRY_MISSING, field.column, "The geometry is missing."))
            return None
        try:
            return parse_geometry(text, field.encoding)
        except GeometryProblem as problem:
            problems.append(Problem(problem.code, field.column, str(problem)))
            return None

    def _value(self, fields: list[str], problems: list[Problem], dropped: list[str]) -> float:
        index = self._plan.value
        text = None if index is None else self._rules.nulls.clean(fields[index])
        if index is None or text is None:
            return np.nan
        number = parse_number(text, self._rules.value_decimal)
        value = float(number) if number is not None else np.nan
        if isfinite(value):
            return value + 0.0  # no negative zero
        if self._rules.mapping.value_errors == "null":
            dropped.append("value_dropped")
            return np.nan
        column = self._plan.names[index]
        problems.append(Problem(RowCode.VALUE_INVALID, column, f"{_shown(text)} is no finite number."))
        return np.nan

    def _term(
        self, fields: list[str], index: int | None, constant: str | None, problems: list[Problem]
    ) -> str | None:
        if index is None:
            return constant
        term = clean_term(self._rules.nulls.clean(fields[index]))
        if term is not None and len(term) > CATEGORY_MAX_CHARS:
            detail = f"More than {CATEGORY_MAX_CHARS} characters."
            problems.append(Problem(RowCode.CATEGORY_TOO_LONG, self._plan.names[index], detail))
        return term

    def _external_id(self, fields: list[str], problems: list[Problem]) -> str | None:
        index = self._plan.external_id
        text = None if index is None else self._rules.nulls.clean(fields[index])
        if index is not None and text is not None and len(text) > EXTERNAL_ID_MAX_CHARS:
            detail = f"More than {EXTERNAL_ID_MAX_CHARS} characters."
            problems.append(Problem(RowCode.EXTERNAL_ID_TOO_LONG, self._plan.names[index], detail))
        return text

    def _properties(self, fields: list[str]) -> str | None:
        """Return the kept columns that are not empty, as they are, as the text of a JSON object."""
        names = self._plan.names
        kept = {names[index]: fields[index] for index in self._plan.properties if fields[index]}
        return _encode_object(kept) if kept else None

    def _reject(self, record: Record, problems: list[Problem]) -> Reject:
        ordered = sorted(problems, key=lambda problem: _RANK[problem.code])
        first = ordered[0]
        also = dict.fromkeys(problem.code for problem in ordered[1:] if problem.code is not first.code)
        return Reject(
            kind=RejectKind.REJECTED,
            file_no=self._rules.file_no,
            record=record.ordinal,
            line=record.line if record.line_end else None,
            line_end=record.line_end or None,
            byte_offset=record.byte_offset if record.byte_offset >= 0 else None,
            column=first.column,
            code=first.code,
            also=tuple(also),
            detail=first.detail,
            raw=record.raw[:RAW_MAX_BYTES],
            raw_truncated=record.byte_length > RAW_MAX_BYTES,
        )


_OUT_OF_RANGE: Final = "is not between the year 1800 and ten years from now"
_BROKEN_DETAILS: Final = {
    RowCode.BAD_QUOTE: "A quote is not closed, or text follows a closing quote.",
    RowCode.FIELD_TOO_LONG: "The line is longer than a record may be.",
}
_POINT_DETAILS: Final = {
    RowCode.COORDINATE_OUT_OF_RANGE: "is beyond what latitude and longitude can be",
    RowCode.COORDINATE_SENTINEL: "stands for an unknown place",
    RowCode.OUTSIDE_AREA: "is outside the dataset's area",
}


@dataclass(frozen=True, slots=True)
class RowsRead:
    """What became of some records, each in order."""

    events: Events
    rejects: list[Reject]


def _warnings_of(instant: Instant, point: Point) -> Iterator[str]:
    if instant.shift is not Shift.NONE:
        yield instant.shift
    if instant.in_future:
        yield "in_future"
    if point.outside_area:
        yield "outside_area"


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...", ensure_ascii=False)


def _number(number: Decimal) -> str:
    return format(float(number), ".10g")


def _events(rows: list[tuple[Record, Row]], file_no: int) -> Events:
    """Turn rows into columns."""
    if not rows:
        return Events.empty()
    lat_e7 = np.array([row.point.lat_e7 for _, row in rows], np.int32)
    lon_e7 = np.array([row.point.lon_e7 for _, row in rows], np.int32)
    return Events(
        occurred_us=np.array([row.instant.occurred_us for _, row in rows], np.int64),
        precision=np.array([row.instant.precision for _, row in rows], np.int16),
        lat_e7=lat_e7,
        lon_e7=lon_e7,
        cell=base_cells(lat_e7, lon_e7),
        value=np.array([row.value for _, row in rows], np.float64),
        category=pa.array([row.category for _, row in rows], pa.string()).dictionary_encode(),
        label=pa.array([row.label for _, row in rows], pa.string()).dictionary_encode(),
        external_id=pa.array([row.external_id for _, row in rows], pa.string()),
        properties=pa.array([row.properties for _, row in rows], pa.string()),
        file_no=np.full(len(rows), file_no, np.int32),
        line=np.array([record.line for record, _ in rows], np.int64),
        line_end=np.array([record.line_end for record, _ in rows], np.int64),
        record=np.array([record.ordinal for record, _ in rows], np.int64),
        byte_offset=np.array([record.byte_offset for record, _ in rows], np.int64),
        byte_length=np.array([record.byte_length for record, _ in rows], np.int64),
    )
