"""Paths that climb, that hold what no path holds or that look like others lead nowhere.

Edge case 26.
"""

from collections.abc import Callable
from itertools import product

import pytest

from apps.projects.errors import PathInvalid
from apps.projects.models import Project
from apps.projects.reading.paths import path_key, path_of_key, vet_path
from tests.factories.projects import ProjectFactory, publish
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db

CLIMBS = (
    *("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "..%00", "%00..", "..;", "....", ". ."),
    *("..%5c", "%5c..", "..%255c", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "..%c0%af..", "%uff0e%uff0e"),
    *(
        "%ef%bc%8e%ef%bc%8e",
        "%e2%80%a5",
        "%e2%80%a4%e2%80%a4",
        "..%ef%bc%8f..",
        "..%e2%88%95..",
        "%e2%80%ae..",
    ),
    *(
        "..%0a",
        "%0a..",
        "..%20",
        "%09..",
        "..%ff",
        "%fe%ff..",
        "a/..",
        "a/%2e%2e/%2e%2e",
        "./",
        "%2f..",
        "..%2f..",
    ),
)
TARGETS = ("etc/passwd", "HEAD", "config", "objects/info/packs", "../../HEAD", "..%2f..%2fconfig%00.py")
HOSTILE = [f"{climb}/{target}" for climb, target in product(CLIMBS, TARGETS)]


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 200


@pytest.fixture
def project(actors: Actors, make_repository: Callable[[str], Repository]) -> Project:
    """Give a project with a file, once by rows and once by git alone."""
    repository = make_repository("remote")
    repository.commit({"a": "1", "b/HEAD": "2"})
    repository.git("update-ref", "refs/heads/old", "main")
    repository.commit({"c": "3"})
    project = ProjectFactory.create(organization=actors.organization)
    publish_whole(project, repository)
    return project


@pytest.mark.parametrize("ref", ["main", "old"])
def test_hostile_paths_are_refused_or_not_there(actors: Actors, project: Project, ref: str) -> None:
    # By git alone each costs a process; a few of each kind are enough there.
    for hostile in HOSTILE if ref == "main" else HOSTILE[::7]:
        # Two people, so that neither meets the rate limit.
        for door, person in (("files", actors.admin), ("raw", actors.manager)):
            answer = person.api.get(f"/api/v1/projects/{project.pk}/{door}/{hostile}", {"ref": ref})
            assert answer.status_code in {400, 404}, (door, hostile, answer.status_code)


@pytest.mark.parametrize(
    "text",
    ["a//b", "/a", "a/", ".", "..", "a/./b", "a/../b", "a\\b", "a\0b", "x" * 4_097, "\ud800", "a/..", "\\"],
)
def test_what_no_tree_holds_is_invalid(actors: Actors, project: Project, text: str) -> None:
    with pytest.raises(PathInvalid):
        vet_path(text)


def test_a_folder_to_list_is_vetted_too(actors: Actors, project: Project) -> None:
    for door, name in (("files", "path"), ("commits", "path"), ("compare", "path")):
        answer = actors.viewer.api.get(
            f"/api/v1/projects/{project.pk}/{door}",
            {name: "../x", **({"base": "old"} if door == "compare" else {})},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "projects.path_invalid")


@pytest.mark.parametrize("path", [b"a", b"\xff/\n", b"x" * 4_096, "\u202e".encode()])
def test_keys_lead_back_to_their_path(path: bytes) -> None:
    assert path_of_key(path_key(path)) == path


@pytest.mark.parametrize("key", [path_key(b"../x"), path_key(b"/x"), path_key(b"a\0"), "YQ==", "YR", "a"])
def test_a_key_of_a_hostile_path_or_in_another_spelling_is_invalid(key: str) -> None:
    with pytest.raises(PathInvalid):
        path_of_key(key)


def test_a_path_that_lost_its_bytes_is_not_mistaken_for_another(
    actors: Actors, make_repository: Callable[[str], Repository]
) -> None:
    """A server shows bytes that are no UTF-8 as U+FFFD, which may be the name of another file."""
    repository = make_repository("other")
    repository.commit({"caf\ufffd": "the other"})
    project = ProjectFactory.create(organization=actors.organization)
    publish(project, repository)
    for text in ("caf%E9", "caf%EF%BF%BD"):
        assert actors.viewer.api.get(f"/api/v1/projects/{project.pk}/files/{text}").status_code == 404
    key = path_key("caf\ufffd".encode())
    assert actors.viewer.api.get(f"/api/v1/projects/{project.pk}/files-by-key/{key}").status_code == 200
