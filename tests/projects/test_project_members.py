"""Who works on a project: added, changed, removed, and gone by themselves."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry, Membership, Role
from apps.projects.models import Project, ProjectMember
from apps.projects.states import MemberRole, Visibility
from tests.factories.accounts import create_member
from tests.factories.projects import ProjectFactory, ProjectMemberFactory
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a private project of the analyst."""
    return ProjectFactory.create(
        organization=actors.organization, owner=actors.analyst.user, visibility=Visibility.PRIVATE
    )


def url(project: Project, *more: Any) -> str:
    return "/".join(["/api/v1/projects", str(project.pk), "members", *map(str, more)])


def add(person: Person, project: Project, user: Any, role: str = "viewer") -> Any:
    return person.api.post(url(project), {"user_id": str(user.pk), "role": role}, format="json")


def test_a_member_sees_a_private_project(actors: Actors, project: Project) -> None:
    page = f"/api/v1/projects/{project.pk}"
    assert actors.viewer.api.get(page).status_code == 404
    answer = add(actors.analyst, project, actors.viewer.user)
    assert answer.status_code == 201
    assert answer.json()["user"]["id"] == str(actors.viewer.user.pk)  # type: ignore[union-attr]
    assert answer.headers["Location"].endswith(url(project, actors.viewer.user.pk))  # type: ignore[union-attr]
    assert actors.viewer.api.get(page).json()["counts"]["members"] == 1
    assert AuditEntry.objects.filter(verb="projects.member_added", target_id=project.pk).exists()


def test_nobody_is_added_twice_and_the_owner_never(actors: Actors, project: Project) -> None:
    add(actors.analyst, project, actors.viewer.user)
    for user in (actors.viewer.user, actors.analyst.user):
        answer = add(actors.analyst, project, user)
        assert (answer.status_code, answer.json()["code"]) == (409, "projects.already_member")


def test_only_members_of_the_organization_are_added(actors: Actors, project: Project) -> None:
    answer = add(actors.analyst, project, actors.stranger.user)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/user_id")


def test_an_editor_needs_to_be_an_analyst(actors: Actors, project: Project) -> None:
    answer = add(actors.analyst, project, actors.viewer.user, "editor")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/role")
    add(actors.analyst, project, actors.viewer.user)
    change = actors.analyst.api.patch(url(project, actors.viewer.user.pk), {"role": "editor"}, format="json")  # type: ignore[union-attr]
    assert change.status_code == 422


def test_a_changed_role_is_read_at_the_next_request(actors: Actors, project: Project) -> None:
    user = create_member(actors.organization, Role.ANALYST)
    helper = Person("helper", actors.organization, user, Role.ANALYST)
    add(actors.analyst, project, user)
    page = f"/api/v1/projects/{project.pk}"
    assert helper.api.get(page).json()["my_right"] == "view"
    changed = actors.analyst.api.patch(url(project, user.pk), {"role": "editor"}, format="json")
    assert changed.json()["role"] == "editor"
    assert helper.api.get(page).json()["my_right"] == "edit"


def test_everybody_may_leave_and_only_those_in_charge_remove_others(actors: Actors, project: Project) -> None:
    other = create_member(actors.organization, Role.VIEWER)
    for user in (actors.viewer.user, other):
        add(actors.analyst, project, user)
    assert actors.viewer.api.delete(url(project, other.pk)).status_code == 403
    assert actors.viewer.api.delete(url(project, actors.viewer.user.pk)).status_code == 204  # type: ignore[union-attr]
    assert actors.viewer.api.get(url(project)).status_code == 404
    assert actors.analyst.api.delete(url(project, other.pk)).status_code == 204
    assert not ProjectMember.objects.exists()


def test_leaving_the_organization_ends_membership_also_for_who_comes_back(
    actors: Actors, project: Project
) -> None:
    user = actors.viewer.user
    assert user
    ProjectMemberFactory.create(project=project, user=user)
    answer = actors.admin.api.delete(f"/api/v1/organizations/{actors.organization.pk}/members/{user.pk}")
    assert answer.status_code == 204
    Membership.objects.create(organization=actors.organization, user=user, role=Role.VIEWER)
    assert actors.viewer.api.get(url(project)).status_code == 404
    assert add(actors.analyst, project, user).status_code == 201


def test_an_archived_project_keeps_its_members(actors: Actors, project: Project) -> None:
    add(actors.analyst, project, actors.viewer.user)
    actors.analyst.api.post(f"/api/v1/projects/{project.pk}/archive")
    user = actors.viewer.user
    assert user
    for answer in (
        add(actors.analyst, project, actors.manager.user),
        actors.analyst.api.patch(url(project, user.pk), {"role": "viewer"}, format="json"),
        actors.analyst.api.delete(url(project, user.pk)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "projects.archived")
    assert actors.viewer.api.get(url(project)).json()["results"][0]["role"] == MemberRole.VIEWER


def test_a_list_of_members_takes_as_many_queries_for_many_as_for_one(
    actors: Actors, project: Project, same_queries: Check
) -> None:
    def more() -> None:
        ProjectMemberFactory.create(project=project, user=create_member(actors.organization, Role.VIEWER))

    same_queries("project-members", more, lambda: actors.analyst.api.get(url(project)))
