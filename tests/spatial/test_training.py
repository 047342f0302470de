"""A model is trained by a job: panel, rolling origin, artifact, metrics."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.furniture.people import Actors
from tests.spatial.forecast_stories import city, create_model, train

pytestmark = pytest.mark.django_db


def test_a_training_saves_an_artifact_and_its_metrics(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset = city(actors.organization)
    model = create_model(actors.analyst, dataset)
    assert model["state"] == "draft"
    run = train(actors.analyst, model, run_jobs)
    assert run["status"] == "succeeded", run
    body: Any = actors.viewer.api.get(f"/api/v1/models/{model['id']}/metrics").json()
    assert body["artifact"] == 1
    assert set(body["metrics"]["methods"]) == {"boosting", "mean", "decay", "last"}
