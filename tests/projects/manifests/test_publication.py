"""A built manifest becomes the current one, and its files those that are read."""

from collections.abc import Callable

import pytest

from apps.projects.models import File, Manifest
from tests.factories.projects import ProjectFactory
from tests.projects.manifests.building import publish_head
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db


def test_a_published_manifest_lists_folders_first_then_by_bytes(
    make_repository: Callable[[str], Repository],
) -> None:
    repository = make_repository("remote")
    repository.commit({"b.py": "x = 1\n", "a/c.txt": "text", "a/B/d": "d", "link": Blob(b"b.py", "120000")})
    project = ProjectFactory.create()
    manifest = publish_head(project, repository)
    assert (manifest.number, manifest.state) == (1, "current")
    rows = File.objects.filter(project=project).order_by("parent_hash", "ordinal")
    listed = {(bytes(row.path), row.ordinal, row.kind) for row in rows}
    assert listed == {
        (b"a", 0, "dir"),
        (b"b.py", 1, "file"),
        (b"link", 2, "symlink"),
        (b"a/B", 0, "dir"),
        (b"a/c.txt", 1, "file"),
        (b"a/B/d", 0, "file"),
    }


def test_the_next_publication_supersedes_and_a_way_back_takes_the_old_version_up_again(
    make_repository: Callable[[str], Repository],
) -> None:
    repository = make_repository("remote")
    project = ProjectFactory.create()
    repository.commit({"a": "1"}, is_root=True)
    first = publish_head(project, repository)
    old = repository.tip("main")
    repository.commit({"b": "2"})
    publish_head(project, repository)
    repository.git("update-ref", "refs/heads/main", old)
    again = publish_head(project, repository)
    assert again.pk == first.pk
    states = Manifest.objects.filter(project=project).order_by("number").values_list("number", "state")
    assert list(states) == [(1, "current"), (2, "superseded")]
    assert [bytes(row.path) for row in File.objects.filter(project=project)] == [b"a"]
