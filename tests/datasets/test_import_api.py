"""Datasets are made of uploaded files through the API: counts, evidence, versions, walls."""

import base64
import gzip
from collections.abc import Callable

import pytest
from django.core.files.storage import default_storage

from apps.datasets.models import Event, Import, Reject
from tests.datasets.stories import (
    BAD,
    ROWS,
    add,
    counts,
    create,
    csv,
    left_behind,
    made,
    streamed,
    upload,
)
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_becomes_a_published_version(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events", zone="Europe/London")

    assert (row["status"], row["outcome"], row["progress"]) == ("succeeded", "published", 1.0)
    assert counts(row) == (4, 4, 0, 0)
    assert (dataset["status"], dataset["current_version"], dataset["event_count"]) == ("ready", 1, 4)
    assert dataset["extent"] == [-0.13, 51.5, -0.1, 51.53]
    assert (dataset["first_at"], dataset["last_at"]) == ("2024-01-01T10:00:00Z", "2024-01-04T13:00:00Z")
    assert dataset["importing"] is False
    assert dataset["quality_score"] == 100
    assert Event.objects.count() == 4
    categories = actors.viewer.api.get(f"/api/v1/datasets/{dataset['id']}/categories").json()
    assert [(c["text"], c["count"]) for c in categories] == [("theft", 2), ("fire", 1), ("noise", 1)]


def test_the_answer_to_an_upload_points_to_the_import(actors: Actors) -> None:
    response = create(actors.analyst, upload(csv(*ROWS)), name="Events")

    body = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/imports/{body['import']['id']}"
    assert (body["dataset"]["status"], body["dataset"]["importing"]) == ("pending", True)
    assert body["import"]["status"] == "queued"
    # The lines that a worker logs about the job lead back to the request.
    assert Import.objects.get(pk=body["import"]["id"]).request_id == response["X-Request-Id"]


def test_without_files_a_dataset_is_pending_and_201(actors: Actors) -> None:
    response = actors.analyst.api.post("/api/v1/datasets", {"name": "Empty"}, format="json")

    assert response.status_code == 201
    assert (response.json()["status"], response.json()["event_count"]) == ("pending", 0)


def test_without_files_a_name_is_needed(actors: Actors) -> None:
    response = actors.analyst.api.post("/api/v1/datasets", {}, format="json")

    assert response.status_code == 422
    assert response.json()["errors"][0] | {"detail": ""} == {
        "pointer": "/name",
        "code": "required",
        "detail": "",
    }


def test_a_name_is_taken_whatever_its_case(actors: Actors) -> None:
    actors.analyst.api.post("/api/v1/datasets", {"name": "Events"}, format="json")

    response = actors.analyst.api.post("/api/v1/datasets", {"name": "EVENTS"}, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "datasets.name_taken")


def test_a_privacy_threshold_is_refused_as_long_as_maps_do_not_keep_it(actors: Actors) -> None:
    body = {"name": "Events", "privacy_k": 5}

    response = actors.analyst.api.post("/api/v1/datasets", body, format="json")

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/privacy_k"


@pytest.mark.parametrize("zone", ["Mars/Base", "US/Pacific-New", ""])
def test_an_unknown_zone_is_422(actors: Actors, zone: str) -> None:
    response = actors.analyst.api.post("/api/v1/datasets", {"name": "E", "zone": zone}, format="json")

    assert response.status_code == 422


def test_rejected_rows_are_kept_with_line_column_reason_and_bytes(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    _, row = made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events", reject_limit=0.5)

    assert counts(row) == (5, 4, 1, 0)
    assert row["reject_counts"] == [{"code": "coordinate_out_of_range", "column": "latitude", "n": 1}]
    answer = actors.analyst.api.get(f"/api/v1/imports/{row['id']}/rejects").json()
    (reject,) = answer["results"]
    assert (reject["line"], reject["record"], reject["code"]) == (6, 5, "coordinate_out_of_range")
    assert base64.b64decode(reject["raw"]).decode() == BAD + "\n"


def test_raw_evidence_mended_and_appended_adds_just_those_rows(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events", reject_limit=0.5)
    raw = actors.analyst.api.get(f"/api/v1/imports/{row['id']}/rejects?format=raw")
    mended = b"".join(streamed(raw)).replace(b",95,", b",51.54,")

    add(actors.analyst, dataset["id"], upload(mended), mode="append")
    run_jobs()

    dataset = actors.analyst.api.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (dataset["current_version"], dataset["event_count"]) == (2, 5)


@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_evidence_can_be_downloaded(actors: Actors, run_jobs: Callable[[], int], format_: str) -> None:
    _, row = made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events", reject_limit=0.5)

    response = actors.analyst.api.get(f"/api/v1/imports/{row['id']}/rejects?format={format_}")

    assert b"coordinate_out_of_range" in b"".join(streamed(response))
    assert "attachment" in response["Content-Disposition"]


def test_too_many_rejects_publish_nothing_and_keep_the_evidence(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(csv(*ROWS[:3], BAD)), name="Events")

    assert (row["status"], row["error"]["code"]) == ("failed", "datasets.too_many_rejects")
    assert (dataset["status"], dataset["current_version"]) == ("failed", None)
    assert Reject.objects.count() == 1
    assert left_behind() == []


def test_a_share_of_rejects_exactly_at_the_limit_is_published(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    _, row = made(actors.analyst, run_jobs, upload(csv(*ROWS, BAD)), name="Events")

    assert row["outcome"] == "published"


def test_a_table_without_coordinates_waits_and_cancelling_leaves_nothing_behind(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    _, row = made(actors.analyst, run_jobs, upload(b"when,what\n2024-01-01,theft\n"), name="Events")

    assert (row["status"], row["stage"]) == ("waiting", "inspect")
    response = actors.analyst.api.post(f"/api/v1/imports/{row['id']}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "cancelled")
    assert left_behind() == []


def test_a_waiting_import_shows_what_is_open_and_goes_on_once_decided(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    content = b"when,a,b,what\n" + b"".join(f"{n}/{n}/2024,51.5,-0.1,x\n".encode() for n in range(1, 6))
    dataset, row = made(actors.analyst, run_jobs, upload(content), name="Events")
    assert row["status"] == "waiting"
    proposal = actors.analyst.api.get(f"/api/v1/imports/{row['id']}/mapping").json()
    assert proposal["header"] == ["when", "a", "b", "what"]
    assert len(proposal["preview"]) == 5
    assert proposal["suggestion"]["decided"] is False

    mapping = {
        "fields": {
            "timestamp": {"column": "when", "formats": ["%d/%m/%Y"]},
            "latitude": {"column": "a"},
            "longitude": {"column": "b"},
            "category": {"column": "what"},
        }
    }
    path = f"/api/v1/imports/{row['id']}/mapping"
    wrong = actors.analyst.api.post(path, {"mapping": {"fields": {}}}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "datasets.mapping_invalid")
    assert wrong.json()["errors"][0]["pointer"]
    assert actors.analyst.api.post(path, {"mapping": mapping}, format="json").status_code == 202
    run_jobs()

    dataset = actors.analyst.api.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (dataset["status"], dataset["event_count"]) == ("ready", 5)
    again = actors.analyst.api.post(path, {"mapping": mapping}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "datasets.not_waiting")


def test_a_waiting_import_whose_file_is_gone_says_so(actors: Actors, run_jobs: Callable[[], int]) -> None:
    content = b"when,a,b,what\n" + b"".join(f"{n}/{n}/2024,51.5,-0.1,x\n".encode() for n in range(1, 6))
    _, row = made(actors.analyst, run_jobs, upload(content), name="Events")
    default_storage.delete(Import.objects.get(pk=row["id"]).files.get().storage_name)

    answer = actors.analyst.api.get(f"/api/v1/imports/{row['id']}/mapping")

    assert (answer.status_code, answer.json()["code"]) == (409, "datasets.source_gone")


def test_the_same_file_twice_in_one_import_is_refused_unless_forced(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    twice = (upload(csv(*ROWS), "a.csv"), upload(csv(*ROWS), "b.csv"))

    response = create(actors.analyst, *twice, name="Events")
    assert (response.status_code, response.json()["code"]) == (422, "datasets.file_repeated")

    twice = (upload(csv(*ROWS), "a.csv"), upload(csv(*ROWS), "b.csv"))
    _, row = made(actors.analyst, run_jobs, *twice, name="Events", force=True)
    assert counts(row) == (8, 8, 0, 0)


def test_the_same_again_is_unchanged(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    replaced = add(actors.analyst, dataset["id"], upload(csv(*ROWS))).json()
    appended = add(actors.analyst, dataset["id"], upload(csv(*ROWS)), mode="append").json()
    run_jobs()

    rows = [actors.analyst.api.get(f"/api/v1/imports/{row['id']}").json() for row in (replaced, appended)]
    assert [(row["outcome"], counts(row)) for row in rows] == [
        ("unchanged", (0, 0, 0, 0)),
        ("unchanged", (4, 0, 0, 4)),
    ]
    assert actors.analyst.api.get(f"/api/v1/datasets/{dataset['id']}").json()["current_version"] == 1


def test_a_partition_is_swapped_and_the_others_stay(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(
        actors.analyst, run_jobs, upload(csv(*ROWS[:2])), name="E", mode="replace_partition", partition="1"
    )
    for partition, rows in (("2", ROWS[2:3]), ("1", ROWS[3:])):
        mode = {"mode": "replace_partition", "partition": partition}
        add(actors.analyst, dataset["id"], upload(csv(*rows)), **mode)
        run_jobs()

    version = actors.viewer.api.get(f"/api/v1/datasets/{dataset['id']}/versions/3").json()
    assert version["event_count"] == 2
    assert (version["diff"]["added"], version["diff"]["removed"], version["diff"]["kept"]) == (1, 2, 1)
    assert version["diff"]["by_partition"] == [{"name": "1", "added": 1, "removed": 2}]


def test_an_earlier_version_is_restored_as_a_new_one(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    add(actors.analyst, dataset["id"], upload(csv(*ROWS[:1])))
    run_jobs()
    path = f"/api/v1/datasets/{dataset['id']}/versions"

    assert actors.viewer.api.post(f"{path}/1/restore").status_code == 403
    response = actors.manager.api.post(f"{path}/1/restore")

    assert response.status_code == 201
    assert (response.json()["number"], response.json()["event_count"]) == (3, 4)
    numbers = [version["number"] for version in actors.viewer.api.get(path).json()["results"]]
    assert numbers == [3, 2, 1]


def test_a_dry_run_counts_and_publishes_nothing(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    started = add(actors.analyst, dataset["id"], upload(csv(*ROWS[:2])), dry_run=True).json()
    run_jobs()

    row = actors.analyst.api.get(f"/api/v1/imports/{started['id']}").json()
    assert (row["outcome"], counts(row)) == ("dry_run", (2, 2, 0, 0))
    assert actors.analyst.api.get(f"/api/v1/datasets/{dataset['id']}").json()["current_version"] == 1
    assert len(left_behind()) == 2  # the one segment and its folder


def test_a_second_file_with_other_column_order_is_read_by_name(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    other = b"category,longitude,latitude,occurred_at,id\nx,-0.2,51.6,2024-02-01T00:00:00Z,b1\n"
    files = (upload(csv(*ROWS), "a.csv"), upload(other, "b.csv"))

    dataset, row = made(actors.analyst, run_jobs, *files, name="Events")

    assert counts(row) == (5, 5, 0, 0)
    assert dataset["extent"] == [-0.2, 51.5, -0.1, 51.6]


def test_a_packed_file_is_read_whatever_its_name(actors: Actors, run_jobs: Callable[[], int]) -> None:
    _, row = made(actors.analyst, run_jobs, upload(gzip.compress(csv(*ROWS))), name="Events")

    assert counts(row) == (4, 4, 0, 0)


def test_a_file_that_lacks_a_mapped_column_fails_and_is_named(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    mapping = {
        "fields": {
            "timestamp": {"column": "occurred_at"},
            "latitude": {"column": "latitude"},
            "longitude": {"column": "longitude"},
            "category": {"column": "category"},
        }
    }
    files = (upload(csv(*ROWS), "a.csv"), upload(b"latitude,longitude\n1,2\n", "b.csv"))

    _, row = made(actors.analyst, run_jobs, *files, name="Events", mapping=mapping)

    assert row["error"]["code"] == "datasets.columns_missing"
    assert "b.csv" in row["error"]["detail"]


def test_deleting_hides_a_dataset_at_once_and_frees_its_name(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")

    assert actors.manager.api.delete(f"/api/v1/datasets/{dataset['id']}").status_code == 202

    assert actors.manager.api.get(f"/api/v1/datasets/{dataset['id']}").status_code == 404
    assert actors.manager.api.get(f"/api/v1/imports/{row['id']}").status_code == 404
    assert create(actors.manager, upload(csv(*ROWS)), name="Events").status_code == 202


def test_the_zone_is_fixed_once_there_is_a_version(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    path = f"/api/v1/datasets/{dataset['id']}"

    response = actors.analyst.api.patch(path, {"zone": "Asia/Tokyo"}, format="json")
    assert (response.status_code, response.json()["code"]) == (409, "datasets.zone_fixed")
    response = actors.analyst.api.patch(path, {"name": "New", "area": [-1, 51, 1, 52]}, format="json")
    assert (response.status_code, response.json()["name"]) == (200, "New")


PATHS = [
    "datasets/{dataset}",
    "datasets/{dataset}/imports",
    "datasets/{dataset}/versions",
    "datasets/{dataset}/versions/1",
    "datasets/{dataset}/quality",
    "datasets/{dataset}/categories",
    "datasets/{dataset}/labels",
    "imports/{import}",
    "imports/{import}/files",
    "imports/{import}/mapping",
    "imports/{import}/rejects",
    "imports/{import}/rejects?format=raw",
]


def test_each_address_as_member_stranger_and_nobody(actors: Actors, run_jobs: Callable[[], int]) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    expected = {"analyst": 200, "manager": 200, "stranger": 404, "anonymous": 401}
    for template in PATHS:
        path = "/api/v1/" + template.format(**{"dataset": dataset["id"], "import": row["id"]})
        found = {name: actors[name].api.get(path).status_code for name in expected}
        assert found == expected, path
        viewer = 403 if "mapping" in path or "rejects" in path else 200
        assert actors.viewer.api.get(path).status_code == viewer, path
    for path in (f"/api/v1/imports/{row['id']}/{verb}" for verb in ("cancel", "retry")):
        assert actors.stranger.api.post(path).status_code == 404
        assert actors.viewer.api.post(path).status_code == 403
    assert create(actors.viewer, upload(csv(*ROWS)), name="Other").status_code == 403
    assert actors.stranger.api.get("/api/v1/datasets").json()["results"] == []


def test_an_import_of_one_dataset_waits_for_the_one_before(
    actors: Actors, run_jobs: Callable[[], int]
) -> None:
    dataset, _ = made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Events")
    for rows in (ROWS[:1], ROWS[:2], ROWS[:3]):
        add(actors.analyst, dataset["id"], upload(csv(*rows)))
    run_jobs()

    imports = Import.objects.order_by("no").values_list("version__number", "version__event_count")
    assert list(imports) == [(1, 4), (2, 1), (3, 2), (4, 3)]
