"""The endpoints of mirrors: who may what, and what they answer."""

from collections.abc import Callable

import pytest

from apps.projects.models import Project
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
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
