"""Cells as CSV, Arrow, GeoParquet and a sequence of features: the figures of JSON, in other shapes."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from apps.datasets.models import Dataset
from apps.spatial.formats.writers import Layout, TableFormat, write_table
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.spatial.known_data import earthquakes, london

pytestmark = pytest.mark.django_db
Get = Callable[..., Any]
STREAM = "application/vnd.apache.arrow.stream"


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    rows = [
        EventRow(51.5, -0.1, category="Theft", value=1.0),
        EventRow(51.5, -0.1, category="Theft", value=3.0),
        EventRow(51.5, -0.1, category='=SUM("A1")'),
        EventRow(-17.0, 179.99, category="Theft", label="night"),
    ]
    return published_dataset(rows, organization=actors.organization)


@pytest.fixture
def get(actors: Actors, dataset: Dataset) -> Get:
    """Give a function that asks for cells of the dataset at resolution 3 as a viewer."""

    def answer(**parameters: Any) -> Any:
        query: dict[str, Any] = {"dataset": str(dataset.pk), "resolution": 3, **parameters}
        return actors.viewer.api.get("/api/v1/hexes", query)

    return answer


def rows_of(response: Any) -> list[dict[str, Any]]:
    """Return the rows of a table in any of the formats."""
    if response["Content-Type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(response.content.decode())))
    if response["Content-Type"] == STREAM:
        return pa.ipc.open_stream(response.content).read_all().to_pylist()
    return pq.read_table(io.BytesIO(response.content)).to_pylist()


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_tables_hold_the_same_figures_as_rows(get: Get, form: str) -> None:
    expected = get(include="categories,labels,value").json()["cells"]
    response = get(include="categories,labels,value", format=form)
    assert (response.status_code, response["Sextant-Rows"]) == (200, "2")
    rows = rows_of(response)
    assert [row["h3"] for row in rows] == [cell["h3"] for cell in expected]
    for row, cell in zip(rows, expected, strict=True):
        assert int(row["count"]) == cell["count"]
        for name in ("Theft", '=SUM("A1")'):
            assert int(row[f"category:{name}"]) == cell["categories"].get(name, 0)
        assert int(row["label:night"]) == cell["labels"].get("night", 0)
        mean = row["value_mean"]
        assert (float(mean) if mean not in {"", None} else None) == (cell["value"] or {}).get("mean")


def test_numbers_stand_without_quotes_and_text_within(get: Get) -> None:
    lines = get(format="csv", include="value").content.decode().splitlines()
    assert lines[0].startswith('"h3","count","value_n"')
    assert '"83194afffffffff",3,2,4,2,1,3,' in lines[1]
    assert lines[2].endswith(",1,0,,,,,,")


def test_the_citation_stands_in_metadata_or_in_a_header(get: Get, dataset: Dataset) -> None:
    cited = {"id": str(dataset.pk), "version": 1, "zone": "UTC"}
    window = {"from": "2023-01-01", "to": "2023-01-31"}
    arrow = pa.ipc.open_stream(get(format="arrow", **window).content).schema
    parquet = pq.read_schema(io.BytesIO(get(format="parquet", **window).content))
    header = json.loads(get(format="csv", **window)["Sextant-Citation"])
    for found in (*(json.loads(schema.metadata[b"sextant"]) for schema in (arrow, parquet)), header):
        assert found["datasets"] == [cited]
        assert found["window"] == {"from": "2023-01-01T00:00:00Z", "to": "2023-02-01T00:00:00Z"}
        assert found["filters"]["category"] == []


def test_long_filters_do_not_stand_in_a_header(get: Get) -> None:
    short, long = (
        get(format="csv", label=["night"]),
        get(format="csv", label=["night"] * 50, category=['=SUM("A1")'] * 50),
    )
    assert json.loads(short["Sextant-Citation"])["filters"]["label"] == ["night"]
    assert json.loads(long["Sextant-Citation"])["filters"] is None


def test_geoparquet_holds_outlines_that_are_cut_at_180_degrees(get: Get) -> None:
    content = io.BytesIO(get(format="parquet").content)
    table = pq.read_table(content)
    geo = json.loads(table.schema.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert geo["columns"]["geometry"]["geometry_types"] == ["Polygon", "MultiPolygon"]
    london, fiji = (shapely.from_wkb(wkb) for wkb in table["geometry"].to_pylist())
    assert london.contains(shapely.Point(-0.1, 51.5))
    assert fiji.geom_type == "MultiPolygon"
    assert fiji.is_valid
    assert fiji.contains(shapely.Point(179.99, -17.0))


def test_outlines_are_text_in_csv_and_bytes_in_arrow(get: Get) -> None:
    texts = [shapely.from_wkt(row["geometry"]) for row in rows_of(get(format="csv", include="geometry"))]
    bytes_ = [shapely.from_wkb(row["geometry"]) for row in rows_of(get(format="arrow", include="geometry"))]
    # Bytes have room for the whole coordinates, texts have six decimals of them.
    assert all(map(shapely.equals_exact, texts, bytes_, [1e-6] * 2))
    assert [shape.geom_type for shape in texts] == ["Polygon", "MultiPolygon"]


def test_a_sequence_has_a_separator_before_each_feature(get: Get) -> None:
    response = get(format="geojsonseq")
    assert response["Content-Type"] == "application/geo+json-seq"
    empty, *texts = response.content.split(b"\x1e")
    assert empty == b""
    assert all(text.endswith(b"\n") for text in texts)
    assert [json.loads(text) for text in texts] == get(format="geojson").json()["features"]


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet", "geojsonseq"])
def test_nothing_selected_is_a_table_without_rows(get: Get, form: str) -> None:
    response = get(format=form, bbox="100,0,101,1")
    assert (response.status_code, response["Sextant-Rows"]) == (200, "0")
    assert response.content == b"" if form == "geojsonseq" else rows_of(response) == []


def test_the_accept_header_chooses_a_table(actors: Actors, dataset: Dataset) -> None:
    for media_type in ("text/csv", STREAM, "application/vnd.apache.parquet"):
        query: dict[str, Any] = {"dataset": str(dataset.pk), "resolution": 7}
        response = actors.viewer.api.get("/api/v1/hexes", query, HTTP_ACCEPT=media_type)
        assert response["Content-Type"].startswith(media_type)


def test_the_same_question_has_the_same_bytes(get: Get) -> None:
    for form in ("csv", "arrow", "parquet", "geojsonseq"):
        first, second = get(format=form), get(format=form)
        assert first["ETag"] == second["ETag"]


def test_only_text_that_a_spreadsheet_would_run_is_guarded() -> None:
    """Numbers are never touched: -5 stays -5."""
    texts = ["=cmd()", "-5", "+44", "@x", "\tx", "\rx", "\uff1dx", "\uff20x", "plain", "a=b", "", None]
    batch = pa.RecordBatch.from_pydict({"text": texts, "number": [-5.0] * len(texts)})

    def written(*, guarded: bool) -> list[str]:
        layout = Layout(batch.schema, {}, guarded=guarded)
        content = b"".join(write_table(TableFormat.CSV, layout, [batch])).decode()
        rows = list(csv.reader(io.StringIO(content, newline="")))[1:]
        assert {row[1] for row in rows} == {"-5"}
        return [row[0] for row in rows]

    plain = ["plain", "a=b", "", ""]
    assert written(guarded=True) == [*(f"'{text}" for text in texts[:8]), *plain]
    assert written(guarded=False) == [*texts[:8], *plain]


def test_the_known_figures_stand_in_every_format(actors: Actors) -> None:
    """Places-maps.md section 8: London in a box at 9, earthquakes across 180 degrees at 3."""
    city, quakes = london(actors.organization), earthquakes(actors.organization)

    def answered(dataset: Dataset, **parameters: Any) -> Any:
        return actors.viewer.api.get("/api/v1/hexes", {"dataset": str(dataset.pk), **parameters})

    for form in ("csv", "arrow", "parquet"):
        rows = rows_of(answered(city, bbox="-0.12,51.50,-0.07,51.53", resolution=9, format=form))
        assert (len(rows), sum(int(row["count"]) for row in rows)) == (75, 8_439)
        assert max((int(row["count"]), row["h3"]) for row in rows) == (820, "89194ad30c7ffff")
        rows = rows_of(answered(quakes, resolution=3, format=form))
        (cell,) = [row for row in rows if row["h3"] == "837686fffffffff"]
        assert (int(cell["value_n"]), float(cell["value_mean"])) == (169, 5.84319527)
        assert (float(cell["value_lower"]), float(cell["value_upper"])) == (5.78403711, 5.90235342)
    table = pq.read_table(io.BytesIO(answered(quakes, resolution=3, format="parquet").content))
    shapes = [shapely.from_wkb(wkb) for wkb in table["geometry"].to_pylist()]
    assert all(shape.is_valid for shape in shapes)
    cut: list[Any] = [
        count
        for shape, count in zip(shapes, table["count"].to_pylist(), strict=True)
        if shape.geom_type == "MultiPolygon"
    ]
    assert (len(shapes), len(cut), sum(cut)) == (3_530, 34, 382)
