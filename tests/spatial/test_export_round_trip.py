"""Events that were exported load again as the same events (places.md section 12, proof 5)."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from apps.datasets.models import Dataset, Event
from tests.datasets.stories import LONDON, made, upload
from tests.furniture.people import Actors, Person

pytestmark = pytest.mark.django_db(transaction=True)
COLUMNS = ("cell", "occurred_at", "precision", "lat_e7", "lon_e7", "value", "external_hash")
LINES = [
    "id,occurred_at,latitude,longitude,category,label,value,note",
    'a1,2024-01-01T10:00:00Z,51.5000001,-0.1,theft,night,-5,"two\nlines, ""quoted"""',
    "=a2,2024-01-02T11:30:00.25Z,51.51,-0.11,=noise,,0.1,-5",
    "a3,2024-01-03T12:00:00Z,-17,180,theft,,1e15,+44",
    ",2024-01-04T13:00:00Z,90,-0.13,fire,day,,",
]


def export(person: Person, dataset_id: str, **parameters: Any) -> bytes:
    response: Any = person.api.get("/api/v1/export", {"dataset": dataset_id, "kind": "events", **parameters})
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def events_of(dataset_id: str) -> list[tuple[Any, ...]]:
    number = Dataset.objects.get(pk=dataset_id).no
    return sorted(Event.objects.filter(dataset_no=number).values_list(*COLUMNS), key=repr)


def test_exported_events_load_again_as_the_same_events(actors: Actors, run_jobs: Callable[[], int]) -> None:
    first, done = made(
        actors.manager, run_jobs, upload("\n".join(LINES).encode()), name="Events", zone="Europe/Paris"
    )
    assert done["accepted"] == 4, done
    content = export(actors.manager, first["id"], safe="raw")
    again, done = made(actors.manager, run_jobs, upload(content), name="Again", zone="Europe/Paris")
    assert done["status"] == "succeeded", done
    assert events_of(again["id"]) == events_of(first["id"])
    ids = {row["external_id"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))}
    assert ids == {"a1", "=a2", "a3", ""}


def test_ids_and_properties_come_from_the_parts(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.manager, run_jobs, upload("\n".join(LINES).encode()), name="Events")
    rows = list(csv.DictReader(io.StringIO(export(actors.viewer, dataset["id"]).decode(), newline="")))
    notes = {row["external_id"]: row["properties"] for row in rows}
    assert '"note":"two\\nlines, \\"quoted\\""' in notes["a1"].replace('": "', '":"')
    assert set(notes) == {"a1", "'=a2", "a3", ""}


def test_months_of_a_real_file_load_again(actors: Actors, run_jobs: Callable[[], int]) -> None:
    if not LONDON.exists():
        pytest.skip(f"{LONDON.name} is not beside the project")
    london = upload(LONDON.read_bytes(), "london.zip")
    first, done = made(actors.manager, run_jobs, london, name="London", zone="Europe/London")
    assert done["accepted"] == 8_501
    content = export(actors.viewer, first["id"], safe="raw")
    again, done = made(actors.manager, run_jobs, upload(content), name="Again", zone="Europe/London")
    assert done["accepted"] == 8_501, done
    assert events_of(again["id"]) == events_of(first["id"])
