"""What `auto` takes, what it leaves to a person, and why."""

import io
from typing import Any

import pytest

from apps.datasets.reading.column_scan import prove_times
from apps.datasets.reading.inspection import inspect_table
from apps.datasets.reading.suggestion import Suggestion, suggest_mapping
from tests.datasets.reading.known_data import EARTHQUAKES, inspect, london_files, needs_data


def suggest(header: str, *rows: str) -> Suggestion:
    """Suggest on a small table and prove its times on all rows."""
    content = "\n".join([header, *rows, ""]).encode()
    found = inspect_table(io.BytesIO(content), len(content))
    return prove_times(suggest_mapping([found]), [(io.BytesIO(content), found)])


def fields(suggestion: Suggestion) -> dict[str, Any]:
    assert suggestion.mapping is not None
    return {
        name: field.get("column") or field.get("columns") or field.get("constant")
        for name, field in suggestion.mapping.to_json()["fields"].items()
    }


def formats(suggestion: Suggestion) -> tuple[str, ...]:
    assert suggestion.mapping is not None
    return suggestion.mapping.timestamp.formats


@needs_data
def test_london_is_mapped_by_auto() -> None:
    suggestion = suggest_mapping([inspect(table) for table in london_files()])
    assert (suggestion.is_decided, suggestion.reasons, suggestion.warnings) == (True, (), ())
    assert fields(suggestion) == {
        "timestamp": "Month",
        "latitude": "Latitude",
        "longitude": "Longitude",
        "category": "Crime type",
        "external_id": "Crime ID",
    }


@needs_data
def test_earthquakes_are_mapped_by_auto_and_their_formats_proven_on_all_rows() -> None:
    table = EARTHQUAKES.read_bytes()
    found = inspect(table)
    suggestion = prove_times(suggest_mapping([found]), [(io.BytesIO(table), found)])
    assert (suggestion.is_decided, suggestion.warnings) == (True, ("category_defaulted",))
    assert fields(suggestion) == {
        "timestamp": "Date",
        "latitude": "Latitude",
        "longitude": "Longitude",
        "category": "event",
        "value": "Magnitude",
    }
    assert formats(suggestion) == ("%m/%d/%Y", "iso")
    assert suggestion.formats.proof_rows == {"%m/%d/%Y": 14_208, "iso": 3}


HEAD = "date,lat,lon"


def test_08_day_or_month_first_is_undecided_where_no_row_proves_it() -> None:
    suggestion = suggest(HEAD, *(f"0{n}/0{n + 1}/2023,51.5,-0.{n}" for n in range(1, 8)))
    assert suggestion.reasons == ("day_month_undecidable",)
    assert suggestion.mapping is not None


@pytest.mark.parametrize(("proof", "expected"), [("13/02/2023", "%d/%m/%Y"), ("02/13/2023", "%m/%d/%Y")])
def test_08_one_row_of_the_whole_column_proves_the_order(proof: str, expected: str) -> None:
    rows = [f"0{n % 9 + 1}/02/2023,51.5,-0.{n + 1}" for n in range(5_000)]
    rows[1_777] = f"{proof},51.5,-0.1"  # between the parts of the sample
    suggestion = suggest(HEAD, *rows)
    assert (suggestion.is_decided, formats(suggestion)) == (True, (expected,))


def test_08_both_orders_proven_is_for_a_person() -> None:
    suggestion = suggest(HEAD, "13/02/2023,51.5,-0.1", "02/13/2023,51.5,-0.2", "01/02/2023,51.5,-0.3")
    assert suggestion.reasons == ("day_month_mixed",)


def test_08_mixed_styles_become_several_formats() -> None:
    rows = ["2023-05-01,51.5,-0.1", "13.02.2023,51.5,-0.2", "2/13/2023 10:00,51.5,-0.3"] * 5
    suggestion = suggest(HEAD, *rows)
    assert suggestion.is_decided
    assert set(formats(suggestion)) == {"iso", "%d.%m.%Y", "%m/%d/%Y %H:%M"}


def test_date_and_time_columns_are_joined() -> None:
    suggestion = suggest(
        "date,time,lat,lon", *(f"2023-05-{n:02},10:{n:02},51.5,-0.{n}" for n in range(1, 28))
    )
    assert (suggestion.is_decided, fields(suggestion)["timestamp"]) == (True, ["date", "time"])


@pytest.mark.parametrize(("unit", "expected"), [(1, "epoch_s"), (1_000, "epoch_ms")])
def test_epochs_are_recognised(unit: int, expected: str) -> None:
    suggestion = suggest(
        "timestamp,lat,lon", *(f"{(1_683_331_200 + n) * unit},51.5,-0.{n + 1}" for n in range(20))
    )
    assert (suggestion.is_decided, formats(suggestion)) == (True, (expected,))


def test_two_equal_columns_leave_the_choice_to_a_person() -> None:
    suggestion = suggest(
        "created,date,lat,lon", *(f"2023-05-{n:02},2023-06-{n:02},51.5,-0.{n}" for n in range(1, 28))
    )
    assert suggestion.reasons == ("timestamp_undecided",)
    scores = [candidate.score for candidate in suggestion.candidates["timestamp"][:2]]
    assert scores == [1.0, 1.0]


def test_a_geometry_column_is_taken_where_there_are_no_degrees() -> None:
    suggestion = suggest("date;geom", *(f"2023-05-{n:02};POINT(-0.{n} 51.5)" for n in range(1, 28)))
    assert (suggestion.is_decided, fields(suggestion)["geometry"]) == (True, "geom")


def test_a_label_is_suggested_and_never_taken() -> None:
    suggestion = suggest(
        "date,lat,lon,type,title",
        *(f"2023-05-{n:02},51.5,-0.{n},{'ab'[n % 2]},{'cd'[n % 2]}" for n in range(1, 28)),
    )
    assert suggestion.candidates["label"][0].column == "title"
    assert "label" not in fields(suggestion)
    assert fields(suggestion)["category"] == "type"


@pytest.mark.parametrize(
    ("header", "row", "kind"),
    [
        ("date,lat,lon", "2023-05-{n:02},-122.{n},37.{n}", "swapped"),
        ("date,lat,lon", "2023-05-{n:02},515{n:02}000,-1{n:02}000", "scaled"),
        ("date,x,y", "2023-05-{n:02},5303{n:02}.5,1803{n:02}.5", "grid"),
        ("date,easting,northing", "2023-05-{n:02},5303{n:02},1803{n:02}", "grid"),
        ("date,lat,lon", "2023-05-{n:02},51.{n}° N,0.{n}° W", "degree_signs"),
    ],
)
def test_odd_coordinates_are_recognised_and_never_applied(header: str, row: str, kind: str) -> None:
    suggestion = suggest(header, *(row.format(n=n) for n in range(1, 28)))
    assert not suggestion.is_decided
    assert f"coordinates_{kind}" in suggestion.reasons
    assert kind in {oddity.kind for oddity in suggestion.oddities}


def test_only_columns_that_all_files_have_are_candidates() -> None:
    first, second = (
        inspect(f"date,lat,lon,{name}\n2023-05-01,51.5,-0.1,5\n2023-05-02,51.6,-0.2,6\n".encode())
        for name in ("risk", "x")
    )
    suggestion = suggest_mapping([first, second])
    assert {candidate.column for candidate in suggestion.candidates["value"]} == {"date", "lat", "lon"}


def test_the_evidence_is_json() -> None:
    shown = suggest(HEAD, "2023-05-01,51.5,-0.1", "2023-05-02,51.5,-0.2").to_json()
    best = shown["candidates"]["latitude"][0]
    assert (best["column"], best["score"], best["evidence"]["max"]) == ("lat", 1.0, 51.5)
    assert shown["timestamp_formats"]["formats"] == ["iso"]
