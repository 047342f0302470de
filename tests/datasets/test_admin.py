"""Staff look at datasets, imports, versions and segments in the admin and act by services."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.datasets.models import Dataset, Import, Version
from tests.datasets.stories import BAD, ROWS, add, csv, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(transactional_db: None) -> Client:
    user = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    client = Client()
    client.force_login(user)
    return client


def act(staff: Client, model: str, action: str, row: Any) -> None:
    body = {"action": action, "_selected_action": [str(row.pk)]}
    assert staff.post(f"/admin/datasets/{model}/", body).status_code == 302


def test_lists_and_details_show_what_there_is(
    actors: Actors, run_jobs: Callable[[], int], staff: Client
) -> None:
    made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events <b>")
    for model in ("dataset", "import", "version", "segment"):
        assert staff.get(f"/admin/datasets/{model}/").status_code == 200
    row = Import.objects.get()

    page = staff.get(f"/admin/datasets/import/{row.pk}/change/").content.decode()

    assert "coordinate_out_of_range" in page
    assert "events.csv" in page
    assert "Events &lt;b&gt;" in staff.get("/admin/datasets/dataset/").content.decode()


def test_an_old_version_is_restored_and_another_dropped(
    actors: Actors, run_jobs: Callable[[], int], staff: Client
) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    add(actors.analyst, dataset["id"], upload(csv(*ROWS[:1])))
    run_jobs()

    act(staff, "version", "restore", Version.objects.get(number=1))
    act(staff, "version", "drop_now", Version.objects.get(number=2))
    act(staff, "version", "drop_now", Version.objects.get(number=3))

    assert Dataset.objects.get().current_version == Version.objects.get(number=3)
    dropped = Version.objects.filter(dropped_at__isnull=False).values_list("number", flat=True)
    assert list(dropped) == [2]


def test_a_failed_import_is_retried_and_a_dataset_deleted(
    actors: Actors, run_jobs: Callable[[], int], staff: Client
) -> None:
    made(actors.analyst, run_jobs, upload(csv(*ROWS[:3], BAD)), name="Events")
    row = Import.objects.get()

    act(staff, "import", "retry", row)
    row.refresh_from_db()
    assert row.status == "queued"
    act(staff, "import", "cancel", row)
    act(staff, "dataset", "delete_chosen", Dataset.objects.get())

    row.refresh_from_db()
    assert row.status == "cancelled"
    assert not Dataset.objects.living().exists()
