"""Who sees a project reads all of it, archived or not; who does not finds nothing. Lists cost the same."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from apps.projects.models import File, Project
from apps.projects.reading.paths import hash_of
from apps.projects.states import FileKind, MemberRole, Visibility
from tests.factories.projects import ProjectFactory, ProjectMemberFactory, publish
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.projects.published import publish_whole
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """Give a repository with one file."""
    repository = make_repository("remote")
    repository.commit({"a": "1\n"})
    return repository


@pytest.fixture
def project(actors: Actors, repository: Repository) -> Project:
    """Give a private project of the analyst's, where the viewer looks on."""
    project = ProjectFactory.create(
        organization=actors.organization, owner=actors.analyst.user, visibility=Visibility.PRIVATE
    )
    ProjectMemberFactory.create(project=project, user=actors.viewer.user, role=MemberRole.VIEWER)
    publish_whole(project, repository)
    return project


def doors(project: Project, repository: Repository) -> list[str]:
    commit = repository.tip("main")
    paths = ("files", "files/a", "files-by-key/YQ", "raw/a", "raw-by-key/YQ", "search?q=1", "commits")
    return [
        f"/api/v1/projects/{project.pk}/{path}"
        for path in (*paths, f"commits/{commit}", f"compare?base={commit}")
    ]


def statuses(person: Any, addresses: list[str]) -> set[int]:
    return {person.api.get(address).status_code for address in addresses}


def test_whoever_sees_the_project_reads_it(actors: Actors, project: Project, repository: Repository) -> None:
    addresses = doors(project, repository)
    assert statuses(actors.analyst, addresses) == {200}
    assert statuses(actors.viewer, addresses) == {200}
    assert statuses(actors.admin, addresses) == {200}
    assert statuses(actors.manager, addresses) == {404}
    assert statuses(actors.stranger, addresses) == {404}
    assert statuses(actors.anonymous, addresses) == {401}
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now())
    assert statuses(actors.viewer, addresses) == {200}
    Project.objects.filter(pk=project.pk).update(deleted_at=timezone.now())
    assert statuses(actors.analyst, addresses) == {404}


def test_listings_run_the_same_number_of_queries(
    actors: Actors, project: Project, same_queries: Check
) -> None:
    numbers = count()

    def add_file() -> None:
        path = b"f%03d" % next(numbers)
        File.objects.create(
            organization=project.organization,
            project=project,
            path=path,
            path_hash=hash_of(path),
            parent_hash=hash_of(b""),
            ordinal=0,
            kind=FileKind.FILE,
            mode="100644",
            blob="1" * 40,
            size_bytes=10_000,
        )

    call = partial(actors.viewer.api.get, f"/api/v1/projects/{project.pk}/files")
    same_queries("GET /api/v1/projects/{id}/files", add_file, call)


def test_commits_and_searches_run_the_same_number_of_queries(
    actors: Actors, project: Project, repository: Repository, same_queries: Check
) -> None:
    numbers = count()

    def add_commit() -> None:
        repository.commit({f"f{next(numbers)}": "1\n"})
        publish(project, repository)

    for name, query in (("commits", {}), ("search", {"q": "1"})):
        call = partial(actors.viewer.api.get, f"/api/v1/projects/{project.pk}/{name}", query)
        same_queries(f"GET /api/v1/projects/{{id}}/{name}", add_commit, call)
