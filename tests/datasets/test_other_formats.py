"""GeoJSON, JSON, lines of JSON and Parquet become events as CSV does, with their bad rows as evidence."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.datasets.stories import counts, made, streamed, upload, zip_of
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[[], int]
ROWS = [
    {
        "id": f"q{number}",
        "time": (datetime(2024, 1, 1, 10, tzinfo=UTC) + timedelta(hours=number)).isoformat(),
        "latitude": 51.5 + number / 1_000,
        "longitude": -0.1 - number / 1_000,
        "type": ("theft", "fire")[number % 2],
    }
    for number in range(40)
]


def feature(row: dict[str, Any], geometry: Any = "") -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]}
    properties = {name: row[name] for name in ("time", "type")} | {"source": {"name": "desk"}}
    geometry = point if geometry == "" else geometry
    return {"type": "Feature", "id": row["id"], "properties": properties, "geometry": geometry}


def collection(features: list[dict[str, Any]], **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **members}, indent=1).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, row_group_size=16)
    return buffer.getvalue()


LINE = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
GEOJSON = collection([feature(row) for row in ROWS] + [feature(ROWS[0], None), feature(ROWS[0], LINE)])


def test_geojson_loads_and_its_bad_features_are_evidence(actors: Actors, run_jobs: Run) -> None:
    dataset, row = made(actors.manager, run_jobs, upload(GEOJSON, "quakes.csv"), name="Quakes")

    assert (row["status"], counts(row), dataset["event_count"]) == ("succeeded", (42, 40, 2, 0), 40)
    rejects = actors.manager.api.get(f"/api/v1/imports/{row['id']}/rejects").json()["results"]
    found = [(r["code"], r["record"], r["line"], GEOJSON[r["byte_offset"] :][:1]) for r in rejects]
    assert found == [("geometry_missing", 41, None, b"{"), ("geometry_unsupported", 42, None, b"{")]


def test_parquet_loads(actors: Actors, run_jobs: Run) -> None:
    dataset, row = made(actors.manager, run_jobs, upload(parquet(ROWS), "quakes.parquet"), name="Quakes")

    assert (row["status"], counts(row), dataset["event_count"]) == ("succeeded", (40, 40, 0, 0), 40)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS).encode(),
        json.dumps({"count": 40, "items": ROWS}, indent=2).encode("utf-16"),
        b"".join(json.dumps(row).encode() + b"\n" for row in ROWS),
        b"".join(b"\x1e" + json.dumps(feature(row)).encode() + b"\n" for row in ROWS),
    ],
    ids=["array", "object in UTF-16", "lines", "sequence of features"],
)
def test_every_form_of_json_loads(actors: Actors, run_jobs: Run, content: bytes) -> None:
    _, row = made(actors.manager, run_jobs, upload(content, "rows.json"), name="Rows")

    assert (row["status"], counts(row)) == ("succeeded", (40, 40, 0, 0)), row


def test_rejects_of_json_can_be_mended_and_loaded_again(actors: Actors, run_jobs: Run) -> None:
    _, row = made(actors.manager, run_jobs, upload(GEOJSON, "quakes.geojson"), name="Quakes")

    response = actors.manager.api.get(f"/api/v1/imports/{row['id']}/rejects", {"format": "raw"})
    elements = json.loads(b"".join(streamed(response)))

    assert elements == [feature(ROWS[0], None), feature(ROWS[0], LINE)]
    mended = [feature(ROWS[1] | {"id": "m"}), feature(ROWS[2] | {"id": "n"})]
    _, again = made(actors.manager, run_jobs, upload(json.dumps(mended).encode()), name="Mended")
    assert counts(again) == (2, 2, 0, 0)


def test_an_archive_may_hold_every_form(actors: Actors, run_jobs: Run) -> None:
    members = {"a.ndjson": json.dumps(ROWS[0]).encode(), "b.parquet": parquet(ROWS), "c.json": b"[]"}
    members["c.json"] = json.dumps(ROWS[1:]).encode()

    _, row = made(actors.manager, run_jobs, upload(zip_of(**members), "all.zip"), name="All")

    assert (row["status"], counts(row)) == ("succeeded", (80, 80, 0, 0)), row


def test_points_in_another_reference_system_are_refused(actors: Actors, run_jobs: Run) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}

    _, row = made(actors.manager, run_jobs, upload(collection([feature(ROWS[0])], crs=crs)), name="Far")

    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.crs_unsupported")


def test_duplicates_in_a_document_name_the_record_they_repeat(actors: Actors, run_jobs: Run) -> None:
    file = upload(json.dumps([*ROWS, ROWS[4]]).encode())

    _, row = made(actors.manager, run_jobs, file, name="Twice", duplicates="external_id_first")

    assert counts(row) == (41, 40, 0, 1)
    (reject,) = actors.manager.api.get(f"/api/v1/imports/{row['id']}/rejects").json()["results"]
    assert (reject["line"], reject["kept_line"]) == (None, None)
    assert "record 5 of file 1" in reject["detail"]
