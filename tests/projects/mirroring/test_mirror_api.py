"""The endpoints of mirrors: who may what, and what they answer."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.projects.models import ArchivedTip, Credential, Mirror, MirrorRun, Project, Ref
from apps.projects.states import MemberRole
from tests.factories.projects import ProjectFactory, ProjectMemberFactory, publish
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.projects.mirroring.conftest import Linked
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a project that the analyst owns."""
    return ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)


def at(project: Project, rest: str) -> str:
    return f"/api/v1/projects/{project.pk}/{rest}"


def test_the_owner_links_syncs_and_reads_the_mirror(
    linked: Linked, remote: Repository, actors: Actors, project: Project, run_jobs: Callable[[], int]
) -> None:
    head = remote.commit({"a.py": "x = 1\n"})
    api = actors.analyst.api
    answer = api.post(at(project, "link-repo"), {"url": linked.url}, format="json")
    assert answer.status_code == 202, answer.content
    run = answer.json()
    assert (run["kind"], run["status"], run["trigger"]) == ("clone", "queued", "user")
    joined = api.post(at(project, "sync-repo"), {}, format="json")
    assert joined.status_code == 202
    assert (joined.json()["id"], joined.json()["joined"]) == (run["id"], True)
    assert run_jobs() >= 1
    ended = api.get(answer["Location"]).json()
    assert (ended["status"], ended["outcome"], ended["commit_after"]) == ("succeeded", "changed", head)
    assert ended["refs"] == {"added": 1, "updated": 0, "deleted": 0, "rewritten": 0}
    mirror = api.get(at(project, "mirror")).json()
    assert (mirror["state"], mirror["head_commit"], mirror["file_count"]) == ("active", head, 1)
    assert mirror["schedule"]["reason"] == "adaptive"
    assert mirror["schedule"]["detail"].startswith("unchanged for ")
    refs = api.get(at(project, "refs")).json()["results"]
    assert [(ref["name"], ref["kind"], ref["tracked"]) for ref in refs] == [("heads/main", "branch", True)]


@pytest.mark.parametrize(
    ("name", "reading", "writing"),
    [("viewer", 200, 403), ("stranger", 404, 404), ("anonymous", 401, 401), ("manager", 200, 202)],
)
def test_others_read_or_see_nothing_and_do_not_write(  # noqa: PLR0917 - fixtures and cases
    linked: Linked,
    remote: Repository,
    actors: Actors,
    project: Project,
    run_jobs: Callable[[], int],
    name: str,
    reading: int,
    writing: int,
) -> None:
    remote.commit({"a": "1"})
    actors.analyst.api.post(at(project, "link-repo"), {"url": linked.url}, format="json")
    run_jobs()
    api = actors[name].api
    for path in ("mirror", "syncs", "refs"):
        assert api.get(at(project, path)).status_code == reading, path
    for path in ("sync-repo", "mirror/reclone"):
        assert api.post(at(project, path), {}, format="json").status_code == writing, path
    if name != "manager":
        assert api.post(at(project, "link-repo"), {"url": linked.url}, format="json").status_code == writing
        assert api.delete(at(project, "link-repo")).status_code == writing


def test_an_editor_syncs_but_does_not_link(
    linked: Linked, remote: Repository, actors: Actors, run_jobs: Callable[[], int]
) -> None:
    project = ProjectFactory.create(organization=actors.organization, owner=actors.admin.user)
    ProjectMemberFactory.create(project=project, user=actors.analyst.user, role=MemberRole.EDITOR)
    remote.commit({"a": "1"})
    body = {"url": linked.url}
    assert actors.analyst.api.post(at(project, "link-repo"), body, format="json").status_code == 403
    assert actors.admin.api.post(at(project, "link-repo"), body, format="json").status_code == 202
    run_jobs()
    api = actors.analyst.api
    forced = api.post(at(project, "sync-repo"), {"override": True}, format="json")
    assert forced.status_code == 403
    assert api.post(at(project, "sync-repo"), {}, format="json").status_code == 202
    run_jobs()
    too_soon = api.post(at(project, "sync-repo"), {}, format="json")
    assert (too_soon.status_code, too_soon.json()["code"]) == (429, "rate.limited")
    assert int(too_soon["Retry-After"]) > 200


def test_an_archived_project_is_read_and_not_written(
    linked: Linked, remote: Repository, actors: Actors, project: Project, run_jobs: Callable[[], int]
) -> None:
    remote.commit({"a": "1"})
    api = actors.analyst.api
    api.post(at(project, "link-repo"), {"url": linked.url}, format="json")
    run_jobs()
    api.post(f"/api/v1/projects/{project.pk}/archive", {}, format="json")
    assert api.get(at(project, "mirror")).json()["schedule"]["reason"] == "archived"
    for path in ("sync-repo", "mirror/reclone"):
        answer = api.post(at(project, path), {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "projects.archived"), path
    assert api.delete(at(project, "link-repo")).status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://robot:secret@git.example/a"}, "projects.repo_url_invalid"),
        ({"url": "file:///etc/passwd"}, "projects.repo_url_invalid"),
        ({"url": "https://169.254.169.254/a"}, "outbound.blocked"),
        (
            {"url": "https://git.example/a", "credential_id": "00000000-0000-7000-8000-000000000000"},
            "request.invalid",
        ),
        ({"url": "https://git.example/a", "depth": 1}, "request.invalid"),
        ({}, "request.invalid"),
    ],
)
def test_a_wrong_link_is_refused(
    actors: Actors, project: Project, body: dict[str, object], code: str
) -> None:
    answer = actors.analyst.api.post(at(project, "link-repo"), body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "secret" not in answer.content.decode()
    assert not Mirror.objects.exists()


def test_a_credential_serves_one_host_and_goes_when_another_is_linked(
    actors: Actors, project: Project
) -> None:
    api = actors.analyst.api
    body = {"kind": "https", "host": "git.example", "label": "token", "secret": "s" * 20}
    made = api.post(at(project, "credentials"), body, format="json")
    assert made.status_code == 201, made.content
    chosen = {"credential_id": made.json()["id"]}
    wrong = api.post(at(project, "link-repo"), {"url": "https://other.example/a", **chosen}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "projects.credential_host_mismatch")
    right = api.post(at(project, "link-repo"), {"url": "https://git.example/a", **chosen}, format="json")
    assert right.status_code == 202
    assert Mirror.objects.get().credential is not None
    moved = api.post(at(project, "link-repo"), {"url": "https://other.example/a"}, format="json")
    assert moved.status_code == 202
    assert not Credential.objects.exists()
    # The first run was cancelled for the second.
    assert sorted(MirrorRun.objects.values_list("status", flat=True)) == ["cancelled", "queued"]


def test_an_unlinked_project_has_manifests_and_no_mirror(
    linked: Linked, remote: Repository, actors: Actors, project: Project, run_jobs: Callable[[], int]
) -> None:
    api = actors.analyst.api
    for path in ("mirror", "refs"):
        assert api.get(at(project, path)).json()["code"] == "projects.not_linked"
    assert api.post(at(project, "sync-repo"), {}, format="json").json()["code"] == "projects.not_linked"
    remote.commit({"a": "1"})
    api.post(at(project, "link-repo"), {"url": linked.url}, format="json")
    run_jobs()
    assert api.delete(at(project, "link-repo")).status_code == 204
    assert api.get(at(project, "mirror")).status_code == 409
    assert api.get(at(project, "files")).status_code == 409
    assert api.get(at(project, "manifest")).status_code == 200
    assert api.delete(at(project, "link-repo")).json()["code"] == "projects.not_linked"


def test_refs_are_paged_by_kind_and_name(
    actors: Actors, project: Project, make_repository: Callable[[str], Repository]
) -> None:
    repository = make_repository("remote")
    commit = repository.commit({"a": "1"})
    for name in ("heads/b", "heads/c", "tags/v1"):
        repository.git("update-ref", f"refs/{name}", commit)
    mirror = publish(project, repository)
    for number in (9, 10):
        ArchivedTip.objects.create(
            organization=project.organization,
            project=project,
            mirror=mirror,
            number=number,
            ref=f"heads/gone-{number}",
            commit=commit,
            reason="rewritten",
            expires_at=timezone.now() + timedelta(days=1),
        )
    api = actors.viewer.api
    url, seen = at(project, "refs?page_size=2"), []
    while url:
        page = api.get(url).json()
        seen += [ref["name"] for ref in page["results"]]
        url = page["next"]
    assert seen == ["archived/9", "archived/10", "heads/b", "heads/c", "heads/main", "tags/v1"]
    found = api.get(at(project, "refs?kind=branch&kind=tag&search=V")).json()["results"]
    assert [ref["name"] for ref in found] == ["tags/v1"]
    assert api.get(at(project, "refs?kind=note")).status_code == 422


def test_lists_of_mirrors_take_as_many_queries_for_many_as_for_one(
    actors: Actors, project: Project, make_repository: Callable[[str], Repository], same_queries: Check
) -> None:
    repository = make_repository("remote")
    repository.commit({"a": "1"})
    mirror = publish(project, repository)
    Ref.objects.all().delete()
    api = actors.viewer.api

    def add_run() -> None:
        MirrorRun.objects.create(
            organization=project.organization,
            project=project,
            mirror=mirror,
            kind="fetch",
            status="succeeded",
        )

    def add_ref() -> None:
        Ref.objects.create(
            organization=project.organization,
            project=project,
            name=f"heads/{Ref.objects.count()}",
            kind="branch",
            commit="0" * 40,
            target="0" * 40,
        )

    same_queries("project-syncs", add_run, lambda: api.get(at(project, "syncs?page_size=200")))
    same_queries("project-refs", add_ref, lambda: api.get(at(project, "refs?page_size=200")))
