"""Clocks drop what nobody needs any more, and nothing else."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.datasets import pruning
from apps.datasets.models import Event, Import, ImportFile, Reject, Segment, Version
from apps.datasets.periodic import drop_segments, prune_datasets
from apps.datasets.states import SegmentState
from apps.datasets.storage.stage import stage_import_nos
from tests.datasets.stories import BAD, ROWS, add, csv, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


def age(days: float) -> None:
    """Let everything have happened so many days earlier."""
    past = timezone.now() - timedelta(days=days)
    Version.objects.update(published_at=past)
    Import.objects.update(finished_at=past, updated_at=past)
    Segment.objects.update(created_at=past)


def test_versions_beyond_their_number_go_with_their_segments(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events", keep_versions=2)
    for end in (3, 2):
        add(actors.analyst, dataset["id"], upload(csv(*ROWS[:end])))
        run_jobs()

    prune_datasets()
    assert not Version.objects.filter(dropped_at__isnull=False).exists(), "younger than an hour"
    age(1)
    prune_datasets()
    drop_segments()
    assert run_jobs() == 1

    dropped = Version.objects.filter(dropped_at__isnull=False).values_list("number", flat=True)
    assert list(dropped) == [1]
    assert Event.objects.count() == 5
    gone = actors.viewer.api.get(f"/api/v1/datasets/{dataset['id']}/versions/1")
    assert (gone.status_code, gone.json()["code"]) == (404, "datasets.version_gone")


def test_a_version_that_somebody_reads_stays_until_its_pin_runs_out(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events", keep_versions=1)
    first = Version.objects.get()
    add(actors.analyst, dataset["id"], upload(csv(*ROWS[:3])))
    run_jobs()
    age(1)
    now = timezone.now()
    assert Version.objects.pin(first.pk, now + timedelta(minutes=5))
    assert Version.objects.pin(first.pk, now + timedelta(minutes=1)), "the longer pin decides"

    prune_datasets()
    assert Version.objects.filter(dropped_at__isnull=True).count() == 2

    assert pruning.drop_old_versions(now + timedelta(minutes=6)) == 1
    assert not Version.objects.pin(first.pk, now + timedelta(minutes=5))


def test_a_segment_that_a_kept_version_shares_stays(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS[:2])), name="Events", keep_versions=1)
    add(actors.analyst, dataset["id"], upload(csv(*ROWS[2:])), mode="append")
    run_jobs()
    age(1)

    prune_datasets()
    drop_segments()

    assert Version.objects.filter(dropped_at__isnull=True).count() == 1
    assert Event.objects.count() == 4


def test_a_deleted_dataset_leaves_neither_rows_nor_files(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events")
    actors.manager.api.delete(f"/api/v1/datasets/{dataset['id']}")

    drop_segments()
    assert Event.objects.count() == 4, "rows are dropped by a job of their own"
    drop_segments()
    assert run_jobs() == 1

    assert Event.objects.count() == 0
    assert Reject.objects.count() == 0
    assert set(Segment.objects.values_list("state", flat=True)) == {SegmentState.DROPPED}
    assert default_storage.listdir("uploads")[1] == []
    assert not default_storage.exists("datasets") or default_storage.listdir("datasets")[0] == []


def test_stage_tables_without_a_living_import_go_after_an_hour(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    row = Import.objects.get()
    with connection.cursor() as cursor:
        for number in (row.no, 4_711):
            cursor.execute(f"CREATE TABLE datasets_stage_{number} (LIKE datasets_event)")

    pruning.drop_stage_tables(timezone.now())
    assert stage_import_nos() == [row.no], "its import ended just now"
    age(1)
    pruning.drop_stage_tables(timezone.now())

    assert stage_import_nos() == []


def test_old_evidence_expires_and_its_counts_stay(actors: Actors, run_jobs: Callable[[], int]) -> None:
    _, row = made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events")
    age(91)

    prune_datasets()

    assert Reject.objects.count() == 0
    answer = actors.analyst.api.get(f"/api/v1/imports/{row['id']}/rejects")
    assert (answer.status_code, answer.json()["code"]) == (404, "datasets.evidence_expired")
    assert actors.analyst.api.get(f"/api/v1/imports/{row['id']}").json()["reject_counts"][0]["n"] == 1


def test_source_files_go_after_their_days_and_a_retry_says_so(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    _, row = made(actors.analyst, run_jobs, upload(csv(*ROWS[:3], BAD)), name="Events")
    age(31)

    prune_datasets()

    assert default_storage.listdir("uploads")[1] == []
    assert set(ImportFile.objects.values_list("storage_name", flat=True)) == {""}
    assert actors.analyst.api.post(f"/api/v1/imports/{row['id']}/retry").status_code == 202
    run_jobs()
    again = actors.analyst.api.get(f"/api/v1/imports/{row['id']}").json()
    assert (again["status"], again["error"]["code"]) == ("failed", "datasets.source_gone")


def test_a_decision_that_nobody_takes_fails_the_import(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(b"when,what\n2024-01-01,theft\n"), name="Events")
    assert row["status"] == "waiting"
    Import.objects.update(updated_at=timezone.now() - timedelta(days=8))

    prune_datasets()

    row = actors.analyst.api.get(f"/api/v1/imports/{row['id']}").json()
    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.mapping_expired")
    assert actors.analyst.api.get(f"/api/v1/datasets/{dataset['id']}").json()["status"] == "failed"
