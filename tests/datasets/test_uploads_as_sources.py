"""Complete uploads are what an import reads, without a copy and as often as one likes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.accounts.permissions import system_actor
from apps.datasets.models import Dataset, Import, Upload
from apps.datasets.pruning import erase_data
from apps.datasets.upload_services import expire_upload
from tests.datasets.sending import begin, code, uploaded
from tests.datasets.stories import ROWS, counts, csv
from tests.furniture.people import Actors, Person

pytestmark = pytest.mark.django_db(transaction=True)


def test_uploads_become_a_dataset_of_their_name(actors: Actors, run_jobs: Callable[[], int]) -> None:
    ids = [uploaded(actors.analyst, csv(*ROWS[:2]), "City.csv"), uploaded(actors.analyst, csv(*ROWS[2:]))]

    response = actors.analyst.api.post(
        "/api/v1/datasets", {"source": {"kind": "upload", "upload_ids": ids}}, format="json"
    )
    assert response.status_code == 202, response.content
    run_jobs()

    assert response.json()["dataset"]["name"] == "City.csv"
    row = actors.analyst.api.get(response["Location"]).json()
    assert (row["status"], counts(row)) == ("succeeded", (4, 4, 0, 0))


def test_an_upload_can_be_tried_first_and_imported_then(actors: Actors, run_jobs: Callable[[], int]) -> None:
    upload_id = uploaded(actors.analyst)
    dataset = actors.analyst.api.post("/api/v1/datasets", {"name": "City"}, format="json").json()
    imports = f"/api/v1/datasets/{dataset['id']}/imports"
    source = {"kind": "upload", "upload_ids": [upload_id]}

    outcomes = []
    for dry_run in (True, False, False):
        body = {"source": source, "dry_run": dry_run}
        response = actors.analyst.api.post(imports, body, format="json")
        assert response.status_code == 202, response.content
        run_jobs()
        outcomes.append(actors.analyst.api.get(response["Location"]).json()["outcome"])

    assert outcomes == ["dry_run", "published", "unchanged"]


def load(person: Person, **source: Any) -> Any:
    body = {"name": "City", "source": {"kind": "upload", **source}}
    return person.api.post("/api/v1/datasets", body, format="json")


def test_a_source_names_its_uploads(actors: Actors) -> None:
    assert load(actors.analyst).json()["errors"][0]["pointer"] == "/source/upload_ids"
    for wrong in ([], ["x"]):
        assert load(actors.analyst, upload_ids=wrong).status_code == 422


def test_only_complete_uploads_of_ones_own_are_imported(actors: Actors) -> None:
    begun = begin(actors.analyst)["Location"].rpartition("/")[2]
    assert code(load(actors.analyst, upload_ids=[begun])) == (409, "datasets.upload_incomplete")

    strange = load(actors.analyst, upload_ids=[uploaded(actors.manager)])
    assert strange.status_code == 422
    assert strange.json()["errors"][0]["pointer"] == "/source/upload_ids/0"

    mine = uploaded(actors.analyst)
    assert code(load(actors.analyst, upload_ids=[mine, mine])) == (422, "datasets.file_repeated")
    Upload.objects.update(expires_at=timezone.now())
    assert code(load(actors.analyst, upload_ids=[mine])) == (410, "datasets.upload_expired")
    assert not Import.objects.exists()


def test_an_import_keeps_the_file_of_an_upload_that_expires(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    source = {"kind": "upload", "upload_ids": [uploaded(actors.analyst)]}
    response = actors.analyst.api.post("/api/v1/datasets", {"source": source}, format="json")

    expire_upload(actor=system_actor(actors.organization), upload=Upload.objects.get())
    run_jobs()

    assert actors.analyst.api.get(response["Location"]).json()["status"] == "succeeded"


def test_the_file_goes_with_the_last_that_holds_it(actors: Actors, run_jobs: Callable[[], int]) -> None:
    source = {"kind": "upload", "upload_ids": [uploaded(actors.analyst)]}
    for name in ("One", "Two"):
        actors.analyst.api.post("/api/v1/datasets", {"name": name, "source": source}, format="json")
    run_jobs()
    one, two = Dataset.objects.order_by("name")

    erase_data(one, timezone.now())
    expire_upload(actor=system_actor(actors.organization), upload=Upload.objects.get())
    assert len(default_storage.listdir("resumable")[1]) == 1
    erase_data(two, timezone.now())

    assert default_storage.listdir("resumable")[1] == []
