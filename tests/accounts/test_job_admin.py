"""The board of jobs in the admin: operators see every kind, and cancel, retry and discard."""

import uuid
from typing import Any

import pytest
from django.test import Client

from apps.accounts import job_admin
from apps.accounts.models import AuditEntry, Mail, User
from apps.common.db import JobStatus
from apps.datasets.models import Dataset, Import
from tests.accounts.test_admin import operator  # noqa: F401 - a fixture
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db
BOARD = "/admin/accounts/job/"


def make_import(actors: Actors, status: str, **fields: Any) -> Import:
    dataset = Dataset.objects.create(organization=actors.organization, name=uuid.uuid4().hex)
    return Import.objects.create(dataset=dataset, status=status, options={"dry_run": False}, **fields)


def act(client: Client, action: str, *rows: Any, **more: str) -> Any:
    chosen = [str(row.pk) for row in rows]
    return client.post(BOARD, {"action": action, "_selected_action": chosen} | more, follow=True)


def test_the_board_shows_jobs_of_all_kinds_and_how_deep_the_queues_are(
    operator: Client,  # noqa: F811
    actors: Actors,
) -> None:
    make_import(actors, JobStatus.FAILED, error_code="job.internal", error_trace="ZeroDivisionError <b>")
    make_import(actors, JobStatus.QUEUED)
    mail = Mail.objects.create(to="a@example.com", template="notice")

    page = operator.get(BOARD)

    assert page.status_code == 200
    assert {job.kind for job in page.context["cl"].result_list} == {"datasets.import", "accounts.mail"}
    counts = {one.kind: (one.queued, one.dead) for one in page.context["counts"].kinds}
    assert counts == {"datasets.import": (1, 1), "accounts.mail": (1, 0)}
    assert operator.get(f"{BOARD}{mail.pk}/change/").status_code == 200
    dead = operator.get(f"{BOARD}?dead=true").context["cl"].result_list
    assert [job.error_code for job in dead] == ["job.internal"]
    assert len(operator.get(f"{BOARD}?q=job.internal&status__exact=failed").context["cl"].result_list) == 1
    assert actors.admin.browser.get(BOARD).status_code == 302


def test_the_page_of_a_job_shows_its_trace(operator: Client, actors: Actors) -> None:  # noqa: F811
    row = make_import(actors, JobStatus.FAILED, error_trace="ZeroDivisionError <b>")
    page = operator.get(f"{BOARD}{row.pk}/change/").content.decode()
    assert "<pre>ZeroDivisionError &lt;b&gt;</pre>" in page
    assert "ZeroDivisionError" not in operator.get(BOARD).content.decode()


def test_operators_cancel_retry_and_discard_and_it_is_recorded_as_theirs(
    operator: Client,  # noqa: F811
    actors: Actors,
) -> None:
    queued, failed, dead = (
        make_import(actors, status) for status in (JobStatus.QUEUED, JobStatus.FAILED, JobStatus.FAILED)
    )
    mail = Mail.objects.create(to="a@example.com", template="notice")
    act(operator, "cancel", queued, mail)
    act(operator, "retry", failed)
    act(operator, "discard", dead)

    for row in (queued, failed, dead, mail):
        row.refresh_from_db()
    assert [row.status for row in (queued, failed, dead, mail)] == [
        "cancelled",
        "queued",
        "failed",
        "cancelled",
    ]
    assert dead.discarded_at is not None
    staff = User.objects.get(is_staff=True)
    verbs = AuditEntry.objects.filter(actor_id=staff.pk, verb__startswith="accounts.job_")
    assert sorted(verbs.values_list("verb", flat=True)) == [
        "accounts.job_cancelled",
        "accounts.job_cancelled",
        "accounts.job_discarded",
        "accounts.job_retried",
    ]


def test_what_cannot_be_done_is_said_and_too_many_at_once_are_refused(
    operator: Client,  # noqa: F811
    actors: Actors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = make_import(actors, JobStatus.SUCCEEDED)
    assert "The job has ended already." in act(operator, "cancel", done).content.decode()

    monkeypatch.setattr(job_admin, "CHOSEN_MAX", 1)
    rows = [make_import(actors, JobStatus.QUEUED) for _ in range(2)]
    assert "Choose at most 1 jobs at once." in act(operator, "cancel", *rows).content.decode()
    assert Import.objects.filter(status=JobStatus.CANCELLED).count() == 0
