"""Jobs run without a broker: by hand, while it is lost, and all that were taken meanwhile."""

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from apps.common.jobs import standby
from apps.common.reachability import reachability_at
from apps.datasets.models import Dataset, Import
from config.embedded.standby import LOST_AFTER_S, BrokerWatch, broker_answers
from config.embedded.supervisor import Supervisor
from tests.common.test_lost_broker import broker  # noqa: F401 - a fixture
from tests.config.test_supervisor import program
from tests.furniture.own_valkey import OwnValkey
from tests.furniture.people import Actors
from tests.furniture.stopwatch import seconds_waited

JOBS = 8
CSV = b"id,latitude,longitude,date,category\n1,51.5,-0.1,2024-01-01,theft\n"


def make_import(actors: Actors, **fields: object) -> Import:
    dataset = Dataset.objects.create(organization=actors.organization, name=uuid.uuid4().hex)
    return Import.objects.create(dataset=dataset, options={"dry_run": False}, **fields)


def upload(actors: Actors, name: str) -> float:
    """Create a dataset from a file; return how many seconds were spent waiting."""
    body = {"meta": f'{{"name": "{name}"}}', "file": SimpleUploadedFile("d.csv", CSV)}
    answers: list[Any] = []
    waited_s = seconds_waited(
        lambda: answers.append(actors.admin.api.post("/api/v1/datasets", body, format="multipart"))
    )
    assert answers[0].status_code == 202, answers[0].content
    return waited_s


@pytest.mark.django_db(transaction=True)
def test_jobs_taken_without_a_broker_answer_202_without_waiting_and_all_run_later(
    broker: OwnValkey,  # noqa: F811
    actors: Actors,
) -> None:
    """Edge case 14."""
    upload(actors, "first")  # what a process loads once is no measure
    broker.stop(and_forget=True)
    seconds = [upload(actors, f"d{number}") for number in range(JOBS)]
    # One of them may meet the loss, which takes half a second at most; the rest is for a busy machine.
    assert max(seconds) < 1.5
    assert Import.objects.filter(status="queued").count() == JOBS + 1

    call_command("run_jobs", "--once")

    assert not Import.objects.filter(status__in=["queued", "running"]).exists()


@pytest.mark.django_db(transaction=True)
def test_run_jobs_takes_only_the_queue_it_is_asked_for(actors: Actors) -> None:
    there = make_import(actors, queue="low_priority")
    elsewhere = make_import(actors)
    call_command("run_jobs", "--once", "--queue", "low_priority")
    there.refresh_from_db()
    elsewhere.refresh_from_db()
    assert (there.status, elsewhere.status) == ("failed", "queued")  # without files it cannot succeed


@pytest.mark.django_db(transaction=True)
def test_work_goes_on_until_the_broker_is_back(actors: Actors) -> None:
    row = make_import(actors)
    looks = iter([False, False, True])
    assert standby.work_until(lambda: next(looks)) == 1
    row.refresh_from_db()
    assert row.status == "failed"


def test_a_broker_is_seen_to_be_gone_frozen_and_back(broker: OwnValkey) -> None:  # noqa: F811
    assert standby.has_broker()
    broker.freeze()
    try:
        assert not standby.has_broker()
    finally:
        broker.thaw()
    broker.stop(and_forget=True)
    assert not standby.has_broker()


def test_the_supervisor_sees_whether_a_broker_answers(
    broker: OwnValkey,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis+socket://{broker.socket}")
    assert broker_answers(tmp_path)
    broker.freeze()
    try:
        assert not broker_answers(tmp_path)
    finally:
        broker.thaw()
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://127.0.0.1:1/")
    assert not broker_answers(tmp_path)


def test_jobs_are_run_without_the_broker_only_after_half_a_minute(tmp_path: Path) -> None:
    now_s, is_alive = [100.0], [False]
    code = "import time; print('up', flush=True); time.sleep(0.3)"
    supervisor = Supervisor(tmp_path / "log")
    once = replace(program("jobs", code), once=True)
    with supervisor.signals():
        watch = BrokerWatch(supervisor, once, is_alive=lambda: is_alive[0], clock=lambda: now_s[0])
        watch()
        now_s[0] += LOST_AFTER_S - 1
        watch()
        assert not supervisor.children
        now_s[0] += 6
        watch()
        assert list(supervisor.children) == ["jobs"]

        is_alive[0] = True
        deadline_s = time.monotonic() + 60
        while supervisor.children["jobs"].popen is not None:
            assert time.monotonic() < deadline_s
            supervisor.step(0.05)
        now_s[0] += 6
        watch()
        assert not supervisor.children, "what has ended stays on the list"
        supervisor.stop_all()


@pytest.fixture(autouse=True)
def tried_broker() -> None:
    """Let each test begin with a broker that nothing is known of."""
    reachability_at(current_app.conf.broker_url).note_answer()
