"""Projects over the API: created, listed, changed, archived, given away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import AuditEntry, Membership, Role
from apps.common.db import uuid7
from apps.projects.errors import ProjectArchived
from apps.projects.models import Manifest, MirrorRun, Project, ProjectMember, Proposal
from apps.projects.services.projects import NameTaken, create_project, update_project
from apps.projects.states import MemberRole, Visibility
from tests.factories.accounts import create_member
from tests.factories.projects import ProjectFactory, ProjectMemberFactory, publish
from tests.furniture.people import Actors, Person
from tests.furniture.query_counts import Check
from tests.projects.repositories import Repository
from tests.projects.rights_world import OPEN, RightsWorld

URL = "/api/v1/projects"


def created(person: Person, name: str = "Compass", **fields: Any) -> Any:
    answer = person.api.post(URL, {"name": name, **fields}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def address(project: Any, *more: str) -> str:
    key = project["id"] if isinstance(project, dict) else project.pk
    return "/".join([URL, str(key), *more])


def test_who_creates_a_project_owns_it(actors: Actors) -> None:
    found = created(actors.analyst, description="Where north is.")
    assert actors.analyst.user
    assert found["owner"] == {"id": str(actors.analyst.user.pk), "name": actors.analyst.user.name}
    assert (found["my_right"], found["visibility"], found["mirror"]) == ("own", "private", None)
    assert found["counts"] == {"jobs_running": 0, "proposals_stale": 0, "members": 0}
    assert found["settings"]["history_tips"] == 5
    assert found["preview_capable"]["web"]["yes"] is False
    assert actors.analyst.api.get(address(found)).json() == found
    assert AuditEntry.objects.filter(verb="projects.created", target_id=found["id"]).exists()


def test_a_viewer_creates_none(actors: Actors) -> None:
    answer = actors.viewer.api.post(URL, {"name": "Compass"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission.denied")


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "x" * 161, "\u202e\x07"])
def test_a_name_is_one_short_line(actors: Actors, name: str) -> None:
    answer = actors.analyst.api.post(URL, {"name": name}, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"


def test_a_name_is_taken_in_any_case_within_the_organization(actors: Actors) -> None:
    created(actors.analyst, "Zwölf")
    again = actors.manager.api.post(URL, {"name": "ZWÖLF"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "projects.name_taken")
    created(actors.stranger, "zwölf")


def test_a_rename_to_a_taken_name_is_refused_and_to_another_case_of_its_own_is_not(actors: Actors) -> None:
    created(actors.analyst, "Compass")
    other = created(actors.analyst, "Sextant")
    client = actors.analyst.api
    refused = client.patch(address(other), {"name": "compass"}, format="json")
    assert refused.json()["code"] == "projects.name_taken"
    assert client.patch(address(other), {"name": "SEXTANT"}, format="json").json()["name"] == "SEXTANT"


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_a_name_at_once_one_gets_it() -> None:
    actors = Actors()
    actor = actors.analyst.actor

    def attempt(number: int) -> bool:
        try:
            create_project(actor=actor, name="Compass" if number % 2 else "COMPASS")
        except NameTaken:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))
    assert outcomes.count(True) == 1
    assert Project.objects.count() == 1


def test_settings_change_one_by_one_and_unknown_ones_are_refused(actors: Actors) -> None:
    project = created(actors.analyst)
    client = actors.analyst.api
    first = client.patch(address(project), {"settings": {"exclude_globs": ["docs/**"]}}, format="json").json()
    second = client.patch(address(project), {"settings": {"external_ai": True}}, format="json").json()
    assert first["settings"] | {"external_ai": True} == second["settings"]
    assert second["settings"]["exclude_globs"] == ["docs/**"]
    wrong = client.patch(address(project), {"settings": {"history_tips": 21, "colour": 1}}, format="json")
    assert wrong.status_code == 422
    back = client.patch(
        address(project), {"settings": {"external_ai": False, "exclude_globs": []}}, format="json"
    )
    assert back.json()["settings"] == project["settings"]
    assert Project.objects.get(pk=project["id"]).settings == {}


@pytest.mark.parametrize(
    "body",
    [
        {"visibility": "public"},
        {"sync_mode": "never"},
        {"sync_interval_s": 299},
        {"sync_interval_s": 86_401},
        {"settings": {"history_days": 0}},
        {"settings": {"exclude_globs": ["x"] * 51}},
        {"settings": {"ai_exclude_globs": ["x" * 256]}},
        {"owner": "somebody"},
    ],
)
def test_what_is_out_of_range_is_refused(actors: Actors, body: dict[str, Any]) -> None:
    project = created(actors.analyst)
    assert actors.analyst.api.patch(address(project), body, format="json").status_code == 422


def test_the_list_is_narrowed_by_role_visibility_archive_and_words(actors: Actors) -> None:
    mine = created(actors.analyst, "Mine")
    seen = ProjectFactory.create(organization=actors.organization, name="Seen by all")
    edited = ProjectFactory.create(
        organization=actors.organization, name="Edited", visibility=Visibility.PRIVATE
    )
    ProjectMemberFactory.create(project=edited, user=actors.analyst.user, role=MemberRole.EDITOR)
    ProjectFactory.create(organization=actors.organization, visibility=Visibility.PRIVATE, name="Hidden")
    actors.analyst.api.post(address(created(actors.analyst, "Old"), "archive"))

    def names(query: str) -> list[str]:
        answer = actors.analyst.api.get(f"{URL}?{query}")
        assert answer.status_code == 200, answer.json()
        return [row["name"] for row in answer.json()["results"]]

    assert names("") == ["Edited", "Mine", "Seen by all"]
    assert names("role=owner") == [mine["name"]]
    assert names("role=editor") == [edited.name]
    assert names("role=viewer") == []
    assert names("visibility=organization") == [seen.name]
    assert names("archived=true") == ["Old"]
    assert names("archived=false&search=seen") == [seen.name]
    assert actors.analyst.api.get(f"{URL}?role=boss").status_code == 422


def test_the_list_says_what_the_caller_may(actors: Actors) -> None:
    project = ProjectFactory.create(organization=actors.organization)
    ProjectMemberFactory.create(project=project, user=actors.analyst.user, role=MemberRole.EDITOR)
    ProjectMemberFactory.create(project=project, user=actors.viewer.user, role=MemberRole.EDITOR)

    def right(person: Person) -> str:
        return str(person.api.get(URL).json()["results"][0]["my_right"])

    assert [right(person) for person in (actors.admin, actors.manager, actors.analyst, actors.viewer)] == [
        "own", "own", "edit", "view",
    ]  # fmt: skip


def test_the_current_manifest_is_shown(actors: Actors) -> None:
    project = ProjectFactory.create(organization=actors.organization)
    facts = {"preview_capable": {"web": {"yes": True, "reason": "index.html"}}}
    fields: dict[str, Any] = {"organization": project.organization, "project": project, "generator": "1"}
    Manifest.objects.create(number=1, state="superseded", settings_digest=b"1", **fields)
    Manifest.objects.create(
        number=2, state="current", digest=b"\xab" * 32, settings_digest=b"2", facts=facts, **fields
    )
    found = actors.viewer.api.get(address(project)).json()
    assert (found["manifest"]["version"], found["manifest"]["digest"]) == (2, "ab" * 32)
    assert found["preview_capable"]["web"] == {"yes": True, "reason": "index.html"}
    assert found["preview_capable"]["ios"]["yes"] is False


def test_an_archived_project_is_read_and_not_changed(actors: Actors) -> None:
    project = created(actors.analyst)
    client = actors.analyst.api
    archived = client.post(address(project, "archive"))
    assert archived.json()["archived_at"] is not None
    assert client.get(address(project)).status_code == 200
    for answer in (
        client.patch(address(project), {"description": "x"}, format="json"),
        client.post(address(project, "archive")),
        client.post(address(project, "transfer"), {"user_id": str(actors.manager.user.pk)}, format="json"),  # type: ignore[union-attr]
        client.delete(f"{address(project)}?confirm=Compass"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "projects.archived")
    assert client.post(address(project, "unarchive")).json()["archived_at"] is None
    assert client.post(address(project, "unarchive")).json()["code"] == "conflict.state"


def test_an_archive_ends_what_runs(actors: Actors, make_repository: Callable[[str], Repository]) -> None:
    place = RightsWorld(actors, make_repository).places[OPEN]
    running = {"status": "running", "state": "analysing", "lease_token": uuid7(), "finished_at": None}
    Proposal.objects.filter(pk=place.proposal.pk).update(**running)
    answer = actors.admin.api.post(address(place.project, "archive"))
    assert answer.json()["counts"]["jobs_running"] == 0
    place.job.refresh_from_db()
    place.proposal.refresh_from_db()
    assert place.job.status == "cancelled"
    assert place.proposal.cancel_requested_at is not None


def test_an_archive_meets_a_change_that_waited_for_it(actors: Actors) -> None:
    project = ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)
    stale = Project.objects.get(pk=project.pk)
    actors.analyst.api.post(address(project, "archive"))
    with pytest.raises(ProjectArchived):
        update_project(actor=actors.analyst.actor, project=stale, description="x")


def test_the_owner_before_stays_as_an_editor(actors: Actors) -> None:
    project = created(actors.analyst)
    heir = create_member(actors.organization, Role.ANALYST)
    ProjectMemberFactory.create(project=Project.objects.get(pk=project["id"]), user=heir)
    given = actors.analyst.api.post(address(project, "transfer"), {"user_id": str(heir.pk)}, format="json")
    assert (given.json()["owner"]["id"], given.json()["my_right"]) == (str(heir.pk), "edit")
    (member,) = ProjectMember.objects.all()
    assert (member.user, member.role) == (actors.analyst.user, MemberRole.EDITOR)
    again = actors.analyst.api.post(address(project, "transfer"), {"user_id": str(heir.pk)}, format="json")
    assert again.status_code == 403


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_a_project_goes_to_an_analyst_of_the_organization_only(actors: Actors, who: str) -> None:
    project, user = created(actors.analyst), actors[who].user
    assert user
    answer = actors.analyst.api.post(address(project, "transfer"), {"user_id": str(user.pk)}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/user_id")


def test_a_demotion_acts_on_the_next_request(actors: Actors) -> None:
    project = created(actors.analyst)
    Membership.objects.filter(user=actors.analyst.user).update(role=Role.VIEWER)
    refused = actors.analyst.api.patch(address(project), {"description": "x"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission.denied")
    assert actors.analyst.api.get(address(project)).json()["my_right"] == "view"


def test_a_change_of_what_somebody_else_changed_is_refused(actors: Actors) -> None:
    project = created(actors.analyst)
    tag = actors.analyst.api.get(address(project))["ETag"]
    change = {"description": "x"}
    assert (
        actors.analyst.api.patch(address(project), change, format="json", HTTP_IF_MATCH=tag).status_code
        == 200
    )
    again = actors.analyst.api.patch(address(project), {"description": "y"}, format="json", HTTP_IF_MATCH=tag)
    assert again.status_code == 412


def test_a_repository_is_linked_with_the_project(actors: Actors) -> None:
    repo = {"url": "https://git.example/team/compass.git", "tracked_ref": "main", "sync_mode": "manual"}
    found = created(actors.analyst, repo=repo)
    assert found["mirror"]["state"] == "cloning"
    assert (found["tracked_ref"], found["sync_mode"]) == ("main", "manual")
    assert MirrorRun.objects.get().kind == "clone"
    verbs = AuditEntry.objects.filter(target_id=found["id"]).values_list("verb", flat=True)
    assert set(verbs) == {"projects.created", "projects.repository_linked"}


def test_a_project_whose_repository_cannot_be_linked_is_not_created(actors: Actors) -> None:
    body = {"name": "Compass", "repo": {"url": "https://user:pw@git.example/a.git"}}
    answer = actors.analyst.api.post(URL, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "projects.repo_url_invalid")
    unknown = {"url": "https://git.example/a.git", "credential_id": str(uuid7())}
    answer = actors.analyst.api.post(URL, body | {"repo": unknown}, format="json")
    assert answer.json()["errors"][0]["pointer"] == "/repo/credential_id"
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        ({"tracked_ref": "next"}, ["manifest"]),
        ({"settings": {"exclude_globs": ["docs/**"]}}, ["manifest"]),
        ({"settings": {"external_ai": True}}, []),
        ({"description": "x", "sync_mode": "manual"}, []),
    ],
)
def test_what_the_tree_is_read_by_queues_a_manifest(
    actors: Actors, make_repository: Callable[[str], Repository], change: dict[str, Any], runs: list[str]
) -> None:
    repository = make_repository("a")
    repository.commit({"a": "1"})
    project = ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)
    publish(project, repository)
    assert actors.analyst.api.patch(address(project), change, format="json").status_code == 200
    assert list(MirrorRun.objects.values_list("kind", flat=True)) == runs


def test_a_mirror_is_due_as_the_project_says(actors: Actors) -> None:
    project = created(actors.analyst, repo={"url": "https://git.example/a.git"})
    client = actors.analyst.api

    def due() -> tuple[str, bool]:
        mirror = client.get(address(project)).json()["mirror"]
        return mirror["reason"], mirror["next_due_at"] is not None

    assert due() == ("adaptive", True)
    client.patch(address(project), {"sync_mode": "fixed", "sync_interval_s": 600}, format="json")
    assert due() == ("fixed", True)
    client.post(address(project, "archive"))
    assert due() == ("archived", False)
    assert MirrorRun.objects.get().status == "cancelled"
    client.post(address(project, "unarchive"))
    assert due() == ("fixed", True)


def test_a_list_takes_as_many_queries_for_many_as_for_one(actors: Actors, same_queries: Check) -> None:
    def add() -> None:
        project = ProjectFactory.create(organization=actors.organization, owner=actors.manager.user)
        ProjectMemberFactory.create(project=project, user=actors.analyst.user)

    same_queries("projects", add, lambda: actors.analyst.api.get(f"{URL}?page_size=200"))
