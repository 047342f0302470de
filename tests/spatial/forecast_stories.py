"""A small city with hot cells for forecasts, and the calls that most tests make."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from apps.accounts.models import Organization
from apps.datasets.models import Dataset
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Person

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
WEEKS = 16
HOT = ((51.50, -0.12), (51.52, -0.08))


def events(weeks: int = WEEKS, per_week: int = 30, seed: int = 1) -> list[EventRow]:
    """Return events of whole weeks: half of them at two places, the others scattered."""
    random = Random(seed)
    rows = []
    for week in range(weeks):
        for number in range(per_week):
            at = START + timedelta(weeks=week, hours=random.uniform(0, 167))
            place = HOT[number % 2] if number % 4 < 2 else (51.5, -0.1)
            spread = 0.001 if number % 4 < 2 else 0.03
            latitude, longitude = (random.gauss(middle, spread) for middle in place)
            rows.append(EventRow(latitude, longitude, at, category="theft" if number % 3 else "noise"))
    edges = (START, START + timedelta(weeks=weeks, hours=-1))
    return [*rows, *(EventRow(*HOT[0], at, category="theft") for at in edges)]


def city(organization: Organization, name: str = "City", **shape: Any) -> Dataset:
    """Return a published dataset of such events."""
    return published_dataset(events(**shape), organization=organization, name=name)


def create_model(person: Person, dataset: Dataset, **settings: Any) -> dict[str, Any]:
    """Create a weekly model with few, small trees."""
    body = {
        "name": "Weekly",
        "dataset": str(dataset.pk),
        "period": "week",
        "origins": 3,
        "hyperparameters": {"max_iter": 50, "max_leaf_nodes": 4, "min_samples_leaf": 20},
        **settings,
    }
    response = person.api.post("/api/v1/models", body, format="json")
    assert response.status_code == 201, response.content
    created: dict[str, Any] = response.json()
    return created


def train(person: Person, model: dict[str, Any], run_jobs: Callable[[], int], **body: Any) -> dict[str, Any]:
    """Train a model here and now; return the run's answer."""
    response = person.api.post(f"/api/v1/models/{model['id']}/train", body, format="json")
    assert response.status_code == 202, response.content
    run_jobs()
    run: dict[str, Any] = person.api.get(response["Location"]).json()
    return run


def predict(person: Person, run_jobs: Callable[[], int], **body: Any) -> dict[str, Any]:
    """Forecast here and now; return the prediction's answer."""
    response = person.api.post("/api/v1/predictions", body, format="json")
    assert response.status_code == 202, response.content
    run_jobs()
    made: dict[str, Any] = person.api.get(response["Location"]).json()
    return made
