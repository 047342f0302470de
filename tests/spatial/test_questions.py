"""POST /questions: what is answered, what is refused, and that the map says the same."""

from typing import Any

import pytest

from apps.datasets.models import Dataset
from tests.furniture.people import Actors
from tests.spatial.known_data import london

pytestmark = pytest.mark.django_db


def ask(actors: Actors, dataset: Dataset | None, question: str, **fields: Any) -> Any:
    body: dict[str, Any] = {"question": question, **fields}
    if dataset is not None:
        body["dataset"] = str(dataset.pk)
    return actors.viewer.api.post("/api/v1/questions", body, format="json")


def test_shoplifting_in_october(actors: Actors) -> None:
    dataset = london(actors.organization)
    body = ask(actors, dataset, "How many shoplifting incidents in October 2023?").json()
    assert body["result"]["events"] == 112
    assert actors.viewer.api.get(body["api_url"]).json()["events"] == 112
