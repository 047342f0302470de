"""Pages of datasets: who sees what, empty states, imports and their evidence."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.common.db import JobStatus
from apps.datasets.models import Dataset, Import, ImportFile, Reject, Version
from apps.datasets.states import Outcome
from tests.factories.datasets import EventRow, published_dataset
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

RAW = "é,2023-01,,,Other theft\r\n".encode("cp1252")


def make_dataset(actors: Actors, name: str = "Incidents") -> Dataset:
    return published_dataset([EventRow(51.5, -0.1)], organization=actors.organization, name=name)


def make_import(dataset: Dataset, **fields: Any) -> Import:
    row = Import.objects.create(dataset=dataset, **fields)
    row.refresh_from_db()
    ImportFile.objects.create(
        source_import=row,
        file_no=1,
        name="incidents.csv",
        storage_name="x",
        bytes=10,
        sha256=b"\0" * 32,
        dialect={"encoding": "cp1252"},
    )
    return row


def finished_import(dataset: Dataset) -> Import:
    row = make_import(
        dataset,
        status=JobStatus.SUCCEEDED,
        outcome=Outcome.PUBLISHED,
        version=dataset.current_version,
        rows_read=12_345,
        accepted=12_343,
        rejected=2,
        reject_counts=[{"code": "coordinate_missing", "column": "Latitude", "n": 2}],
    )
    for seq in (1, 2):
        Reject.objects.create(
            dataset_no=dataset.no,
            import_no=row.no,
            seq=seq,
            kind="rejected",
            file_no=1,
            record=seq,
            line=seq + 675,
            column_name="Latitude",
            code="coordinate_missing" if seq == 1 else "nul_byte",
            raw=RAW,
        )
    return row


def import_address(row: Import) -> str:
    return f"/datasets/{row.dataset_id}/imports/{row.pk}/"


def test_an_empty_list_says_what_to_do_next(actors: Actors) -> None:
    page = actors.analyst.browser.get("/datasets/").content.decode()
    assert 'href="/datasets/new"' in page
    assert "curl -H" in page
    assert 'href="/datasets/new"' not in actors.viewer.browser.get("/datasets/").content.decode()


def test_the_list_shows_the_organization_its_own_datasets(actors: Actors) -> None:
    make_dataset(actors, "Thefts & more <b>")
    assert "Thefts &amp; more &lt;b&gt;" in actors.viewer.browser.get("/datasets/").content.decode()
    assert "Thefts" not in actors.stranger.browser.get("/datasets/").content.decode()


def test_search_finds_by_part_of_the_name(actors: Actors) -> None:
    make_dataset(actors, "Harbour incidents")
    make_dataset(actors, "Road works")
    page = actors.viewer.browser.get("/datasets/?search=HARBOUR").content.decode()
    assert "Harbour incidents" in page
    assert "Road works" not in page
    assert "No dataset is called" in actors.viewer.browser.get("/datasets/?search=zzz").content.decode()


def test_the_list_takes_the_same_queries_for_one_and_for_twenty(actors: Actors, same_queries: Check) -> None:
    def make_row() -> None:
        dataset = make_dataset(actors, f"Dataset {Dataset.objects.count()}")
        make_import(dataset, status=JobStatus.QUEUED)

    same_queries("GET /datasets/", make_row, lambda: actors.viewer.browser.get("/datasets/"))
    same_queries("GET /datasets/card", make_row, lambda: actors.viewer.browser.get("/datasets/card"))


def test_a_dataset_shows_versions_and_imports(actors: Actors) -> None:
    dataset = make_dataset(actors)
    row = finished_import(dataset)
    page = actors.viewer.browser.get(f"/datasets/{dataset.pk}/").content.decode()
    assert import_address(row) in page
    assert "12,343" in page
    assert f"/map/?dataset={dataset.pk}" in page


def test_a_finished_import_reconciles_and_offers_its_evidence(actors: Actors) -> None:
    row = finished_import(make_dataset(actors))
    page = actors.analyst.browser.get(import_address(row)).content.decode()
    for figure in ("12,345", "12,343", "incidents.csv", "is published with 1 event"):
        assert figure in page
    assert f"/api/v1/imports/{row.pk}/rejects?format=raw" in page
    viewed = actors.viewer.browser.get(import_address(row)).content.decode()
    assert "coordinate_missing" in viewed
    assert "rejects?format=raw" not in viewed


def test_rejects_show_line_column_code_and_the_row_in_its_encoding(actors: Actors) -> None:
    row = finished_import(make_dataset(actors))
    address = f"{import_address(row)}rejects"
    page = actors.analyst.browser.get(address).content.decode()
    # As whole numbers: an id in an address may hold the same digits.
    assert re.search(r"\b676\b", page)
    assert re.search(r"\b677\b", page)
    assert "é,2023-01,,,Other theft" in page
    only = actors.analyst.browser.get(f"{address}?code=nul_byte").content.decode()
    assert re.search(r"\b677\b", only)
    assert not re.search(r"\b676\b", only)
    assert actors.viewer.browser.get(address).status_code == 403


def test_a_running_import_can_be_cancelled_and_a_failed_one_tried_again(actors: Actors) -> None:
    dataset = make_dataset(actors)
    running = make_import(dataset, status=JobStatus.RUNNING, stage="read", progress=0.4321)
    page = actors.analyst.browser.get(import_address(running)).content.decode()
    assert 'value="0.4321"' in page
    assert 'data-act="cancel"' in page
    assert 'data-act="cancel"' not in actors.viewer.browser.get(import_address(running)).content.decode()
    failed = make_import(
        dataset, status=JobStatus.FAILED, error_code="datasets.empty", error_detail="There is no row."
    )
    page = actors.analyst.browser.get(import_address(failed)).content.decode()
    assert "There is no row." in page
    assert "/problems/datasets.empty" in page
    assert 'data-act="retry"' in page


def test_a_waiting_import_asks_for_the_mapping(actors: Actors) -> None:
    row = make_import(make_dataset(actors), status=JobStatus.WAITING)
    assert 'id="mapping-form"' in actors.analyst.browser.get(import_address(row)).content.decode()
    assert 'id="mapping-form"' not in actors.viewer.browser.get(import_address(row)).content.decode()


def test_the_wizard_is_for_those_who_may_create(actors: Actors) -> None:
    assert actors.analyst.browser.get("/datasets/new").status_code == 200
    assert actors.viewer.browser.get("/datasets/new").status_code == 403


@pytest.mark.parametrize(
    "path", ["/datasets/{d}/", "/datasets/{d}/imports/{i}/", "/datasets/{d}/imports/{i}/rejects"]
)
def test_things_of_another_organization_are_not_there(actors: Actors, path: str) -> None:
    dataset = make_dataset(actors)
    address = path.format(d=dataset.pk, i=finished_import(dataset).pk)
    assert actors.admin.browser.get(address).status_code == 200
    assert actors.stranger.browser.get(address).status_code == 404
    assert actors.anonymous.browser.get(address).status_code == 302


def test_files_can_be_imported_into_a_dataset_that_is_there(actors: Actors) -> None:
    dataset = make_dataset(actors)
    address = f"/datasets/{dataset.pk}/imports/new"
    page = actors.manager.browser.get(address).content.decode()
    assert f'data-action="/api/v1/datasets/{dataset.pk}/imports"' in page
    assert 'id="dry-run" checked disabled' not in page
    # Somebody else's dataset: an analyst may try, not publish.
    assert 'id="dry-run" checked disabled' in actors.analyst.browser.get(address).content.decode()
    assert actors.viewer.browser.get(address).status_code == 403
    assert actors.stranger.browser.get(address).status_code == 404


def test_days_of_the_data_are_those_of_its_zone(actors: Actors) -> None:
    dataset = make_dataset(actors)
    version = dataset.current_version
    assert version is not None
    Version.objects.filter(pk=version.pk).update(first_at=datetime(2023, 6, 30, 23, 0, tzinfo=UTC))
    Dataset.objects.filter(pk=dataset.pk).update(zone="Europe/London")
    page = actors.viewer.browser.get("/datasets/").content.decode()
    assert 'title="30 Jun 2023, 23:00 UTC" data-localized>1 Jul 2023</time>' in page


def test_an_import_is_not_shown_under_another_dataset(actors: Actors) -> None:
    row = finished_import(make_dataset(actors))
    other = make_dataset(actors, "Other")
    assert actors.admin.browser.get(f"/datasets/{other.pk}/imports/{row.pk}/").status_code == 404
