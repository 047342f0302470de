"""Many at once: one slot has one winner, a device one row, a project ten live previews."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from apps.accounts.models import AuditEntry
from apps.common.quotas import merged
from apps.previews.models import Bundle, Device, Session
from tests.furniture.people import Actors
from tests.previews.conftest import Ready
from tests.previews.stories import create, open_revision, project_of, upload, visit, zip_of

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 16


@pytest.fixture(autouse=True)
def _without_limits(settings: Settings) -> None:
    settings.RATE_LIMITS = merged(
        {
            "preview_resolve": "100000",
            "preview_failed": "100000",
            "preview_create": "100000",
            "preview_upload": "100000",
        }
    )


def at_once(act: Callable[[int], Any]) -> list[Any]:
    """Return what each of many threads got that began together."""
    start = threading.Barrier(THREADS)

    def work(number: int) -> Any:
        try:
            start.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def test_of_many_devices_that_race_for_one_slot_one_wins(ready: Ready) -> None:
    made = ready()
    devices = [f"device-number-{number:04}" for number in range(THREADS)]
    found = at_once(lambda number: visit("grants", made["token"], device_id=devices[number]).status_code)
    assert sorted(found) == [200] + [409] * (THREADS - 1)
    assert (Session.objects.get(pk=made["id"]).uses, Device.objects.count()) == (1, 1)
    winner = found.index(200)
    assert visit("grants", made["token"], device_id=devices[winner]).status_code == 200


def test_one_device_that_asks_many_times_at_once_takes_one_slot(ready: Ready) -> None:
    made = ready(max_devices=5)
    found = at_once(lambda _: visit("grants", made["token"]).status_code)
    assert found == [200] * THREADS
    assert (Session.objects.get(pk=made["id"]).uses, Device.objects.count()) == (1, 1)


def test_creations_at_once_stop_at_the_limit(actors: Actors) -> None:
    project = project_of(actors.analyst)
    for _ in range(8):
        create(actors.analyst, project)
    body = {"project_id": str(project.pk), "platform": "web"}
    assert actors.analyst.api

    def one_more(_: int) -> int:
        answer = actors.analyst.api.post("/api/v1/preview/sessions", body, format="json")
        return int(answer.status_code)

    assert sorted(at_once(one_more)) == [201] * 2 + [409] * (THREADS - 2)
    assert Session.objects.filter(project=project).count() == 10


def test_of_many_that_open_a_revision_at_once_one_did_and_all_may_upload(
    actors: Actors, ready: Ready
) -> None:
    made = ready()
    assert actors.analyst.api
    found = at_once(lambda _: open_revision(actors.analyst, made["id"]).status_code)
    assert found == [200] * THREADS
    assert AuditEntry.objects.filter(verb="previews.revision_opened").count() == 1
    sent = at_once(lambda _: upload(actors.analyst, made["id"], zip_of()).status_code)
    assert sorted(sent) == [202] + [409] * (THREADS - 1)
    session = Session.objects.get(pk=made["id"])
    assert (session.status, session.next_status, session.revision) == ("ready", "validating", 1)
    assert list(Bundle.objects.order_by("revision").values_list("revision", flat=True)) == [1, 2]
