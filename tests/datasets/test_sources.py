"""Sources fill a dataset by themselves: months as partitions, schedules, what is missing, what failed."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Notification
from apps.datasets.models import Dataset, Import, Segment, Source, SourceMonth
from apps.datasets.schedules import next_run
from apps.datasets.source_services import due_months, run_due_sources, settle_months
from tests.datasets.remote_host import RemoteHost, serving
from tests.datasets.stories import csv
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)

RunJobs = Callable[[], int]


def month_file(month: str, rows: int = 2) -> bytes:
    return csv(*[f"{month}-{n},{month}-0{n}T10:00:00Z,51.5,-0.1,theft" for n in range(1, rows + 1)])


@pytest.fixture
def host(settings: Any) -> Iterator[RemoteHost]:
    with serving() as running:
        settings.OUTBOUND_ALLOW = (running.allowed,)
        for month, rows in (("2024-01", 2), ("2024-02", 3), ("2024-03", 4)):
            running.files[f"/{month}.csv"] = month_file(month, rows)
        yield running


@pytest.fixture
def source(actors: Actors, host: RemoteHost) -> dict[str, Any]:
    dataset = actors.manager.api.post("/api/v1/datasets", {"name": "Months"}, format="json").json()
    return made(actors, dataset=dataset["id"], kind="months", template=host.url("/{month}.csv"))


def made(actors: Actors, **fields: Any) -> dict[str, Any]:
    response = actors.manager.api.post("/api/v1/sources", fields, format="json")
    assert response.status_code == 201, response.content
    body: dict[str, Any] = response.json()
    return body


def run(actors: Actors, source: dict[str, Any], run_jobs: RunJobs, **what: Any) -> list[dict[str, Any]]:
    response = actors.manager.api.post(f"/api/v1/sources/{source['id']}/run", what, format="json")
    assert response.status_code == 202, response.content
    run_jobs()
    ids = [row["id"] for row in response.json()["imports"]]
    return [actors.manager.api.get(f"/api/v1/imports/{pk}").json() for pk in ids]


def states(actors: Actors, source: dict[str, Any]) -> dict[str, str]:
    months = actors.viewer.api.get(f"/api/v1/sources/{source['id']}/months").json()
    return {month["month"]: month["state"] for month in months}


def segments(source: dict[str, Any]) -> dict[str | None, tuple[int, int]]:
    version = Dataset.objects.get(pk=source["dataset"]).current_version
    assert version is not None
    return {each.partition_key: (each.no, each.rows) for each in Segment.objects.of_version(version.pk)}


def test_each_month_is_a_partition_of_its_own(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any]
) -> None:
    rows = run(actors, source, run_jobs, **{"from": "2024-01", "to": "2024-03"})

    assert [row["outcome"] for row in rows] == ["published"] * 3
    assert states(actors, source) == {"2024-03": "loaded", "2024-02": "loaded", "2024-01": "loaded"}
    assert {key: rows for key, (_, rows) in segments(source).items()} == {
        "2024-01": 2,
        "2024-02": 3,
        "2024-03": 4,
    }


def test_a_changed_month_swaps_its_segment_alone(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any], host: RemoteHost
) -> None:
    run(actors, source, run_jobs, **{"from": "2024-01", "to": "2024-03"})
    before = segments(source)
    host.files["/2024-02.csv"] = month_file("2024-02", 5)

    rows = run(actors, source, run_jobs, **{"from": "2024-01", "to": "2024-03"})

    after = segments(source)
    assert [row["outcome"] for row in rows] == ["unchanged", "published", "unchanged"]
    assert (after["2024-01"], after["2024-03"]) == (before["2024-01"], before["2024-03"])
    assert after["2024-02"][1] == 5
    address = f"/api/v1/datasets/{source['dataset']}/versions/4"
    diff = actors.viewer.api.get(address).json()["diff"]
    assert [part["name"] for part in diff["by_partition"]] == ["2024-02"]


def test_a_month_that_is_not_there_is_missing_and_looked_for_again(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any], host: RemoteHost
) -> None:
    rows = run(actors, source, run_jobs, months=["2024-04", "2024-01"])

    assert [row["status"] for row in rows] == ["succeeded", "failed"]
    assert states(actors, source) == {"2024-04": "missing", "2024-01": "loaded"}
    host.files["/2024-04.csv"] = month_file("2024-04")
    run(actors, source, run_jobs, months=["2024-04"])
    assert states(actors, source)["2024-04"] == "loaded"


def test_an_empty_month_leaves_the_old_one_and_force_swaps_it_out(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any], host: RemoteHost
) -> None:
    run(actors, source, run_jobs, months=["2024-01", "2024-02"])
    host.files["/2024-01.csv"] = csv()

    (row,) = run(actors, source, run_jobs, months=["2024-01"])

    assert row["error"]["code"] == "datasets.empty"
    assert segments(source)["2024-01"][1] == 2
    assert states(actors, source)["2024-01"] == "failed"
    assert Notification.objects.filter(kind="datasets.month_failed").exists()
    run(actors, source, run_jobs, months=["2024-01"], force=True)
    assert "2024-01" not in segments(source)


@pytest.mark.parametrize(
    "what",
    [
        {"months": ["2024-13"]},
        {"months": ["24-01"]},
        {"from": "2024-02"},
        {"months": ["2199-01"]},
        {"from": "2024-02", "to": "2024-01"},
        {"from": "1990-01", "to": "2024-01"},
        {"months": ["2024-01"], "from": "2024-01", "to": "2024-01"},
        {},
    ],
)
def test_what_are_no_months_is_422(actors: Actors, source: dict[str, Any], what: dict[str, Any]) -> None:
    response = actors.manager.api.post(f"/api/v1/sources/{source['id']}/run", what, format="json")

    assert (response.status_code, response.json()["code"]) == (422, "datasets.month_invalid")


@pytest.mark.parametrize("schedule", ["*/10 * * * *", "0 6 * *", "61 * * * *", "0 0 31 2 *", "daily"])
def test_what_is_no_schedule_is_422(actors: Actors, source: dict[str, Any], schedule: str) -> None:
    response = actors.manager.api.patch(
        f"/api/v1/sources/{source['id']}", {"schedule": schedule}, format="json"
    )

    assert (response.status_code, response.json()["code"]) == (422, "datasets.schedule_invalid")


def test_a_schedule_asks_for_last_month_and_for_what_is_open_since_the_first(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any]
) -> None:
    run(actors, source, run_jobs, months=["2024-02"])
    actors.manager.api.patch(
        f"/api/v1/sources/{source['id']}",
        {"schedule": "0 6 * * *", "first_month": "2024-01"},
        format="json",
    )
    row = Source.objects.get(pk=source["id"])
    now = dt.datetime(2024, 4, 2, 12, tzinfo=dt.UTC)

    assert due_months(row, now) == [dt.date(2024, 1, 1), dt.date(2024, 3, 1)]
    Source.objects.filter(pk=row.pk).update(next_run_at=now)
    assert run_due_sources(now) == 2
    assert run_due_sources(now) == 0
    run_jobs()
    assert set(states(actors, source).values()) == {"loaded"}
    assert Source.objects.get(pk=row.pk).next_run_at == dt.datetime(2024, 4, 3, 6, tzinfo=dt.UTC)


def test_a_missing_month_is_given_up_after_sixty_days(actors: Actors, source: dict[str, Any]) -> None:
    row = Source.objects.get(pk=source["id"])
    row.first_month = dt.date(2024, 1, 1)
    now = dt.datetime(2024, 5, 2, tzinfo=dt.UTC)
    for month, days in ((1, 61), (2, 59)):
        SourceMonth.objects.create(
            source=row,
            month=dt.date(2024, month, 1),
            state="missing",
            missing_since=now - dt.timedelta(days=days),
        )

    assert due_months(row, now) == [dt.date(2024, month, 1) for month in (2, 3, 4)]


def test_an_analyst_may_look_at_sources_and_not_run_them(actors: Actors, source: dict[str, Any]) -> None:
    address = f"/api/v1/sources/{source['id']}"

    assert actors.analyst.api.get(address).status_code == 200
    assert (
        actors.analyst.api.post(f"{address}/run", {"months": ["2024-01"]}, format="json").status_code == 403
    )
    assert actors.stranger.api.get(address).status_code == 404
    assert actors.stranger.api.post(f"{address}/run", {}, format="json").status_code == 404


def test_an_analyst_fills_a_dataset_of_their_own_from_a_source(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any], host: RemoteHost
) -> None:
    api = actors.analyst.api
    own = api.post("/api/v1/datasets", {"name": "Own"}, format="json").json()["id"]
    fields = {"kind": "months", "template": host.url("/{month}.csv")}

    made = api.post("/api/v1/sources", {"dataset": own, **fields}, format="json")
    others = api.post("/api/v1/sources", {"dataset": source["dataset"], **fields}, format="json")

    assert (made.status_code, others.status_code) == (201, 403)
    path = f"/api/v1/sources/{made.json()['id']}/run"
    assert api.post(path, {"months": ["2024-01"]}, format="json").status_code == 202
    run_jobs()
    assert states(actors, made.json()) == {"2024-01": "loaded"}


def test_months_are_loaded_by_a_command_in_their_order(
    actors: Actors, source: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    organization = actors.manager.actor.organization.slug

    with pytest.raises(SystemExit) as ended:
        call_command(
            "ingest_months",
            source["id"],
            f"--organization={organization}",
            "--from=2024-03",
            "--to=2024-04",
            "--json",
        )

    assert ended.value.code == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["month"], row["status"], row["accepted"]) for row in rows] == [
        ("2024-03", "succeeded", 4),
        ("2024-04", "failed", 0),
    ]


def test_a_remote_file_is_imported_by_a_command(
    actors: Actors, host: RemoteHost, capsys: pytest.CaptureFixture[str]
) -> None:
    organization = actors.manager.actor.organization.slug

    call_command("ingest_dataset", host.url("/2024-03.csv"), f"--organization={organization}", "--json")

    assert json.loads(capsys.readouterr().out)["accepted"] == 4
    assert Dataset.objects.filter(name="2024-03.csv").exists()


def test_a_missing_month_is_looked_for_daily_whatever_the_schedule_says(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any], host: RemoteHost
) -> None:
    run(actors, source, run_jobs, months=["2024-04"])
    path = f"/api/v1/sources/{source['id']}"
    actors.manager.api.patch(path, {"schedule": "0 6 1 1 *"}, format="json")
    host.files["/2024-04.csv"] = month_file("2024-04")
    now = timezone.now()

    assert run_due_sources(now) == 0
    SourceMonth.objects.update(changed_at=now - dt.timedelta(hours=25))
    assert run_due_sources(now) == 1
    # While its import waits nobody asks again.
    assert run_due_sources(now) == 0
    run_jobs()
    assert states(actors, source) == {"2024-04": "loaded"}


def test_a_month_that_is_queued_already_is_not_queued_again(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any]
) -> None:
    path = f"/api/v1/sources/{source['id']}/run"
    first, second = (
        actors.manager.api.post(path, {"months": ["2024-01"]}, format="json").json()["imports"]
        for _ in range(2)
    )

    assert [row["id"] for row in first] == [row["id"] for row in second]


def test_many_months_are_queued_by_as_many_statements_as_one(actors: Actors, source: dict[str, Any]) -> None:
    path = f"/api/v1/sources/{source['id']}/run"

    def run_from(first: str, last: str) -> tuple[int, list[str]]:
        with CaptureQueriesContext(connection) as asked:
            response = actors.manager.api.post(path, {"from": first, "to": last}, format="json")
        return len(asked), [row["id"] for row in response.json()["imports"]]

    run_from("2001-01", "2001-01")  # the first call of a session looks up who calls
    few, _ = run_from("2002-01", "2002-01")
    many, ids = run_from("2003-01", "2022-12")

    assert (many, len(ids)) == (few, 240)
    in_turn = Import.objects.filter(month__gte="2003-01-01").order_by("no").values_list("pk", "month")
    assert [str(pk) for pk, _ in in_turn] == ids
    months = [f"{month:%Y-%m}" for _, month in in_turn]
    assert months == sorted(months)


def test_rows_dated_outside_their_month_load_with_a_warning(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any], host: RemoteHost
) -> None:
    host.files["/2024-02.csv"] = csv(
        "a,2024-01-31T23:59:59Z,51.5,-0.1,theft",
        "b,2024-02-01T00:00:00Z,51.5,-0.1,theft",
        "c,2024-03-01T00:00:00Z,51.5,-0.1,theft",
    )

    (row,) = run(actors, source, run_jobs, months=["2024-02"])

    assert (row["accepted"], row["warnings"]["outside_partition"]) == (3, 2)


def test_what_an_import_ended_unheard_is_noted_by_the_clock(
    actors: Actors, run_jobs: RunJobs, source: dict[str, Any]
) -> None:
    run(actors, source, run_jobs, months=["2024-01"])
    SourceMonth.objects.all().delete()

    assert settle_months(timezone.now()) == 1
    assert states(actors, source) == {"2024-01": "loaded"}
    assert settle_months(timezone.now()) == 0


@pytest.mark.parametrize(
    ("after", "expected"),
    [("2024-03-30T12:00:00", "2024-03-31T07:00:00"), ("2024-10-26T12:00:00", "2024-10-27T08:00:00")],
)
def test_a_schedule_keeps_its_hour_when_the_clocks_change(after: str, expected: str) -> None:
    found = next_run("0 9 * * *", "Europe/Berlin", dt.datetime.fromisoformat(f"{after}+00:00"))

    assert found == dt.datetime.fromisoformat(f"{expected}+00:00")
