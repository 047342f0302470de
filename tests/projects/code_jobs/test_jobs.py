"""Code jobs as jobs: who may start them, equal ones, targets, archive, the list of results."""

import threading
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.accounts.models import Membership, Notification, Role
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.jobs import find_kind, run_due
from apps.projects.models import CodeJob, Project
from apps.projects.states import MemberRole
from tests.factories.projects import ProjectFactory, ProjectMemberFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.projects.code_jobs.worlds import (
    FILES,
    MakeRepository,
    ask,
    finished,
    published_project,
    result_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(actors: Actors, make_repository: MakeRepository) -> Project:
    """Give a project of the admin's, published."""
    repository = make_repository("remote")
    repository.commit(FILES)
    return published_project(actors, repository)


def test_editors_start_jobs_and_viewers_read_them(actors: Actors, project: Project) -> None:
    assert ask(actors.viewer, project).status_code == 403
    assert ask(actors.analyst, project).status_code == 403
    assert ask(actors.anonymous, project).status_code == 401
    assert ask(actors.stranger, project).status_code == 404
    ProjectMemberFactory.create(project=project, user=actors.analyst.user, role=MemberRole.EDITOR)
    response = ask(actors.analyst, project)
    assert response.status_code == 202
    address = response["Location"]
    body = actors.viewer.api.get(address).json()
    assert (body["status"], body["type"], body["targets"]["paths"]) == ("queued", "docs", [])
    assert body["commit"] == project.mirror.head_commit
    assert actors.stranger.api.get(address).status_code == 404
    assert actors.stranger.api.get(f"{address}/result").status_code == 404
    project.visibility = "private"
    project.save()
    assert actors.viewer.api.get(address).status_code == 404
    assert actors.viewer.api.get("/api/v1/ai/jobs").json()["results"] == []
    assert actors.viewer.api.get("/api/v1/jobs").json()["results"] == []


def test_an_equal_request_joins_the_job_that_is_queued(actors: Actors, project: Project) -> None:
    first = ask(actors.admin, project, targets={"paths": ["pack/units.py", "main.py"][:1]})
    equal = ask(actors.manager, project, targets={"paths": ["pack/units.py"]}, client={"editor": "vim"})
    other = ask(actors.admin, project)
    assert (first.status_code, equal.status_code, other.status_code) == (202, 200, 202)
    assert equal.json()["id"] == first.json()["id"] != other.json()["id"]
    run_due(queue="default")
    assert ask(actors.admin, project, targets={"paths": ["pack/units.py"]}).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_equal_requests_at_once_make_one_job(actors: Actors, project: Project) -> None:
    clients = [actors.admin, actors.manager]
    assert all(person.api for person in clients)
    statuses: list[int] = []

    def start(person: Any) -> None:
        statuses.append(ask(person, project).status_code)
        connections.close_all()

    threads = [threading.Thread(target=start, args=(person,)) for person in clients * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 200, 200, 202]
    assert CodeJob.objects.filter(project=project).count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"targets": {"paths": ["pack/none.py"]}}, "projects.target_not_in_manifest"),
        ({"targets": {"paths": ["pack"]}}, "projects.target_not_in_manifest"),
        ({"type": "explanation"}, "request.invalid"),
        ({"type": "poem"}, "request.invalid"),
        ({"targets": {"paths": ["x"] * 201}}, "request.invalid"),
        ({"selection": {"path": "README.md", "line_start": 5, "line_end": 4}}, "request.invalid"),
        ({"surprise": 1}, "request.invalid"),
    ],
)
def test_what_cannot_be_done_is_refused(
    actors: Actors, project: Project, fields: dict[str, Any], code: str
) -> None:
    response = ask(actors.admin, project, **fields)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_a_project_without_a_repository_has_no_jobs(actors: Actors) -> None:
    project = ProjectFactory.create(organization=actors.organization)
    response = ask(actors.admin, project)
    assert (response.status_code, response.json()["code"]) == (409, "projects.not_linked")


def test_an_archived_project_takes_no_jobs_and_ends_those_that_wait(actors: Actors, project: Project) -> None:
    queued = ask(actors.admin, project).json()
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now())
    refused = ask(actors.admin, project, type="summary")
    assert (refused.status_code, refused.json()["code"]) == (409, "projects.archived")
    run_due(queue="default")
    assert CodeJob.objects.get(pk=queued["id"]).status == JobStatus.CANCELLED


def test_who_lost_the_right_while_a_job_waited_gets_no_result(actors: Actors, project: Project) -> None:
    queued = ask(actors.manager, project).json()
    Membership.objects.filter(user=actors.manager.user).update(role=Role.VIEWER)
    run_due(queue="default")
    job = CodeJob.objects.get(pk=queued["id"])
    assert (job.status, job.error_code) == (JobStatus.FAILED, "job.permission_lost")


def test_three_jobs_of_a_project_run_and_more_wait(actors: Actors, project: Project) -> None:
    ids = [
        ask(actors.admin, project, type="file_summary", instructions=str(number)).json()["id"]
        for number in range(4)
    ]
    CodeJob.objects.filter(pk__in=ids[:3]).update(status=JobStatus.RUNNING, lease_until=timezone.now())
    kind = find_kind("projects.code_job")
    queued = kind.rows.filter(pk=ids[3])
    assert not kind.claimable(queued).exists()
    CodeJob.objects.filter(pk=ids[0]).update(status=JobStatus.SUCCEEDED)
    assert kind.claimable(queued).exists()


def test_a_job_that_waits_is_cancelled_at_once(actors: Actors, project: Project) -> None:
    queued = ask(actors.manager, project).json()
    assert actors.manager.api.post(f"/api/v1/jobs/{queued['id']}/cancel").status_code == 202
    run_due(queue="default")
    job = CodeJob.objects.get(pk=queued["id"])
    assert job.status == JobStatus.CANCELLED
    response = actors.manager.api.get(f"/api/v1/ai/jobs/{job.pk}/result")
    assert (response.status_code, response.json()["code"]) == (409, "projects.job_not_finished")


def test_the_starter_is_told_of_the_end(actors: Actors, project: Project) -> None:
    finished(actors.manager, project)
    (notice,) = Notification.objects.filter(user=actors.manager.user, kind="projects.job_finished")
    assert project.name in notice.title


def test_a_job_that_lost_its_worker_runs_again_to_the_same_result(actors: Actors, project: Project) -> None:
    first = result_of(actors.viewer, finished(actors.admin, project))
    CodeJob.objects.update(status=JobStatus.QUEUED, attempt=0)
    (job,) = CodeJob.objects.all()
    jobs.execute("projects.code_job", job.pk)
    assert result_of(actors.viewer, CodeJob.objects.get(pk=job.pk)) == first


def test_results_are_listed_by_type_and_path(actors: Actors, project: Project, same_queries: Check) -> None:
    old = finished(actors.admin, project)
    whole = finished(actors.admin, project)
    one = finished(actors.admin, project, targets={"paths": ["pack/units.py"]})
    address = f"/api/v1/projects/{project.pk}/docs"
    listed = actors.viewer.api.get(address).json()["results"]
    assert [(each["id"], each["paths"]) for each in listed] == [
        (str(one.pk), ["pack/units.py"]),
        (str(whole.pk), [""]),
    ]
    assert listed[0]["result_url"] == f"/api/v1/ai/jobs/{one.pk}/result"
    about = actors.viewer.api.get(address, {"path": "pack/units.py"}).json()["results"]
    assert [each["id"] for each in about] == [str(one.pk)]
    assert actors.viewer.api.get(address, {"type": "summary"}).json()["results"] == []
    numbers = iter(range(1_000))

    def add() -> None:
        row = CodeJob.objects.get(pk=old.pk)
        row.pk, row.input_digest = None, str(next(numbers)).encode()
        row.request = row.request | {"covers": [str(next(numbers))]}
        row._state.adding = True
        row.pk = CodeJob._meta.pk.get_default()
        row.save(force_insert=True)

    same_queries("projects_docs", add, lambda: actors.viewer.api.get(address))
    same_queries("projects_code_jobs", add, lambda: actors.viewer.api.get("/api/v1/ai/jobs"))


def test_the_engines_say_how_they_stand(actors: Actors, settings: Any) -> None:
    def engines() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = actors.viewer.api.get("/api/v1/ai/engines").json()
        return found

    assert [(each["engine"], each["state"]) for each in engines()] == [
        ("structural", "ok"),
        ("external", "off"),
    ]
    settings.AI_PROVIDER, settings.AI_MODEL, settings.AI_DAILY_TOKENS = "recording", "small", 500
    assert engines()[1] == {
        "engine": "external", "model": "small", "state": "ok", "tokens_left_today": 500,
    }  # fmt: skip
    assert actors.anonymous.api.get("/api/v1/ai/engines").status_code == 401


def test_a_failed_job_is_not_queued_again_beside_an_equal_one(actors: Actors, project: Project) -> None:
    failed = ask(actors.admin, project).json()["id"]
    CodeJob.objects.filter(pk=failed).update(status=JobStatus.FAILED, error_code="projects.git_failed")
    equal = ask(actors.admin, project)
    assert equal.status_code == 202
    response = actors.admin.api.post(f"/api/v1/jobs/{failed}/retry")
    assert (response.status_code, response.json()["code"]) == (409, "job.not_retryable")
    assert CodeJob.objects.get(pk=failed).status == JobStatus.FAILED
