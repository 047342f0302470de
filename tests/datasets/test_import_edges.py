"""Imports that are cancelled, forbidden, raced, empty or too rich end as the rules say."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Membership, Role
from apps.common.jobs import run as execution
from apps.datasets import services
from apps.datasets.importing.chunks import ChunkWriter
from apps.datasets.models import Dataset, Import, Version
from apps.datasets.tasks import run_import
from tests.datasets.stories import BAD, HEADER, ROWS, add, counts, create, csv, left_behind, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

Jobs = Callable[[], int]
NEW = "n1,2024-02-01T00:00:00Z,51.6,-0.2,noise"
MAPPING = {
    "fields": {
        "timestamp": {"column": "occurred_at"},
        "latitude": {"column": "latitude"},
        "longitude": {"column": "longitude"},
        "category": {"column": "category"},
    }
}


def read(actors: Actors, row: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = actors.manager.api.get(f"/api/v1/imports/{row['id']}").json()
    return answer


def test_a_header_alone_with_force_is_a_version_without_events(actors: Actors, run_jobs: Jobs) -> None:
    file = upload(HEADER.encode())

    dataset, row = made(actors.manager, run_jobs, file, name="Events", mapping=MAPPING, force=True)

    assert (row["outcome"], counts(row)) == ("published", (0, 0, 0, 0))
    assert (dataset["status"], dataset["current_version"], dataset["event_count"]) == ("ready", 1, 0)
    assert left_behind() == []


def test_a_header_alone_with_force_is_mapped_by_its_names(actors: Actors, run_jobs: Jobs) -> None:
    dataset, row = made(actors.manager, run_jobs, upload(HEADER.encode()), name="Events", force=True)

    assert (row["status"], row["outcome"], dataset["event_count"]) == ("succeeded", "published", 0)
    assert row["mapping"]["fields"]["timestamp"]["column"] == "occurred_at"


def test_a_file_without_the_others_coordinates_fails_and_is_named(actors: Actors, run_jobs: Jobs) -> None:
    files = (upload(csv(*ROWS), "a.csv"), upload(b"occurred_at,longitude\n2024-01-01,1\n", "b.csv"))

    _, row = made(actors.manager, run_jobs, *files, name="Events")

    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.columns_missing")
    assert "b.csv" in row["error"]["detail"]


def test_a_share_of_rejects_equal_to_the_limit_is_published(actors: Actors, run_jobs: Jobs) -> None:
    # 0.29 * 100 is 28.999... in floating point.
    content = csv(*[ROWS[0]] * 71, *[BAD] * 29)

    _, row = made(actors.manager, run_jobs, upload(content), name="A", reject_limit=0.29, mapping=MAPPING)
    _, above = made(actors.manager, run_jobs, upload(content), name="B", reject_limit=0.285, mapping=MAPPING)

    assert (row["outcome"], row["rejected"]) == ("published", 29)
    assert above["error"]["code"] == "datasets.too_many_rejects"
    assert "at most 28.5 % may be" in above["error"]["detail"]


def test_a_thousand_and_one_categories_publish_nothing(actors: Actors, run_jobs: Jobs) -> None:
    rows = [f"i{n},2024-01-01T00:00:00Z,51.5,-0.1,category {n}" for n in range(1_001)]

    _, row = made(actors.manager, run_jobs, upload(csv(*rows)), name="Events", mapping=MAPPING)

    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.too_many_categories")
    assert left_behind() == []


def test_categories_of_kept_segments_count_too(actors: Actors, run_jobs: Jobs) -> None:
    rows = [f"i{n},2024-01-01T00:00:00Z,51.5,-0.1,category {n}" for n in range(1_001)]
    dataset, _ = made(actors.manager, run_jobs, upload(csv(*rows[:1_000])), name="Events", mapping=MAPPING)
    before = left_behind()

    started = add(actors.manager, dataset["id"], upload(csv(rows[1_000])), mode="append", mapping=MAPPING)
    run_jobs()

    assert read(actors, started.json())["error"]["code"] == "datasets.too_many_categories"
    assert left_behind() == before


def test_a_cancelled_import_leaves_the_current_version_and_nothing_else(
    actors: Actors, run_jobs: Jobs
) -> None:
    dataset, _ = made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Events")
    before = left_behind()
    started = add(actors.manager, dataset["id"], upload(csv(*ROWS[:2]))).json()
    # As if somebody asked right after a worker had claimed it.
    Import.objects.filter(pk=started["id"]).update(cancel_requested_at=timezone.now())

    run_jobs()

    assert read(actors, started)["status"] == "cancelled"
    shown = actors.manager.api.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (shown["status"], shown["current_version"], shown["importing"]) == ("ready", 1, False)
    assert left_behind() == before


def test_a_cancelled_import_keeps_the_evidence_of_what_it_has_read(
    actors: Actors, run_jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = create(actors.manager, upload(csv(*ROWS, BAD, BAD)), name="Events", mapping=MAPPING).json()
    row_id = started["import"]["id"]
    take = ChunkWriter.take

    def cancelled_after_a_batch(*taken: Any) -> None:
        take(*taken)
        # As if somebody cancelled while the first rows wait to be committed.
        Import.objects.filter(pk=row_id).update(cancel_requested_at=timezone.now())

    monkeypatch.setattr(ChunkWriter, "take", cancelled_after_a_batch)
    monkeypatch.setattr(execution, "PROGRESS_INTERVAL_S", 0.0)

    run_jobs()

    row = read(actors, started["import"])
    evidence = actors.manager.api.get(f"/api/v1/imports/{row_id}/rejects").json()["results"]
    assert (row["status"], counts(row)) == ("cancelled", (6, 4, 2, 0))
    assert [reject["line"] for reject in evidence] == [6, 7]
    assert left_behind() == []


def test_deleting_a_dataset_cancels_its_imports(actors: Actors) -> None:
    started = create(actors.manager, upload(csv(*ROWS)), name="Events").json()

    actors.manager.api.delete(f"/api/v1/datasets/{started['dataset']['id']}")

    assert Import.objects.get().status == "cancelled"


def test_a_permission_lost_before_the_claim_publishes_nothing(actors: Actors, run_jobs: Jobs) -> None:
    started = create(actors.analyst, upload(csv(*ROWS)), name="Events").json()["import"]
    Membership.objects.filter(user=actors.analyst.user).update(role=Role.VIEWER)

    run_jobs()

    assert read(actors, started)["error"]["code"] == "job.permission_lost"
    assert left_behind() == []


def test_the_fifty_first_waiting_import_is_refused(actors: Actors, run_jobs: Jobs) -> None:
    dataset, row = made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Events")
    first = Import.objects.get(pk=row["id"])
    Import.objects.bulk_create(Import(dataset_id=dataset["id"], options=first.options) for _ in range(51))

    response = add(actors.manager, dataset["id"], upload(csv(*ROWS)))

    assert (response.status_code, response.json()["code"]) == (409, "datasets.import_queue_full")


def test_the_last_of_equal_ids_cannot_win_over_segments_that_stay(actors: Actors, run_jobs: Jobs) -> None:
    dataset, _ = made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Events")

    response = add(
        actors.manager, dataset["id"], upload(csv(*ROWS)), mode="append", duplicates="external_id_last"
    )

    assert (response.status_code, response.json()["code"]) == (422, "datasets.duplicates_mode")


def test_an_append_beside_a_restore_starts_over_on_the_restored_version(
    actors: Actors, run_jobs: Jobs
) -> None:
    dataset, _ = made(actors.manager, run_jobs, upload(csv(*ROWS[:1])), name="Events")
    add(actors.manager, dataset["id"], upload(csv(*ROWS)))
    run_jobs()
    started = add(actors.manager, dataset["id"], upload(csv(*ROWS[:3], NEW)), mode="append").json()
    restored: list[Version] = []

    @run_import.on_change
    def restore_while_it_places(row: Import) -> None:
        if row.stage == "index" and not restored:
            first = Version.objects.get(dataset=row.dataset, number=1)
            restored.append(services.restore_version(actor=actors.manager.actor, version=first))

    try:
        run_jobs()
        Import.objects.filter(pk=started["id"]).update(run_after=None)
        run_jobs()
    finally:
        run_import.change_hooks.remove(restore_while_it_places)

    # Against version 2 one row was new; against the restored one three are.
    row = read(actors, started)
    assert (row["outcome"], row["version"], counts(row)) == ("published", 4, (4, 3, 0, 1))
    assert actors.manager.api.get(f"/api/v1/datasets/{dataset['id']}").json()["event_count"] == 4


def test_an_analyst_may_refresh_only_what_they_created(actors: Actors, run_jobs: Jobs) -> None:
    own, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Own")
    other, _ = made(actors.manager, run_jobs, upload(csv(*ROWS)), name="Other")

    assert add(actors.analyst, own["id"], upload(csv(*ROWS[:1]))).status_code == 202
    assert add(actors.analyst, other["id"], upload(csv(*ROWS[:1]))).status_code == 403
    assert add(actors.analyst, other["id"], upload(csv(*ROWS[:1])), dry_run=True).status_code == 202


def test_parts_of_a_form_that_nobody_knows_are_refused(actors: Actors) -> None:
    body = {"meta": "{}", "picture": upload(b"x"), "file": upload(csv(*ROWS))}

    response = actors.analyst.api.post("/api/v1/datasets", body, format="multipart")

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "unknown_field")
    assert not Dataset.objects.exists()


def test_a_failed_import_can_be_retried_and_counts_anew(actors: Actors, run_jobs: Jobs) -> None:
    _, row = made(actors.manager, run_jobs, upload(csv(*ROWS[:3], BAD)), name="Events")
    assert row["status"] == "failed"

    assert actors.manager.api.post(f"/api/v1/imports/{row['id']}/retry").status_code == 202
    run_jobs()

    again = read(actors, row)
    assert (again["status"], counts(again)) == ("failed", counts(row))
    assert actors.manager.api.get(f"/api/v1/imports/{row['id']}/rejects?count=true").json()["count"] == 1


def test_what_is_wrong_with_a_mapping_is_pointed_to_from_the_root_of_the_body(actors: Actors) -> None:
    wrong = {"fields": {**MAPPING["fields"], "timestamp": {"column": "occurred_at", "formats": ["%Q"]}}}

    mapping = create(actors.manager, upload(csv(*ROWS)), name="A", mapping=wrong).json()
    dialect = create(actors.manager, upload(csv(*ROWS)), name="B", dialect={"encoding": "foo"}).json()

    assert mapping["errors"][0]["pointer"] == "/mapping/fields/timestamp/formats/0"
    assert [error["pointer"] for error in dialect["errors"]] == ["/dialect/encoding"]


def test_a_chosen_encoding_leaves_the_delimiter_as_it_was_found(actors: Actors, run_jobs: Jobs) -> None:
    rows = "".join(f"2024-01-0{day};51,5;-0,1;Diebst\u00e4hle\n" for day in range(1, 8))
    file = upload(("occurred_at;latitude;longitude;category\n" + rows).encode("cp1252"))
    started = create(actors.manager, file, name="Events").json()["import"]
    run_jobs()
    asked = actors.manager.api.get(f"/api/v1/imports/{started['id']}/mapping").json()
    assert asked["encoding"]["name"] == "cp1252"

    body = {"mapping": asked["suggestion"]["mapping"], "dialect": {"encoding": "cp1252"}}
    answer = actors.manager.api.post(f"/api/v1/imports/{started['id']}/mapping", body, format="json")
    assert answer.status_code == 202, answer.content
    run_jobs()

    row = read(actors, started)
    assert (row["status"], counts(row)) == ("succeeded", (7, 7, 0, 0))


def test_the_quality_report_lists_the_columns_that_were_left_out_as_personal(
    actors: Actors, run_jobs: Jobs
) -> None:
    header = HEADER.strip() + ",Age range,shop\n"
    file = upload((header + f"{NEW},18-24,corner\n").encode())

    dataset, row = made(actors.manager, run_jobs, file, name="Events", mapping=MAPPING)

    assert counts(row) == (1, 1, 0, 0)
    (facts,) = actors.manager.api.get(f"/api/v1/datasets/{dataset['id']}/quality").json()["files"]
    assert facts["personal_columns"] == ["Age range"]
