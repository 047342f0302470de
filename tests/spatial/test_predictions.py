"""A trained model forecasts: cells with interval, baseline and rank, in every form."""

from collections.abc import Callable
from typing import Any

import h3.api.basic_int as h3
import mapbox_vector_tile
import pytest

from apps.spatial.models import PredictionCell
from tests.furniture.people import Actors
from tests.spatial.forecast_stories import HOT, city, create_model, predict, train

pytestmark = pytest.mark.django_db
Json = dict[str, Any]


@pytest.fixture
def model(actors: Actors, run_jobs: Callable[[], int]) -> Json:
    """Return a trained model."""
    created = create_model(actors.analyst, city(actors.organization))
    assert train(actors.analyst, created, run_jobs)["status"] == "succeeded"
    return created


def test_a_prediction_ranks_cells_and_cites_its_source(
    actors: Actors, run_jobs: Callable[[], int], model: Json
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
