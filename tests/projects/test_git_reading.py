"""Objects and trees, read through git."""

from collections.abc import Callable

import pytest

from apps.projects.errors import GitFailed
from apps.projects.git.layout import published_repository
from apps.projects.git.objects import open_objects
from apps.projects.git.trees import iter_tree
from tests.factories.projects import ProjectFactory, publish
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db


def test_a_published_tree_is_listed_with_its_folders(make_repository: Callable[[str], Repository]) -> None:
    repository = make_repository("remote")
    commit = repository.commit({"a.py": "x = 1\n", "b/c.txt": "text", "link": Blob(b"a.py", "120000")})
    folder = published_repository(publish(ProjectFactory.create(), repository))
    entries = list(iter_tree(folder, commit, is_recursive=True))
    assert [(entry.mode, entry.path, entry.size_bytes) for entry in entries] == [
        ("100644", b"a.py", 6),
        ("040000", b"b", None),
        ("100644", b"b/c.txt", 4),
        ("120000", b"link", 4),
    ]
    assert [entry.path for entry in iter_tree(folder, commit, path=b"b")] == [b"b/c.txt"]


def test_objects_are_read_one_after_the_other(make_repository: Callable[[str], Repository]) -> None:
    repository = make_repository("remote")
    repository.commit({"a": b"\0\nbytes\n", "b": b"x" * 1_000_000})
    folder = published_repository(publish(ProjectFactory.create(), repository))
    head = repository.tip("main")
    with open_objects(folder) as objects:
        header = objects.header(f"{head}:b")
        assert header is not None
        assert (header.type, header.size_bytes) == ("blob", 1_000_000)
        assert objects.contents(f"{head}:a", max_bytes=100) == b"\0\nbytes\n"
        assert b"".join(objects.pieces(header.oid)) == b"x" * 1_000_000
        assert objects.header("f" * 40) is None
        with pytest.raises(GitFailed):
            objects.contents(header.oid, max_bytes=999_999)
