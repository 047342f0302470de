"""Lists of datasets run the same number of queries for one and for twenty rows."""

from functools import partial
from itertools import count

import pytest

from apps.datasets.models import Dataset, Import, ImportFile, Profile, Reject, Version
from apps.datasets.upload_services import begin_upload
from tests.factories.datasets import EventRow, publish, published_dataset
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(actors: Actors) -> Dataset:
    return published_dataset([EventRow(51.5, -0.1)], organization=actors.organization)


def add_import(dataset: Dataset) -> Import:
    row = Import.objects.create(
        dataset=dataset, created_by=dataset.created_by, options={}, version=dataset.current_version
    )
    row.refresh_from_db()
    return row


def test_uploads(actors: Actors, same_queries: Check) -> None:
    def make() -> None:
        begin_upload(actor=actors.analyst.actor, length=1)

    address = "/api/v1/datasets/uploads"
    same_queries(f"GET {address}", make, lambda: actors.analyst.api.get(address))


def test_profiles(actors: Actors, same_queries: Check) -> None:
    numbers = count()

    def make() -> None:
        Profile.objects.create(
            organization=actors.organization, name=f"P{next(numbers)}", created_by=actors.admin.user
        )

    address = "/api/v1/profiles"
    same_queries(f"GET {address}", make, lambda: actors.viewer.api.get(address))


def test_datasets(actors: Actors, same_queries: Check) -> None:
    numbers = count()

    def make() -> None:
        row = published_dataset(
            [EventRow(51.5, -0.1)], organization=actors.organization, name=f"D{next(numbers)}"
        )
        Dataset.objects.filter(pk=row.pk).update(created_by=actors.admin.user)

    same_queries("GET /api/v1/datasets", make, lambda: actors.viewer.api.get("/api/v1/datasets"))


def test_imports(actors: Actors, same_queries: Check, dataset: Dataset) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(created_by=actors.admin.user)
    dataset.refresh_from_db()
    for path in ("imports", f"datasets/{dataset.pk}/imports"):
        name = f"GET /api/v1/{path.replace(str(dataset.pk), '{id}')}"
        call = partial(actors.viewer.api.get, f"/api/v1/{path}")
        same_queries(name, partial(add_import, dataset), call)


def test_versions(actors: Actors, same_queries: Check, dataset: Dataset) -> None:
    path = f"/api/v1/datasets/{dataset.pk}/versions"

    def make() -> Version:
        return publish(dataset, [[EventRow(51.5, -0.1)]])

    same_queries("GET /api/v1/datasets/{id}/versions", make, lambda: actors.viewer.api.get(path))


def test_rejects(actors: Actors, same_queries: Check, dataset: Dataset) -> None:
    row = add_import(dataset)
    numbers = count()

    def make() -> Reject:
        return Reject.objects.create(
            dataset_no=dataset.no, import_no=row.no, seq=next(numbers), kind="rejected", file_no=1, record=1,
            code="row_blank", raw=b",,\n",
        )  # fmt: skip

    path = f"/api/v1/imports/{row.pk}/rejects"
    same_queries("GET /api/v1/imports/{id}/rejects", make, lambda: actors.analyst.api.get(path))


def test_files(actors: Actors, same_queries: Check, dataset: Dataset) -> None:
    row = add_import(dataset)
    numbers = count(1)

    def make() -> ImportFile:
        return ImportFile.objects.create(
            source_import=row, file_no=next(numbers), name="a.csv", storage_name="x", bytes=1, sha256=b"x"
        )

    path = f"/api/v1/imports/{row.pk}/files"
    same_queries("GET /api/v1/imports/{id}/files", make, lambda: actors.viewer.api.get(path))


def test_pages_of_evidence_follow_each_other(actors: Actors, dataset: Dataset) -> None:
    row = add_import(dataset)
    Reject.objects.bulk_create(
        Reject(
            dataset_no=dataset.no, import_no=row.no, seq=seq, kind="rejected", file_no=1, record=1,
            code="row_blank", raw=b",,\n",
        )
        for seq in range(5)
    )  # fmt: skip
    address, seen = f"/api/v1/imports/{row.pk}/rejects?page_size=2", []
    while address:
        page = actors.analyst.api.get(address).json()
        seen += [reject["seq"] for reject in page["results"]]
        address = page["next"]
    assert seen == [0, 1, 2, 3, 4]


def test_events(actors: Actors, same_queries: Check, dataset: Dataset) -> None:
    path = f"/api/v1/datasets/{dataset.pk}/events"

    def make() -> Version:
        # A segment more each time: what is read must not depend on their number either.
        current = list(dataset.segments.order_by("no"))
        return publish(dataset, [[EventRow(51.5, -0.1)]], keep=current)

    same_queries("GET /api/v1/datasets/{id}/events", make, lambda: actors.viewer.api.get(path))
