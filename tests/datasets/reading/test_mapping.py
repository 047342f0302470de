"""A mapping and a dialect as JSON: what is taken, what is refused, and where the pointer points."""

import pytest

from apps.datasets.reading.errors import DialectInvalid, MappingInvalid
from apps.datasets.reading.mapping import Dialect, Mapping

FIELDS: dict[str, object] = {
    "timestamp": {"column": "Month", "formats": ["iso", "%m/%d/%Y"]},
    "latitude": {"column": "Latitude"},
    "longitude": {"column": "Longitude", "decimal": ","},
    "category": {"constant": "event"},
}


def pointers(content: object) -> dict[str | None, str]:
    with pytest.raises(MappingInvalid) as raised:
        Mapping.from_json(content)
    return {error.pointer: error.code for error in raised.value.errors}


def test_a_mapping_survives_its_json_form() -> None:
    mapping = Mapping.from_json(
        {
            "fields": FIELDS
            | {
                "external_id": {"column": "ID"},
                "value": {"column": "Risk"},
                "label": {"column": "x"},
            },
            "properties": ["Location"],
            "sentinels": [[36.619446395, -91.686565684]],
            "null_island": "keep",
            "value_errors": "null",
        }
    )
    assert Mapping.from_json(mapping.to_json()) == mapping
    assert mapping.columns["Month"] == "/fields/timestamp/column"


def test_date_and_time_columns_survive_the_json_form() -> None:
    mapping = Mapping.from_json(
        {"fields": {**FIELDS, "timestamp": {"columns": ["d", "t"], "formats": ["%d.%m.%y %H:%M"]}}}
    )
    assert Mapping.from_json(mapping.to_json()) == mapping
    assert mapping.columns["t"] == "/fields/timestamp/columns/1"


def test_a_geometry_replaces_latitude_and_longitude() -> None:
    fields: dict[str, object] = {key: FIELDS[key] for key in ("timestamp", "category")}
    mapping = Mapping.from_json({"fields": {**fields, "geometry": {"column": "geom", "encoding": "wkb"}}})
    assert Mapping.from_json(mapping.to_json()) == mapping
    assert pointers({"fields": {**FIELDS, "geometry": {"column": "geom"}}}) == {
        "/fields/geometry": "conflict"
    }


def test_everything_wrong_is_told_at_once_with_its_pointer() -> None:
    found = pointers(
        {
            "fields": {
                "timestamp": {"column": "a", "constant": "b", "formats": ["iso", "%Q", 7]},
                "latitude": {"column": ""},
                "category": {},
                "value": {"column": "v", "decimal": "x"},
                "colour": {"column": "c"},
            },
            "properties": "some",
            "sentinels": [[91, 0], "x"],
            "wrap_longitude": "yes",
            "a/b~": 1,
        }
    )
    assert found == {
        "/fields/longitude": "required",
        "/fields/timestamp": "source",
        "/fields/timestamp/formats/1": "invalid",
        "/fields/timestamp/formats/2": "invalid",
        "/fields/latitude/column": "length",
        "/fields/category": "source",
        "/fields/value/decimal": "choice",
        "/fields/colour": "unknown",
        "/properties": "choice",
        "/sentinels/0": "invalid",
        "/sentinels/1": "invalid",
        "/wrap_longitude": "type",
        "/a~1b~0": "unknown",
    }


@pytest.mark.parametrize("content", [None, [], "x", 5])
def test_what_is_no_object_is_refused(content: object) -> None:
    assert pointers(content)[""] == "type"


def test_an_empty_mapping_names_every_required_key() -> None:
    assert set(pointers({"fields": {}})) == {
        "/fields/timestamp",
        "/fields/latitude",
        "/fields/longitude",
        "/fields/category",
    }
    assert "/fields" in pointers({})


@pytest.mark.parametrize(
    "formats", [[], ["iso"] * 5, ["%d"], ["%Y-%d"], ["%H:%M"], ["%Y %y"], ["%I %Y-%m-%d"], ["%"], [""]]
)
def test_formats_that_name_no_instant_are_refused(formats: list[str]) -> None:
    assert pointers({"fields": {**FIELDS, "timestamp": {"column": "a", "formats": formats}}})


def test_a_dialect_survives_its_json_form_and_refuses_what_it_does_not_know() -> None:
    dialect = Dialect.from_json({"encoding": "CP1252", "delimiter": ";", "header_line": 3, "decimal": ","})
    assert Dialect.from_json(dialect.to_json()) == dialect
    assert dialect.encoding == "cp1252"
    with pytest.raises(DialectInvalid) as raised:
        Dialect.from_json(
            {"encoding": "utf-7", "delimiter": "::", "quote": "'", "header_line": True, "newline": "x"}
        )
    assert {error.pointer for error in raised.value.errors} == {
        "/encoding", "/delimiter", "/quote", "/header_line", "/newline",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["utf-7", "cp037", "hex", "base64", "idna", "punycode", "unicode_escape", "no-such", "rot13"]
)
def test_encodings_whose_ascii_is_not_ascii_are_refused(name: str) -> None:
    with pytest.raises(DialectInvalid):
        Dialect.from_json({"encoding": name})


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF-16", "latin-1", "cp1252", "shift_jis", "gb18030", "koi8-r", "utf-16-le"]
)
def test_encodings_of_real_files_are_taken(name: str) -> None:
    assert Dialect.from_json({"encoding": name}).encoding
