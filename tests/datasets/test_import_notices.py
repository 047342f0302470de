"""Whoever starts an import is told how it ended, once for each end, and nobody else is."""

from collections.abc import Callable

import pytest

from apps.accounts.models import Membership, Notification
from apps.common.db import JobStatus
from apps.datasets.models import Import
from apps.datasets.notices import tell_creator
from tests.datasets.stories import BAD, ROWS, create, csv, made, upload
from tests.furniture.people import Actors

pytestmark = pytest.mark.django_db(transaction=True)
Jobs = Callable[[], int]


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("created_at").values_list("kind", "title"))


def test_a_finished_import_tells_its_creator_what_came_of_the_rows(actors: Actors, run_jobs: Jobs) -> None:
    dataset, row = made(actors.analyst, run_jobs, upload(csv(*ROWS, ROWS[0])), name="Harbour")
    assert told() == [("datasets.import_finished", "The import into Harbour has finished")]
    notice = Notification.objects.get()
    assert (notice.user, notice.organization) == (actors.analyst.user, actors.organization)
    assert notice.body == "5 rows read: 5 accepted, 0 rejected, 0 duplicates."
    assert notice.page == f"/datasets/{dataset['id']}/imports/{row['id']}/"
    assert (notice.target_type, notice.target_id) == ("datasets.import", row["id"])
    assert actors.analyst.browser.get(notice.page).status_code == 200


def test_a_failed_import_says_why(actors: Actors, run_jobs: Jobs) -> None:
    create(actors.analyst, upload(csv(*ROWS[:3], BAD)), name="Harbour")
    run_jobs()
    row = Import.objects.get()
    assert row.status == JobStatus.FAILED
    assert told() == [("datasets.import_failed", "The import into Harbour failed")]
    assert Notification.objects.get().body == row.error_detail != ""


def test_an_import_that_waits_asks_for_its_mapping(actors: Actors, run_jobs: Jobs) -> None:
    create(actors.analyst, upload(csv(BAD, BAD, ROWS[0])), name="Harbour")
    run_jobs()
    assert Import.objects.get().status == JobStatus.WAITING
    assert told() == [("datasets.import_waiting", "The import into Harbour waits for your mapping")]


def test_an_end_that_is_noted_twice_is_told_once(actors: Actors, run_jobs: Jobs) -> None:
    made(actors.analyst, run_jobs, upload(csv(*ROWS)), name="Harbour")
    tell_creator(Import.objects.get())
    assert len(told()) == 1


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.RUNNING, JobStatus.QUEUED])
def test_what_the_creator_did_or_need_not_know_is_not_told(
    actors: Actors, run_jobs: Jobs, status: JobStatus
) -> None:
    create(actors.analyst, upload(csv(*ROWS)), name="Harbour")
    row = Import.objects.get()
    row.status = status
    tell_creator(row)
    assert told() == []


def test_who_has_left_the_organization_is_told_nothing_of_it(actors: Actors, run_jobs: Jobs) -> None:
    create(actors.analyst, upload(csv(*ROWS)), name="Harbour")
    Membership.objects.filter(user=actors.analyst.user).delete()
    run_jobs()
    assert Import.objects.get().status == JobStatus.FAILED
    assert told() == []
