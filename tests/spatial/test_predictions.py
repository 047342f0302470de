"""A trained model forecasts: cells with interval, baseline and rank, in every form."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import h3.api.basic_int as h3
import mapbox_vector_tile
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from apps.accounts.models import Notification
from apps.datasets.models import Dataset
from apps.spatial.area_services import create_area
from apps.spatial.forecast_tools import ForecastWanted, ModelsWanted, list_models, read_forecast
from apps.spatial.models import ForecastModel, Prediction, PredictionCell
from tests.furniture.people import Actors
from tests.spatial.forecast_stories import HOT, city, create_model, predict, train

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
RunJobs = Callable[[], int]


@pytest.fixture
def model(actors: Actors, run_jobs: RunJobs) -> Json:
    """Return a trained model."""
    created = create_model(actors.analyst, city(actors.organization))
    assert train(actors.analyst, created, run_jobs)["status"] == "succeeded"
    return created


def start(actors: Actors, **body: Any) -> Any:
    return actors.analyst.api.post("/api/v1/predictions", body, format="json")


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_prediction_ranks_cells_and_cites_its_source(
    actors: Actors, run_jobs: RunJobs, model: Json
) -> None:
    made = predict(actors.analyst, run_jobs, model=model["id"], horizon=2, top=5)
    assert made["status"] == "succeeded", made
    summary = made["summary"]
    assert (summary["version"], summary["artifact"]) == (1, 1)
    assert [each["period"] for each in summary["periods"]] == ["2024-04-22", "2024-04-29"]
    assert len(summary["top"]) == 5
    hottest = {h3.int_to_str(h3.latlng_to_cell(*place, 8)) for place in HOT}
    assert summary["top"][0]["h3"] in hottest
    assert summary["areas"]
    cells = actors.viewer.api.get(f"/api/v1/predictions/{made['id']}/cells").json()["cells"]
    assert len(cells) == 2 * summary["cells"] == PredictionCell.objects.count()
    assert [cell["rank"] for cell in cells[:3]] == [1, 2, 3]
    for cell in cells:
        assert 0 <= cell["lower"] <= cell["upper"]
        assert cell["lower"] <= cell["expected"] + 1
    tile = actors.viewer.api.get(f"/api/v1/predictions/{made['id']}/tiles/0/0/0.mvt")
    assert tile.status_code == 200, tile.content
    layer = mapbox_vector_tile.decode(tile.content)["cells"]
    assert layer["features"][0]["properties"].keys() >= {"expected", "rank", "h3"}
    empty = actors.viewer.api.get(f"/api/v1/predictions/{made['id']}/tiles/5/1/1.mvt")
    assert empty.status_code == 204
    notices = Notification.objects.filter(user=actors.analyst.user, kind="spatial.prediction_finished")
    assert notices.get().title == "The prediction of Weekly has finished"


def test_every_form_holds_the_same_cells(actors: Actors, run_jobs: RunJobs, model: Json) -> None:
    made = predict(actors.analyst, run_jobs, model=model["id"], horizon=2)
    address = f"/api/v1/predictions/{made['id']}/cells"
    rows = actors.viewer.api.get(address, {"period": "2024-04-29"}).json()["cells"]
    assert {row["period"] for row in rows} == {"2024-04-29"}
    columns = actors.viewer.api.get(address, {"period": "2024-04-29", "format": "columns"}).json()
    features = actors.viewer.api.get(address, {"period": "2024-04-29", "format": "geojson"}).json()[
        "features"
    ]
    for name in ("h3", "expected", "rank"):
        assert columns[name] == [row[name] for row in rows]
        assert [feature["properties"][name] for feature in features] == [row[name] for row in rows]
    table = actors.viewer.api.get(address, {"period": "2024-04-29", "format": "csv"})
    assert next(csv.DictReader(io.StringIO(table.content.decode())))["h3"] == rows[0]["h3"]
    assert json.loads(table["Sextant-Citation"])["version"] == 1
    whole = pq.read_table(io.BytesIO(actors.viewer.api.get(address, {"format": "parquet"}).content))
    assert whole.num_rows == 2 * len(rows)
    assert whole["expected"].to_pylist()[len(rows) :] == columns["expected"]
    assert json.loads(whole.schema.metadata[b"geo"])["primary_column"] == "geometry"
    assert actors.viewer.api.get(address, {"period": "2024-04-28"}).status_code == 404
    assert actors.viewer.api.get(address, {"format": "xml"}).status_code == 422


def test_the_origin_hides_what_comes_after_it(actors: Actors, run_jobs: RunJobs, model: Json) -> None:
    early = predict(actors.analyst, run_jobs, model=model["id"], origin="2024-04-03")
    assert early["summary"]["periods"][0]["period"] == "2024-04-01"
    late = predict(actors.analyst, run_jobs, model=model["id"], origin="2024-06-03")
    assert late["error"]["code"] == "spatial.origin_invalid"
    short = predict(actors.analyst, run_jobs, model=model["id"], origin="2024-01-15")
    assert short["error"]["code"] == "spatial.history_too_short"


def test_a_selection_narrows_and_an_empty_one_is_refused(
    actors: Actors, run_jobs: RunJobs, model: Json
) -> None:
    named = [h3.int_to_str(h3.latlng_to_cell(*place, 8)) for place in HOT]
    made = predict(actors.analyst, run_jobs, model=model["id"], selection={"cell": named})
    assert sorted(each["h3"] for each in made["summary"]["top"]) == sorted(named)
    assert [each["rank"] for each in made["summary"]["top"]] == [1, 2]
    ring = [[-0.13, 51.49], [-0.11, 51.49], [-0.11, 51.51], [-0.13, 51.51], [-0.13, 51.49]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    area = create_area(actor=actors.analyst.actor, name="West", aliases=[], polygon=polygon)
    by_polygon = predict(actors.analyst, run_jobs, model=model["id"], selection={"polygon": polygon})
    by_area = predict(actors.analyst, run_jobs, model=model["id"], selection={"area": str(area.pk)})
    assert 0 < by_polygon["summary"]["cells"] == by_area["summary"]["cells"] < 10
    nothing: list[Json] = [{}, {"cell": []}, {"bbox": [10, 10, 11, 11]}]
    for empty in nothing:
        response = start(actors, model=model["id"], selection=empty)
        assert code(response) == (422, "spatial.selection_empty"), empty
    both = {"cell": named, "bbox": [0, 0, 1, 1]}
    assert code(start(actors, model=model["id"], selection=both)) == (422, "spatial.selection_invalid")


def test_an_area_is_forecast_whole_and_events_outside_are_none_of_its(
    actors: Actors, run_jobs: RunJobs
) -> None:
    ring = [[-0.14, 51.48], [-0.06, 51.48], [-0.06, 51.54], [-0.14, 51.54], [-0.14, 51.48]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    area = create_area(actor=actors.analyst.actor, name="Middle", aliases=[], polygon=polygon)
    dataset = city(actors.organization)
    model = create_model(actors.analyst, dataset, area=str(area.pk), tag="middle")
    run = train(actors.analyst, model, run_jobs)
    assert run["metrics"]["cells"] == len(h3.geo_to_cells(polygon, 8))
    actors.manager.api.post(f"/api/v1/models/{model['id']}/activate")
    assert code(start(actors, tag="middle")) == (404, "not_found")
    made = predict(actors.analyst, run_jobs, tag="middle", area=str(area.pk))
    assert made["model"] == model["id"]
    assert made["summary"]["cells"] == run["metrics"]["cells"]


def test_wrong_requests_are_refused(actors: Actors, model: Json) -> None:
    for body in (
        {},
        {"model": model["id"], "tag": "x"},
        {"model": model["id"], "horizon": 13},
        {"model": model["id"], "top": 201},
        {"model": model["id"], "origin": "soon"},
        {"model": model["id"], "selection": {"country": "GB"}},
    ):
        assert start(actors, **body).status_code == 422, body
    draft = create_model(actors.analyst, Dataset.objects.get())
    assert code(start(actors, model=draft["id"])) == (409, "spatial.model_not_trained")
    Dataset.objects.update(deleted_at=timezone.now())
    assert code(start(actors, model=model["id"])) == (409, "datasets.gone")


def test_who_may_predict_and_see_it(actors: Actors, run_jobs: RunJobs, model: Json) -> None:
    people = ("viewer", "analyst", "manager", "stranger", "anonymous")
    body = {"model": model["id"]}
    posted = [
        actors[name].api.post("/api/v1/predictions", body, format="json").status_code for name in people
    ]
    assert posted == [403, 202, 202, 404, 401]
    run_jobs()
    row = Prediction.objects.first()
    assert row is not None
    for part in ("", "/cells", "/tiles/0/0/0.mvt"):
        address = f"/api/v1/predictions/{row.pk}{part}"
        assert [actors[name].api.get(address).status_code for name in people] == [200, 200, 200, 404, 401]
    deleted = [actors[name].api.delete(f"/api/v1/predictions/{row.pk}").status_code for name in people]
    assert deleted == [403, 403, 204, 404, 401]
    assert not PredictionCell.objects.filter(prediction_id=row.pk).exists()


def test_tools_answer_what_the_api_does(actors: Actors, run_jobs: RunJobs, model: Json) -> None:
    made = predict(actors.analyst, run_jobs, model=model["id"], top=3)
    (facts,) = list_models(actors.viewer.actor, ModelsWanted()).models
    assert (str(facts.id), facts.artifact) == (model["id"], 1)
    row = ForecastModel.objects.get()
    found = read_forecast(actors.viewer.actor, ForecastWanted(model_id=row.pk, top=3))
    assert [cell.h3 for cell in found.cells] == [each["h3"] for each in made["summary"]["top"]]
    assert found.citation.version == 1
    assert actors.viewer.api.get(found.api_url).status_code == 200
