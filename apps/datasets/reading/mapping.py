"""How columns become events: mapping and dialect, as values and as strict JSON (places.md section 4)."""

import codecs
import math
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from apps.datasets.reading.documents import Document
from apps.datasets.reading.errors import DialectInvalid, MappingInvalid
from apps.datasets.reading.formats import Format
from apps.datasets.reading.limits import FORMATS_MAX, PROPERTIES_MAX
from apps.datasets.reading.patterns import check_format

NULL_TOKENS: Final = ("", "NA", "N/A", "null", "none", "nan", "-")
DELIMITERS: Final = (",", ";", "\t", "|")
COLUMN_MAX_CHARS: Final = 65_536
_ASCII_PROBE: Final = "".join(map(chr, (9, 10, 13, *range(32, 127))))
_WIDE_ENCODINGS: Final = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the bytes of a file become records. `header_line` is physical, from 1; 0 is no header.

    `delimiter`, `quote` and `header_line` mean something where `format` is CSV alone.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header_line: int = 1
    decimal: str = "."
    format: Format = Format.CSV

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "format": self.format.value,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "quote": self.quote,
            "header_line": self.header_line,
            "decimal": self.decimal,
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read the JSON form; raises DialectInvalid with a pointer for everything wrong."""
        document = Document(content)
        dialect = cls(
            encoding=_encoding(document),
            delimiter=document.choice("delimiter", ",", DELIMITERS),
            quote=document.choice("quote", '"', ('"',)),
            header_line=document.whole("header_line", 1, 0, 20),
            decimal=document.choice("decimal", ".", (".", ",")),
            format=Format(document.choice("format", Format.CSV.value, tuple(Format))),
        )
        document.close()
        if document.problems:
            raise DialectInvalid(errors=document.problems)
        return dialect


@dataclass(frozen=True, slots=True)
class DialectChoice:
    """What a caller says of the dialect; None is left to the inspection. The format is never asked for."""

    encoding: str | None = None
    delimiter: str | None = None
    header_line: int | None = None
    decimal: str | None = None

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read a part of a dialect's JSON form; raises DialectInvalid with pointers."""
        full = Dialect.from_json(content)
        given = content if isinstance(content, dict) else {}
        names = [
            name
            for name in ("encoding", "delimiter", "header_line", "decimal")
            if given.get(name) is not None
        ]
        return cls(**{name: getattr(full, name) for name in names})


def _encoding(document: Document) -> str:
    """Take an encoding whose ASCII is ASCII, or UTF-16 or UTF-32; others would move line ends."""
    name = document.text("encoding", "utf-8", 40)
    try:
        known = codecs.lookup(name).name
        if known in _WIDE_ENCODINGS or _ASCII_PROBE.encode(known) == _ASCII_PROBE.encode("ascii"):
            return "utf-8" if known in {"utf-8-sig", "ascii"} else known
    except (LookupError, UnicodeError):
        pass
    document.refuse("encoding", "unknown", "This encoding is not known here.")
    return "utf-8"


@dataclass(frozen=True, slots=True)
class TimestampField:
    """The instant: one column, date and time columns, or a constant; `formats` are tried in order."""

    columns: tuple[str, ...] = ()
    constant: str | None = None
    formats: tuple[str, ...] = ("iso",)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        source: dict[str, Any] = {"constant": self.constant}
        if self.constant is None:
            source = (
                {"column": self.columns[0]} if len(self.columns) == 1 else {"columns": list(self.columns)}
            )
        return {**source, "formats": list(self.formats)}


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number in a column; `decimal` None is the dialect's."""

    column: str
    decimal: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"column": self.column} | ({"decimal": self.decimal} if self.decimal else {})


@dataclass(frozen=True, slots=True)
class GeometryField:
    """A point as text in one column."""

    column: str
    encoding: str = "wkt"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"column": self.column, "encoding": self.encoding}


@dataclass(frozen=True, slots=True)
class TextField:
    """A text from a column, or the same for every row."""

    column: str | None = None
    constant: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"column": self.column} if self.constant is None else {"constant": self.constant}


FieldMapping = TimestampField | NumberField | GeometryField | TextField


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which column feeds which field of an event, and what to do with doubtful values.

    Either `geometry` or both `latitude` and `longitude` are set. `properties` is "all", "none" or
    a tuple of column names.
    """

    timestamp: TimestampField
    category: TextField
    latitude: NumberField | None = None
    longitude: NumberField | None = None
    geometry: GeometryField | None = None
    value: NumberField | None = None
    label: TextField | None = None
    external_id: TextField | None = None
    properties: Literal["all", "none"] | tuple[str, ...] = "all"
    null_tokens: tuple[str, ...] = NULL_TOKENS
    sentinels: tuple[tuple[float, float], ...] = ()
    null_island: str = "reject"
    wrap_longitude: bool = False
    outside_area: str = "keep"
    value_errors: str = "reject"
    keep_personal: bool = False

    @property
    def fields(self) -> dict[str, FieldMapping]:
        """Return the fields that are mapped, by name."""
        names = (
            "timestamp",
            "latitude",
            "longitude",
            "geometry",
            "category",
            "value",
            "label",
            "external_id",
        )
        return {name: field for name in names if (field := getattr(self, name)) is not None}

    @property
    def columns(self) -> dict[str, str]:
        """Return the mapped columns with the JSON pointer that names each."""
        found: dict[str, str] = {}
        for name, field in self.fields.items():
            if isinstance(field, TimestampField):
                many = len(field.columns) > 1
                for index, column in enumerate(field.columns):
                    found.setdefault(column, f"/fields/{name}/" + (f"columns/{index}" if many else "column"))
            elif field.column is not None:
                found.setdefault(field.column, f"/fields/{name}/column")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, with every key."""
        return {
            "fields": {name: field.to_json() for name, field in self.fields.items()},
            "properties": list(self.properties) if isinstance(self.properties, tuple) else self.properties,
            "null_tokens": list(self.null_tokens),
            "sentinels": [list(point) for point in self.sentinels],
            "null_island": self.null_island,
            "wrap_longitude": self.wrap_longitude,
            "outside_area": self.outside_area,
            "value_errors": self.value_errors,
            "keep_personal": self.keep_personal,
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read the JSON form; raises MappingInvalid with a pointer for everything wrong."""
        document = Document(content)
        document.require("fields")
        fields = document.child("fields")
        _require_fields(fields)
        mapping = cls(
            timestamp=_timestamp(fields),
            category=_text(fields, "category") or TextField(constant="event"),
            latitude=_number(fields, "latitude"),
            longitude=_number(fields, "longitude"),
            geometry=_geometry(fields),
            value=_number(fields, "value"),
            label=_text(fields, "label"),
            external_id=_text(fields, "external_id", constant=False),
            properties=_properties(document),
            null_tokens=document.array("null_tokens", NULL_TOKENS, _token, 50),
            sentinels=document.array("sentinels", (), _point, 100),
            null_island=document.choice("null_island", "reject", ("reject", "keep")),
            wrap_longitude=document.flag("wrap_longitude"),
            outside_area=document.choice("outside_area", "keep", ("keep", "reject")),
            value_errors=document.choice("value_errors", "reject", ("reject", "null")),
            keep_personal=document.flag("keep_personal"),
        )
        fields.close()
        document.close()
        if document.problems:
            raise MappingInvalid(errors=document.problems)
        return mapping


def _require_fields(fields: Document) -> None:
    """Note missing fields, and points given twice."""
    fields.require("timestamp")
    fields.require("category")
    pair = fields.has("latitude"), fields.has("longitude")
    if not fields.has("geometry"):
        fields.require("latitude")
        fields.require("longitude")
    elif any(pair):
        fields.refuse("geometry", "conflict", "Map either geometry or latitude and longitude.")


def _timestamp(fields: Document) -> TimestampField:
    if not fields.has("timestamp"):
        return TimestampField(constant="")
    field = fields.child("timestamp")
    given = [key for key in ("column", "columns", "constant") if field.has(key)]
    if len(given) != 1:
        field.refuse("", "source", "Give one of column, columns and constant.")
    column = field.text("column", "", COLUMN_MAX_CHARS)
    columns = field.array("columns", (), _column, 2)
    if "columns" in given and len(columns) != 2:  # noqa: PLR2004
        field.refuse("columns", "length", "Give two columns: date and time.")
    constant = field.text("constant", "", 200)
    formats = field.array("formats", ("iso",), check_format, FORMATS_MAX)
    if not formats:
        field.refuse("formats", "length", "Give at least one format.")
    field.close()
    return TimestampField((column,) if column else columns, constant or None, formats or ("iso",))


def _number(fields: Document, name: str) -> NumberField | None:
    if not fields.has(name):
        return None
    field = fields.child(name)
    field.require("column")
    number = NumberField(
        field.text("column", "", COLUMN_MAX_CHARS), field.choice("decimal", "", (".", ",")) or None
    )
    field.close()
    return number


def _geometry(fields: Document) -> GeometryField | None:
    if not fields.has("geometry"):
        return None
    field = fields.child("geometry")
    field.require("column")
    geometry = GeometryField(
        field.text("column", "", COLUMN_MAX_CHARS), field.choice("encoding", "wkt", ("wkt", "wkb", "geojson"))
    )
    field.close()
    return geometry


def _text(fields: Document, name: str, *, constant: bool = True) -> TextField | None:
    if not fields.has(name):
        return None
    field = fields.child(name)
    given = [key for key in ("column", "constant") if field.has(key)]
    if len(given) != 1 or (not constant and given != ["column"]):
        field.refuse("", "source", "Give one of column and constant." if constant else "Give a column.")
    column = field.text("column", "", COLUMN_MAX_CHARS)
    text = TextField(column or None, (field.text("constant", "", 200) or None) if constant else None)
    field.close()
    return text


def _properties(document: Document) -> Literal["all", "none"] | tuple[str, ...]:
    if isinstance(document.peek("properties"), list):
        return document.array("properties", (), _column, PROPERTIES_MAX)
    return "none" if document.choice("properties", "all", ("all", "none")) == "none" else "all"


def _column(content: object) -> str:
    if not isinstance(content, str) or not content:
        raise ValueError("Expected the name of a column.")
    return content


def _token(content: object) -> str:
    if not isinstance(content, str) or len(content) > 50:  # noqa: PLR2004
        raise ValueError("Expected a string of at most 50 characters.")
    return content


def _point(content: object) -> tuple[float, float]:
    if isinstance(content, list) and len(content) == 2:  # noqa: PLR2004
        latitude, longitude = content
        numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in content)
        if numbers and math.isfinite(latitude) and abs(latitude) <= 90 and abs(longitude) <= 360:  # noqa: PLR2004
            return float(latitude), float(longitude)
    raise ValueError("Expected [latitude, longitude] in degrees.")
