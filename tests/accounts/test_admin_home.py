"""The first page of the admin: health, queues, and who gets in for how long."""

import datetime as dt
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.models import Organization, User
from apps.common import probes
from apps.common.db import JobStatus
from apps.common.probes import Degraded, Probe
from apps.datasets.models import Dataset, Import
from config.admin_home import queue_states
from tests.factories.accounts import OrganizationFactory, UserFactory


@pytest.fixture(autouse=True)
def _plain_files(settings: Settings) -> None:
    # The page's files are collected by `up`; here their plain names will do.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(autouse=True)
def _test_probes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def look_worse() -> dict[str, Any]:
        facts = {"left_s": 7, "used_bytes": 2048, "names": ["a", "b"], "count": 1_234}
        raise Degraded({**facts, "is_lit": False, "failed": {"load": 1, "late_s": 2}})

    monkeypatch.setattr(probes, "_probes", {})
    probes.register_probe(Probe("shelf", lambda: {"books": 3}))
    probes.register_probe(Probe("lamp", look_worse))
    probes.forget_findings()
    yield
    probes.forget_findings()


@pytest.fixture
def staff(db: None) -> User:
    user: User = UserFactory.create(is_staff=True)
    return user


@pytest.fixture
def operator(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def make_import(status: str, **fields: Any) -> Import:
    organization: Organization = OrganizationFactory.create()
    dataset = Dataset.objects.create(organization=organization, name="Thefts")
    return Import.objects.create(dataset=dataset, status=status, options={"dry_run": False}, **fields)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_health_is_shown_part_by_part_without_scripts(operator: Client) -> None:
    page = text_of(operator.get("/admin/"))

    assert "Health degraded" in page
    assert re.search(r"shelf ok [\d.]+ ms books 3", page)
    assert "left 7 s · used 2.0 KB · names a, b · count 1,234 · is lit no · failed load 1, late 2 s" in page


def test_queues_are_counted_with_their_dead_letters(operator: Client) -> None:
    for status in (JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FAILED):
        make_import(status)
    make_import(JobStatus.FAILED, discarded_at=timezone.now())
    make_import(JobStatus.SUCCEEDED)
    later = make_import(JobStatus.QUEUED, run_after=timezone.now() + dt.timedelta(hours=1))
    Import.objects.filter(pk=later.pk).update(queued_at=timezone.now() - dt.timedelta(days=2))

    states = {state.name: state for state in queue_states()}
    assert list(states)[:2] == ["high_priority", "default"]
    default = states["default"]
    assert (default.waiting, default.running, default.dead) == (3, 1, 1)
    # What is not due yet does not wait.
    assert default.oldest_at is not None
    assert timezone.now() - default.oldest_at < dt.timedelta(days=1)
    assert "1 dead letter " in text_of(operator.get("/admin/"))


def test_only_staff_see_it(db: None) -> None:
    member = Client()
    member.force_login(UserFactory.create())

    assert Client().get("/admin/").status_code == 302
    assert member.get("/admin/login/").status_code == 403
    assert "Queues" not in text_of(member.get("/admin/", follow=True))


def test_staff_sign_in_anew_after_twelve_hours(operator: Client, staff: User) -> None:
    assert operator.get("/admin/").status_code == 200
    User.objects.filter(pk=staff.pk).update(last_login=timezone.now() - dt.timedelta(hours=12, minutes=1))

    answer = operator.get("/admin/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login/"
    assert "next=/admin/" in answer.request["QUERY_STRING"].replace("%2F", "/")


def test_a_sign_in_elsewhere_does_not_prolong_this_session(operator: Client, staff: User) -> None:
    session = operator.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 13 * 3_600}]
    session["account_authentication_methods_user"] = str(staff.pk)
    session.save()

    User.objects.filter(pk=staff.pk).update(last_login=timezone.now())
    assert operator.get("/admin/").status_code == 302
