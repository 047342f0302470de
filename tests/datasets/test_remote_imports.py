"""A dataset is made of a file that lies on another host."""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.common.outbound.breaker import FAILURES, guarded
from apps.common.outbound.errors import OutboundFailed
from apps.datasets.importing.remote import PURPOSE
from apps.datasets.models import Import
from apps.datasets.periodic import prune_datasets
from tests.datasets.remote_host import RemoteHost, serving
from tests.datasets.stories import ROWS, counts, csv, left_behind
from tests.furniture.people import Actors

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_pauses")]

CONTENT = csv(*ROWS)


@pytest.fixture
def host(settings: Any) -> Iterator[RemoteHost]:
    with serving() as running:
        settings.OUTBOUND_ALLOW = (running.allowed,)
        running.files["/data/events.csv"] = CONTENT
        yield running


def start(actors: Actors, url: str, **more: Any) -> Any:
    body = {"source": {"kind": "url", "url": url, **more}}
    return actors.analyst.api.post("/api/v1/datasets", body, format="json")


def fetched(actors: Actors, run_jobs: Callable[[], int], url: str, **more: Any) -> dict[str, Any]:
    response = start(actors, url, **more)
    assert response.status_code == 202, response.content
    run_jobs()
    row: dict[str, Any] = actors.analyst.api.get(f"/api/v1/imports/{response.json()['import']['id']}").json()
    return row


def again(actors: Actors, run_jobs: Callable[[], int], row: dict[str, Any], url: str) -> dict[str, Any]:
    address = f"/api/v1/datasets/{row['dataset']}/imports"
    response = actors.analyst.api.post(address, {"source": {"kind": "url", "url": url}}, format="json")
    assert response.status_code == 202, response.content
    run_jobs()
    shown: dict[str, Any] = actors.analyst.api.get(f"/api/v1/imports/{response.json()['id']}").json()
    return shown


def failure(row: dict[str, Any]) -> str:
    assert (row["status"], row["version"]) == ("failed", None)
    assert left_behind() == []
    code: str = row["error"]["code"]
    return code


def test_a_remote_file_becomes_a_version_named_after_it(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost, settings: Any, tmp_path: Path
) -> None:
    # The folder of all tests holds parts of others that run meanwhile.
    settings.VAR_DIR = tmp_path

    row = fetched(actors, run_jobs, host.url("/data/events.csv"))

    assert (row["outcome"], counts(row)) == ("published", (4, 4, 0, 0))
    dataset = actors.viewer.api.get(f"/api/v1/datasets/{row['dataset']}").json()
    assert (dataset["name"], dataset["event_count"]) == ("events.csv", 4)
    assert list((tmp_path / "fetching").iterdir()) == []


def test_a_transfer_that_breaks_goes_on_where_it_stopped(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    host.breaks = 3

    row = fetched(actors, run_jobs, host.url("/data/events.csv"))

    assert counts(row) == (4, 4, 0, 0)
    ranges = [headers.get("Range") for _, headers in host.asked]
    half = len(CONTENT) // 2
    assert ranges[:2] == [None, f"bytes={half}-"]
    assert len(ranges) == 4


def test_a_host_without_ranges_is_read_from_the_start(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    host.breaks, host.takes_ranges = 2, False

    assert counts(fetched(actors, run_jobs, host.url("/data/events.csv"))) == (4, 4, 0, 0)


def test_a_host_that_always_breaks_off_is_given_up(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    host.breaks, host.takes_ranges = 99, False

    row = fetched(actors, run_jobs, host.url("/data/events.csv"))

    assert failure(row) == "datasets.fetch_failed"
    assert len(host.asked) == 6


def test_the_same_file_is_not_fetched_twice(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    row = fetched(actors, run_jobs, host.url("/data/events.csv"))

    second = again(actors, run_jobs, row, host.url("/data/events.csv"))

    assert (second["status"], second["outcome"], second["version"]) == ("succeeded", "unchanged", None)
    assert "If-None-Match" in host.asked[-1][1]


def test_a_changed_file_makes_the_next_version(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    row = fetched(actors, run_jobs, host.url("/data/events.csv"))
    host.files["/data/events.csv"] = csv(*ROWS[:3])

    second = again(actors, run_jobs, row, host.url("/data/events.csv"))

    assert (second["outcome"], second["accepted"]) == ("published", 3)


@pytest.mark.parametrize("status", ["missing", "empty"])
def test_what_is_not_there_or_empty_fails_and_says_so(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost, status: str
) -> None:
    host.files["/empty.csv"] = b""

    row = fetched(actors, run_jobs, host.url(f"/{status}.csv"))

    assert failure(row) == {"missing": "datasets.fetch_failed", "empty": "datasets.empty"}[status]
    assert "127.0.0.1" not in row["error"]["detail"]


def test_a_file_that_is_not_the_promised_one_is_thrown_away(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    url = host.url("/data/events.csv")
    good = hashlib.sha256(CONTENT)

    assert failure(fetched(actors, run_jobs, url, sha256="0" * 64)) == "datasets.checksum_mismatch"
    assert fetched_again_with_name(actors, run_jobs, url, good.hexdigest())["outcome"] == "published"


def fetched_again_with_name(
    actors: Actors, run_jobs: Callable[[], int], url: str, sha256: str
) -> dict[str, Any]:
    source = {"kind": "url", "url": url} | ({"sha256": sha256} if sha256 else {})
    body = {"name": "Second", "source": source}
    response = actors.analyst.api.post("/api/v1/datasets", body, format="json")
    run_jobs()
    row: dict[str, Any] = actors.analyst.api.get(f"/api/v1/imports/{response.json()['import']['id']}").json()
    return row


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Repr-Digest", "sha-256=:{sha256_base64}:"),
        ("x-amz-meta-sha256", "{sha256_hex}"),
        ("x-checksum-sha256", "{sha256_base64}"),
        ("Content-MD5", "{md5_base64}"),
    ],
)
@pytest.mark.parametrize("promised", [CONTENT, b"something else"], ids=["right", "wrong"])
def test_a_digest_that_the_host_states_is_compared(  # noqa: PLR0917 - fixtures and cases
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost, header: str, form: str, promised: bytes
) -> None:
    sha256, md5 = hashlib.sha256(promised), hashlib.md5(promised, usedforsecurity=False)
    host.headers[header] = form.format(
        sha256_base64=base64.b64encode(sha256.digest()).decode(),
        sha256_hex=sha256.hexdigest(),
        md5_base64=base64.b64encode(md5.digest()).decode(),
    )

    row = fetched(actors, run_jobs, host.url("/data/events.csv"))

    assert row["status"] == ("succeeded" if promised == CONTENT else "failed")


def test_a_file_larger_than_allowed_is_cut_off(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost, settings: Any
) -> None:
    settings.DATASETS_FETCH_MAX_BYTES = 10

    assert failure(fetched(actors, run_jobs, host.url("/data/events.csv"))) == "datasets.fetch_too_large"


def test_a_file_for_which_the_disk_has_no_room_is_not_fetched(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost, settings: Any
) -> None:
    settings.DATASETS_FETCH_MAX_BYTES = 2**62
    host.announced = 2**60

    assert failure(fetched(actors, run_jobs, host.url("/data/events.csv"))) == "quota.exceeded"


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/a.csv", "http://user:pass@example.org/a.csv", "http://example.org:8080/a.csv", "x"],
)
def test_an_address_that_is_none_is_refused_at_once(actors: Actors, url: str) -> None:
    response = start(actors, url)

    assert (response.status_code, response.json()["code"]) == (422, "outbound.blocked")
    assert not Import.objects.exists()


def test_a_redirect_to_a_private_address_is_refused_without_naming_it(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    host.redirects["/away.csv"] = "http://127.0.0.2/secret.csv"

    row = fetched(actors, run_jobs, host.url("/away.csv"))

    failure(row)
    assert "127.0.0" not in row["error"]["detail"]


def test_a_host_that_cannot_just_now_is_asked_again_within_the_attempt(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    host.statuses = [503, 500]

    row = fetched(actors, run_jobs, host.url("/data/events.csv"))

    assert (row["outcome"], counts(row), row["attempt"]) == ("published", (4, 4, 0, 0), 1)
    assert len(host.asked) == 3


def test_a_host_that_goes_on_failing_is_asked_by_later_attempts_and_given_up_with_its_status(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    host.statuses = [503] * 6
    response = start(actors, host.url("/data/events.csv"))
    run_jobs()

    row = Import.objects.get(pk=response.json()["import"]["id"])
    assert (row.status, row.attempt, len(host.asked)) == ("queued", 1, 3)
    assert row.run_after is not None

    Import.objects.filter(pk=row.pk).update(run_after=None, attempt=row.max_attempts - 1)
    run_jobs()
    shown = actors.analyst.api.get(f"/api/v1/imports/{row.pk}").json()
    assert failure(shown) == "datasets.fetch_failed"
    assert "503" in shown["error"]["detail"]


def test_a_host_that_failed_five_times_is_left_alone_and_the_import_waits_uncounted(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost
) -> None:
    for _ in range(FAILURES):
        with pytest.raises(OutboundFailed), guarded(PURPOSE, "127.0.0.1"):
            raise OutboundFailed

    response = start(actors, host.url("/data/events.csv"))
    run_jobs()

    row = Import.objects.get(pk=response.json()["import"]["id"])
    assert (row.status, row.attempt, host.asked) == ("queued", 0, [])
    assert row.run_after is not None


def test_a_part_file_that_a_killed_worker_left_goes_after_an_hour(
    actors: Actors, run_jobs: Callable[[], int], host: RemoteHost, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    row = fetched(actors, run_jobs, host.url("/data/events.csv"))
    running = fetched_again_with_name(actors, run_jobs, host.url("/data/events.csv"), "")
    Import.objects.filter(pk=running["id"]).update(status="running", finished_at=None)
    lost, young, living, foreign = (
        tmp_path / "fetching" / f"{name}.part"
        for name in (
            f"import-{UUID(row['id']).hex}",
            f"import-{uuid4().hex}",
            f"import-{UUID(running['id']).hex}",
            "notes",
        )
    )
    for path in (lost, young, living, foreign):
        path.write_bytes(b"half")
        os.utime(path, (0, time.time() if path == young else time.time() - 2 * 3_600))

    prune_datasets()

    assert set((tmp_path / "fetching").iterdir()) == {young, living, foreign}
