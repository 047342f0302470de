"""GET /export: cells and events as files, what they are called, what they hold, who may."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
import shapely

from apps.datasets.models import Dataset, Version
from apps.datasets.queries.versions import VersionGone
from apps.datasets.reading.rows import Precision
from apps.spatial.exporting.holds import ExportTooSlow, Hold, held
from tests.factories.datasets import EventRow, publish, published_dataset
from tests.furniture.people import Actors, Person

pytestmark = pytest.mark.django_db
Get = Callable[..., Any]
MARCH = datetime(2023, 3, 1, tzinfo=UTC)
NOON = datetime(2023, 3, 5, 12, 30, 15, 250_000, tzinfo=UTC)
ROWS = [
    EventRow(51.5, -0.1, NOON, "Theft", value=-5.0, label="=cmd()"),
    EventRow(51.5, -0.1, NOON.replace(microsecond=0), "Theft"),
    EventRow(51.6, -0.2, MARCH, "Burglary", Precision.MONTH),
    EventRow(-17.0, 179.99, MARCH, "Burglary", Precision.DAY, value=0.1),
    EventRow(1.0, 1.0, datetime(2023, 1, 1, tzinfo=UTC), "Other", Precision.YEAR),
]


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    return published_dataset(ROWS, organization=actors.organization, name="Événements 2023/24")


def export(person: Person, row: Dataset, **parameters: Any) -> Any:
    return person.api.get("/api/v1/export", {"dataset": str(row.pk), **parameters})


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def records(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("form", ["json", "geojson", "geojsonseq", "csv", "arrow", "parquet"])
def test_exported_cells_are_the_bytes_of_the_map(actors: Actors, dataset: Dataset, form: str) -> None:
    query: dict[str, Any] = {"resolution": 5, "include": "categories,labels,value", "format": form}
    response = export(actors.viewer, dataset, **query)
    shown = actors.viewer.api.get("/api/v1/hexes", {"dataset": str(dataset.pk), **query})
    assert body(response) == shown.content
    assert response["Content-Type"] == shown["Content-Type"]
    assert response["Sextant-Rows"] == shown["Sextant-Rows"]


def test_the_name_tells_dataset_version_and_kind(actors: Actors, dataset: Dataset) -> None:
    response = export(actors.viewer, dataset, kind="events")
    assert response["Content-Disposition"] == 'attachment; filename="Evenements-2023-24-v1-events.csv"'
    assert response["Sextant-Version"] == "1"
    assert json.loads(response["Sextant-Citation"])["datasets"][0]["id"] == str(dataset.pk)
    body(response)


def test_times_stand_at_their_precision(actors: Actors, dataset: Dataset) -> None:
    rows = records(body(export(actors.viewer, dataset, kind="events")))
    assert sorted(row["occurred_at"] for row in rows) == [
        "2023", "2023-03", "2023-03-01", "2023-03-05T12:30:15.250000Z", "2023-03-05T12:30:15Z",
    ]  # fmt: skip
    zoned = published_dataset(
        [EventRow(0, 0, datetime(2023, 2, 28, 23, tzinfo=UTC), precision=Precision.MONTH)],
        organization=actors.organization,
        name="Zoned",
        zone="Europe/Paris",
    )
    (row,) = records(body(export(actors.viewer, zoned, kind="events")))
    assert (row["occurred_at"], row["precision"]) == ("2023-03", "month")


def test_formulas_are_guarded_and_numbers_are_not_touched(actors: Actors, dataset: Dataset) -> None:
    for safe, label in (("excel", "'=cmd()"), ("raw", "=cmd()")):
        rows = records(body(export(actors.viewer, dataset, kind="events", safe=safe)))
        (row,) = [row for row in rows if row["label"]]
        assert (row["label"], row["value"]) == (label, "-5")


def test_a_byte_order_mark_comes_first_if_wanted(actors: Actors, dataset: Dataset) -> None:
    for kind in ("events", "cells"):
        plain, marked = (
            body(export(actors.viewer, dataset, kind=kind, resolution=5, bom=bom))
            for bom in ("false", "true")
        )
        assert marked == b"\xef\xbb\xbf" + plain


def test_every_format_holds_the_same_events(actors: Actors, dataset: Dataset) -> None:
    def content(form: str) -> bytes:
        return body(export(actors.viewer, dataset, kind="events", format=form))

    rows = {row["id"]: row for row in json.loads(content("json"))["events"]}
    assert len(rows) == len(ROWS)
    features = json.loads(content("geojson"))["features"]
    texts = content("geojsonseq").split(b"\x1e")[1:]
    assert [json.loads(text) for text in texts] == features
    for feature in features:
        row = rows[feature["id"]]
        assert feature["geometry"]["coordinates"] == [row["longitude"], row["latitude"]]
        assert feature["properties"]["occurred_at"] == row["occurred_at"]
    arrow = pa.ipc.open_stream(content("arrow")).read_all()
    parquet = pq.read_table(io.BytesIO(content("parquet")))
    assert parquet.drop_columns(["geometry"]).to_pylist() == arrow.to_pylist()
    for row, wkb in zip(parquet.to_pylist(), parquet["geometry"].to_pylist(), strict=True):
        found = rows[row["number"]]
        assert shapely.from_wkb(wkb) == shapely.Point(found["longitude"], found["latitude"])
        assert {name: row[name] for name in row if name not in {"number", "begins_at", "geometry"}} == {
            name: found[name] for name in found if name != "id"
        }
    assert parquet.schema.field("begins_at").type == pa.timestamp("us", tz="UTC")
    geo = json.loads(parquet.schema.metadata[b"geo"])
    assert geo["columns"]["geometry"]["geometry_types"] == ["Point"]
    assert json.loads(arrow.schema.metadata[b"sextant"])["datasets"][0]["version"] == 1


def test_filters_and_selections_narrow_events_as_they_narrow_cells(actors: Actors, dataset: Dataset) -> None:
    queries: list[dict[str, Any]] = [
        {"bbox": "-1,51,1,52", "resolution": 7},
        {"category": "Theft", "value_max": "0"},
        {"from": "2023-03-02"},
        {"hour_from": 12, "hour_to": 12},
        {"cell": "83194afffffffff"},
    ]
    for query in queries:
        shown = actors.viewer.api.get("/api/v1/hexes", {"dataset": str(dataset.pk), **query}).json()
        rows = records(body(export(actors.viewer, dataset, kind="events", **query)))
        assert 0 < len(rows) < len(ROWS)
        assert len(rows) == shown["events"], query


def test_several_datasets_stand_in_one_file_by_name(actors: Actors, dataset: Dataset) -> None:
    other = published_dataset(ROWS[:1], organization=actors.organization, name="Other")
    response = export(actors.viewer, dataset, kind="events", dataset=[str(dataset.pk), str(other.pk)])
    rows = records(body(response))
    assert [row["dataset"] for row in rows] == [dataset.name] * len(ROWS) + ["Other"]
    assert "v1-and-1-more-events" in response["Content-Disposition"]


def test_nothing_selected_is_an_empty_file(actors: Actors, dataset: Dataset) -> None:
    for form in ("json", "geojson", "geojsonseq", "csv", "arrow", "parquet"):
        response = export(actors.viewer, dataset, kind="events", bbox="100,0,101,1", format=form)
        content = body(response)
        assert response.status_code == 200
        if form == "csv":
            assert records(content) == []
        elif form == "parquet":
            assert pq.read_table(io.BytesIO(content)).num_rows == 0
        elif form in {"json", "geojson"}:
            assert json.loads(content)["events" if form == "json" else "features"] == []


def test_more_events_than_the_limit_are_refused(actors: Actors, dataset: Dataset, settings: Any) -> None:
    settings.SPATIAL_EXPORT_MAX_ROWS = 3
    problem = export(actors.viewer, dataset, kind="events")
    assert (problem.status_code, problem.json()["code"]) == (422, "spatial.too_many_events")
    assert (problem.json()["events"], problem.json()["limit"]) == (5, 3)
    assert len(records(body(export(actors.viewer, dataset, kind="events", category="Theft")))) == 2


def test_two_exports_run_at_once_and_a_third_waits(
    actors: Actors, dataset: Dataset, valkey: redis.Redis
) -> None:
    first = export(actors.viewer, dataset, kind="events")
    second = export(actors.viewer, dataset)
    third = export(actors.viewer, dataset)
    assert (third.status_code, third.json()["code"]) == (429, "spatial.too_many_exports")
    assert int(third["Retry-After"]) > 0
    assert export(actors.analyst, dataset).status_code == 200
    body(first)
    for close in second._resource_closers:  # a client that never read
        close()
    assert [export(actors.viewer, dataset).status_code for _ in range(2)] == [200, 200]


def test_a_refused_question_takes_no_place(actors: Actors, dataset: Dataset, valkey: redis.Redis) -> None:
    for _ in range(3):
        assert export(actors.viewer, dataset, category="Thefd").status_code == 422
    body(export(actors.viewer, dataset))


def test_an_export_pins_its_version_and_ends_whole_when_that_is_superseded(
    actors: Actors, dataset: Dataset
) -> None:
    response = export(actors.viewer, dataset, kind="events", format="json")
    pinned = Version.objects.get(dataset=dataset).pinned_until
    assert pinned is not None
    assert timedelta(minutes=4) < pinned - datetime.now(UTC) <= timedelta(minutes=5)
    publish(dataset, [ROWS[:1]])
    found = json.loads(body(response))
    assert len(found["events"]) == len(ROWS)
    assert found["datasets"][0]["version"] == 1


def test_an_export_whose_version_is_dropped_breaks_off(dataset: Dataset, valkey: redis.Redis) -> None:
    """Better no end than a file that looks whole."""
    version = Version.objects.get(dataset=dataset)
    hold = Hold.take("user", [version.pk], datetime.now(UTC))
    pieces = held(hold, iter([b"a", b"b"]))
    assert next(pieces) == b"a"
    Version.objects.update(dropped_at=datetime.now(UTC))
    assert next(pieces) == b"b"
    with pytest.raises(VersionGone):
        next(pieces)
    assert valkey.zcard("sextant:exports:user") == 0


def test_a_hold_is_renewed_every_minute_for_half_an_hour(dataset: Dataset, valkey: redis.Redis) -> None:
    version = Version.objects.get(dataset=dataset)
    began = datetime.now(UTC)
    hold = Hold.take("user", [version.pk], began)
    for seconds, pinned in ((59, 300), (61, 361), (100, 361), (122, 422)):
        hold.check(began + timedelta(seconds=seconds))
        version.refresh_from_db()
        assert version.pinned_until == began + timedelta(seconds=pinned)
    with pytest.raises(ExportTooSlow):
        hold.check(began + timedelta(minutes=31))


def test_strangers_find_nothing_and_nobody_signs_in_first(
    actors: Actors, dataset: Dataset, client: Any
) -> None:
    assert export(actors.stranger, dataset).status_code == 404
    assert client.get(f"/api/v1/export?dataset={dataset.pk}").status_code == 401
    for role in ("viewer", "analyst", "manager", "admin"):
        body(export(getattr(actors, role), dataset))


@pytest.mark.parametrize(
    "parameters", [{"format": "columns"}, {"kind": "rows"}, {"safe": "no"}, {"bom": "x"}, {"bbox": ""}]
)
def test_wrong_parameters_are_refused(actors: Actors, dataset: Dataset, parameters: dict[str, str]) -> None:
    response = export(actors.viewer, dataset, **parameters)
    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json")


def test_an_area_selects_events_as_it_selects_cells(actors: Actors, dataset: Dataset) -> None:
    ring = [[-1, 51], [1, 51], [1, 52], [-1, 52], [-1, 51]]
    area = {"name": "South", "polygon": {"type": "Polygon", "coordinates": [ring]}}
    made = actors.manager.api.post("/api/v1/areas", area, format="json")
    assert made.status_code == 201, made.content
    rows = records(body(export(actors.viewer, dataset, kind="events", area=made.json()["id"])))
    assert {row["category"] for row in rows} == {"Theft", "Burglary"}
    assert len(rows) == 3
