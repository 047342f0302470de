"""The page of jobs: what each person sees and is offered."""

import uuid
from typing import Any

import pytest

from apps.common.db import JobStatus
from apps.datasets.models import Dataset, Import
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check

pytestmark = pytest.mark.django_db


def make_job(actors: Actors, status: str, **fields: Any) -> Import:
    organization = fields.pop("organization", actors.organization)
    dataset = Dataset.objects.create(organization=organization, name=uuid.uuid4().hex)
    return Import.objects.create(dataset=dataset, status=status, options={}, **fields)


def test_everybody_is_offered_what_they_may_do_and_no_more(actors: Actors) -> None:
    queued = make_job(actors, JobStatus.QUEUED, created_by=actors.analyst.user)
    failed = make_job(actors, JobStatus.FAILED, error_code="job.internal", error_detail="It broke <here>.")
    foreign = make_job(actors, JobStatus.QUEUED, organization=actors.stranger.organization)
    offered = {
        "viewer": set(),
        "analyst": {f"{queued.pk}/cancel"},
        "manager": {f"{queued.pk}/cancel", f"{failed.pk}/retry"},
        "admin": {f"{queued.pk}/cancel", f"{failed.pk}/retry", f"{failed.pk}/discard"},
    }
    for name, acts in offered.items():
        page = actors[name].browser.get("/jobs/").content.decode()
        assert page.count("data-job-act") == len(acts), name
        assert all(f"/api/v1/jobs/{act}" in page for act in acts), name
        assert "It broke &lt;here&gt;." in page
        assert str(foreign.pk) not in page
    assert actors.anonymous.browser.get("/jobs/").status_code == 302


def test_the_board_has_views_with_their_numbers(actors: Actors) -> None:
    make_job(actors, JobStatus.RUNNING, progress=0.25, stage="read")
    make_job(actors, JobStatus.FAILED)
    for view, expected in {"running": 1, "dead": 1, "queued": 0, "all": 2, "nonsense": 2}.items():
        answer = actors.viewer.browser.get(f"/jobs/?show={view}")
        assert len(answer.context["page"].object_list) == expected, view
    page = actors.viewer.browser.get("/jobs/?show=running").content.decode()
    assert 'value="0.2500"' in page
    assert "No jobs here" in actors.viewer.browser.get("/jobs/?show=queued").content.decode()


def test_the_board_runs_the_same_queries_for_any_number_of_jobs(actors: Actors, same_queries: Check) -> None:
    same_queries(
        "GET /jobs/",
        lambda: make_job(actors, JobStatus.FAILED, created_by=actors.analyst.user),
        lambda: actors.viewer.browser.get("/jobs/"),
    )
