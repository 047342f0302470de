"""Who is told what of projects."""

import pytest

from apps.accounts.models import Notification
from apps.common.db import JobStatus
from apps.projects import notices
from apps.projects.models import CodeJob, Manifest, Mirror, MirrorRun, Project
from apps.projects.states import Visibility
from tests.factories.projects import ProjectFactory, ProjectMemberFactory
from tests.furniture.people import Actors


def run_of(project: Project) -> MirrorRun:
    fields = {"organization": project.organization, "project": project}
    mirror = Mirror.objects.create(url="https://git.example/a.git", host="git.example", port=443, **fields)
    return MirrorRun.objects.create(mirror=mirror, kind="fetch", **fields)


def job_of(project: Project, **fields: object) -> CodeJob:
    place = {"organization": project.organization, "project": project}
    manifest = Manifest.objects.create(number=1, generator="1", settings_digest=b"", **place)
    return CodeJob.objects.create(manifest=manifest, type="docs", input_digest=b"1", **place, **fields)


def told(kind: str) -> set[object]:
    return set(Notification.objects.filter(kind=kind).values_list("user", flat=True))


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a private project of the analyst; the viewer is a member."""
    made = ProjectFactory.create(
        organization=actors.organization, owner=actors.analyst.user, visibility=Visibility.PRIVATE
    )
    ProjectMemberFactory.create(project=made, user=actors.viewer.user)
    return made


def test_owner_and_admins_hear_of_a_failing_sync_once(actors: Actors, project: Project) -> None:
    assert actors.admin.user
    assert actors.manager.user  # sees no private project of others
    run = run_of(project)
    for _twice in range(2):
        notices.tell_sync_failed(run, code="projects.git_failed")
    assert told(notices.SYNC_FAILED) == {actors.analyst.user.pk, actors.admin.user.pk}  # type: ignore[union-attr]
    assert Notification.objects.count() == 2
    assert "git ended with an error" in Notification.objects.all()[0].body


def test_a_manager_who_sees_the_project_is_in_charge_of_it(actors: Actors, project: Project) -> None:
    assert actors.manager.user
    project.visibility = Visibility.ORGANIZATION
    project.save()
    notices.tell_history_rewritten(run_of(project), refs=["heads/a", "heads/b", "heads/c", "heads/d"])
    assert actors.manager.user.pk in told(notices.HISTORY_REWRITTEN)
    assert "heads/c and 1 more" in Notification.objects.all()[0].body


def test_an_owner_who_left_hears_nothing(actors: Actors, project: Project) -> None:
    assert actors.analyst.user
    actors.analyst.user.memberships.all().delete()
    notices.tell_over_quota(run_of(project))
    assert told(notices.OVER_QUOTA) == set()


def test_the_starter_hears_how_a_job_ended(actors: Actors, project: Project) -> None:
    failed = {"status": JobStatus.FAILED, "error_code": "projects.git_failed"}
    notices.tell_job_finished(job_of(project, created_by=actors.viewer.user, **failed))
    (notice,) = Notification.objects.all()
    assert notice.user_id == actors.viewer.user.pk  # type: ignore[union-attr]
    assert notice.title == f"Docs of {project.name}: failed"
    assert notice.level == "warning"


def test_a_starter_who_sees_the_project_no_more_hears_nothing(actors: Actors, project: Project) -> None:
    job = job_of(project, created_by=actors.viewer.user, status=JobStatus.SUCCEEDED)
    project.members.all().delete()
    notices.tell_job_finished(job)
    assert not Notification.objects.exists()


def test_whoever_leaves_the_organization_is_no_member_when_they_come_back(
    actors: Actors, project: Project
) -> None:
    user = actors.viewer.user
    assert user
    user.memberships.all().delete()
    user.memberships.create(organization=actors.organization, role="viewer")
    assert not Project.objects.visible_to(actors.viewer.actor).exists()
