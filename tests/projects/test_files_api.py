"""Trees and files are read over the API, at any ref, whatever their names are."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.common.errors import NotFound
from apps.projects.models import Mirror, Project
from apps.projects.reading.listing import Wanted, all_files, entry_at, list_entries
from apps.projects.reading.paths import path_key
from tests.factories.projects import ProjectFactory, publish
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
FILES: dict[str | bytes, str | bytes | Blob | None] = {
    "README.md": "# Title\n",
    "run.sh": Blob(b"#!/bin/sh\necho\n", "100755"),
    "src/app.py": "import os\n\n\ndef main():\n    pass\n",
    "src/deep/data.bin": b"\0\1\2",
    "link": Blob(b"../../etc/passwd", "120000"),
    "sub": Blob(b"1" * 40, "160000"),
    "big.psd": LFS,
}


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """Give a repository with one of each kind of entry."""
    repository = make_repository("remote")
    repository.commit(FILES)
    return repository


@pytest.fixture
def project(actors: Actors, repository: Repository) -> Project:
    """Give a project that the whole organization sees, with that repository published."""
    project = ProjectFactory.create(organization=actors.organization)
    publish_whole(project, repository)
    return project


def get(actors: Actors, project: Project, path: str, /, **query: Any) -> Any:
    headers = query.pop("headers", {})
    return actors.viewer.api.get(f"/api/v1/projects/{project.pk}/{path}", query, headers=headers)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [entry["path"] for entry in answer.json()["results"]]


ROOT = ["src", "README.md", "big.psd", "link", "run.sh", "sub"]


def test_a_folder_lists_folders_first_then_by_bytes(
    actors: Actors, project: Project, repository: Repository
) -> None:
    answer = get(actors, project, "files")
    assert names(answer) == ROOT
    assert answer.json()["commit"] == repository.tip("main")
    found = {entry["name"]: entry for entry in answer.json()["results"]}
    assert {name: entry["kind"] for name, entry in found.items()} == {
        "src": "dir",
        "README.md": "file",
        "big.psd": "lfs",
        "link": "symlink",
        "run.sh": "exec",
        "sub": "submodule",
    }
    assert found["link"]["target"] == "../../etc/passwd"
    assert found["sub"]["target"] == "1" * 40
    assert (found["README.md"]["lines"], found["README.md"]["language"]) == (1, "Markdown")
    assert (found["src"]["size_bytes"], found["README.md"]["size_bytes"]) == (None, 8)
    assert names(get(actors, project, "files", path="src")) == ["src/deep", "src/app.py"]


def test_rows_and_git_list_the_same(actors: Actors, project: Project, repository: Repository) -> None:
    repository.git("update-ref", "refs/tags/v1", "main")
    publish_whole(project, repository)
    for query in ({}, {"recursive": True}, {"path": "src"}, {"recursive": True, "path": "src"}):
        by_rows = get(actors, project, "files", **query).json()["results"]
        repository.commit({"new": "x"})
        publish(project, repository)
        by_git = get(actors, project, "files", ref="v1", **query).json()["results"]
        assert by_git == by_rows
        repository.git("update-ref", "refs/heads/main", "refs/tags/v1")
        publish(project, repository)


def test_a_listing_is_picked_by_kind_and_language(
    actors: Actors, project: Project, repository: Repository
) -> None:
    everything = {"recursive": "true"}
    for ref in ("main", "v1"):
        repository.git("update-ref", "refs/heads/v1", "main")
        if ref == "v1":
            repository.commit({"new": "x"})
        publish(project, repository)
        assert names(get(actors, project, "files", ref=ref, language="Python", **everything)) == [
            "src/app.py"
        ]
        assert names(get(actors, project, "files", ref=ref, kind=["lfs", "dir"], **everything)) == [
            "src",
            "src/deep",
            "big.psd",
        ]
        assert names(get(actors, project, "files", ref=ref, language="COBOL", **everything)) == []


@pytest.mark.parametrize("folder", ["nothing", "README.md", "src/app.py/x", "link"])
def test_what_is_no_folder_is_not_found(actors: Actors, project: Project, folder: str) -> None:
    assert get(actors, project, "files", path=folder).status_code == 404


def test_pages_keep_their_commit_while_a_publication_happens(
    actors: Actors, project: Project, repository: Repository
) -> None:
    """Edge case 33."""
    commit = repository.tip("main")
    first = get(actors, project, "files", page_size=2, recursive="true").json()
    repository.commit({"README.md": None, "zzz": "new", "src/app.py": None})
    publish_whole(project, repository)
    found, following = first["results"], first["next"]
    while following:
        page = actors.viewer.api.get(following).json()
        assert page["commit"] == commit
        found += page["results"]
        following = page["next"]
    files = ["README.md", "big.psd", "link", "run.sh", "src/app.py", "src/deep/data.bin", "sub"]
    assert [entry["path"] for entry in found] == ["src", "src/deep", *files]
    assert "zzz" in names(get(actors, project, "files"))


def test_a_publication_between_two_statements_mixes_nothing(project: Project, repository: Repository) -> None:
    """Whoever has read which commit is published gets the files of that one, though others are by now."""
    mirror = Mirror.objects.get(project=project)
    commit = mirror.head_commit
    repository.commit({"README.md": None, "zzz": "new", "src/app.py": "changed\n"})
    publish_whole(project, repository)
    entries = list_entries(mirror, commit, Wanted(), after=None, limit=50)
    assert [entry.shown_path for entry in entries] == ROOT
    assert entry_at(mirror, commit, b"src/app.py").size_bytes == len("import os\n\n\ndef main():\n    pass\n")
    assert b"zzz" not in all_files(mirror, commit)
    with pytest.raises(NotFound):
        entry_at(mirror, commit, b"zzz")


def test_a_file_comes_with_text_and_facts(actors: Actors, project: Project, repository: Repository) -> None:
    file = get(actors, project, "files/src/app.py").json()
    assert file["content"] == "import os\n\n\ndef main():\n    pass\n"
    assert (file["encoding"], file["eol"], file["has_bom"], file["lines"]) == ("ascii", "lf", False, 5)
    assert (file["commit"], file["first_line"], file["omitted"]) == (repository.tip("main"), 1, None)
    part = get(actors, project, "files/src/app.py", start=4, end=4).json()
    assert (part["content"], part["first_line"], part["lines"]) == ("def main():\n", 4, 5)
    assert get(actors, project, "files/src/app.py", start=9).json()["content"] == ""
    assert get(actors, project, "files/src/app.py", start=3, end=2).status_code == 422


@pytest.mark.parametrize(
    ("path", "omitted"),
    [("src/deep/data.bin", "binary"), ("link", "symlink"), ("sub", "submodule"), ("big.psd", "lfs")],
)
def test_what_is_no_text_says_why(actors: Actors, project: Project, path: str, omitted: str) -> None:
    file = get(actors, project, f"files/{path}").json()
    assert (file["omitted"], file["content"], file["first_line"]) == (omitted, None, None)


def test_a_folder_is_no_file(actors: Actors, project: Project) -> None:
    assert get(actors, project, "files/src").status_code == 404
    assert get(actors, project, "raw/src").status_code == 404
    assert get(actors, project, "raw/sub").status_code == 404


def test_a_good_copy_is_told_so_until_the_blob_changes(
    actors: Actors, project: Project, repository: Repository
) -> None:
    first = get(actors, project, "files/src/app.py")
    same = {"If-None-Match": first["ETag"]}
    repository.commit({"README.md": "other"})
    publish_whole(project, repository)
    assert get(actors, project, "files/src/app.py", headers=same).status_code == 304
    assert get(actors, project, "files/src/app.py", start=2, headers=same).status_code == 200
    repository.commit({"src/app.py": "pass\n"})
    publish_whole(project, repository)
    assert get(actors, project, "files/src/app.py", headers=same).status_code == 200


ODD: dict[str | bytes, str | bytes | Blob | None] = {
    "a\nb.txt": "newline",
    "\u202egpj.exe": "right to left",
    "cafe\u0301": "decomposed",
    b"caf\xe9.txt": "no UTF-8",
    b"dir\xff/in.txt": "below no UTF-8",
    "tail\n": "line end at the end",
    'quo"te': "quote",
    "a+b %41;?#": "what addresses use",
    ":(glob)*": "pathspec",
    "-rf": "option",
}


def test_odd_names_are_listed_and_read_by_key(
    actors: Actors, project: Project, repository: Repository
) -> None:
    """Edge case 27."""
    repository.commit(ODD)
    commit = repository.tip("main")
    for ref in ("", commit):
        publish_whole(project, repository)
        entries = get(actors, project, "files", recursive="true", **({"ref": ref} if ref else {})).json()[
            "results"
        ]
        by_key = {entry["path_key"]: entry for entry in entries}
        for name, content in ODD.items():
            path = name.encode() if isinstance(name, str) else name
            entry = by_key[path_key(path)]
            assert entry["path"] == (name if isinstance(name, str) else None)
            assert get(actors, project, f"files-by-key/{path_key(path)}").json()["content"] == content
            assert b"".join(get(actors, project, f"raw-by-key/{path_key(path)}")) == str(content).encode()
        repository.commit({"more": ref})
    below = get(actors, project, "files", path_key=path_key(b"dir\xff")).json()["results"]
    assert [entry["name"] for entry in below] == ["in.txt"]


def test_an_address_is_decoded_once(actors: Actors, project: Project, repository: Repository) -> None:
    repository.commit({"a%2e%2e": "literal", "a\nb": "newline", "sp ace": "space"})
    publish_whole(project, repository)
    assert get(actors, project, "files/a%252e%252e").json()["content"] == "literal"
    assert get(actors, project, "files/a%0Ab").json()["content"] == "newline"
    assert get(actors, project, "files/sp%20ace").json()["content"] == "space"


def test_files_of_every_ref_are_read(actors: Actors, project: Project, repository: Repository) -> None:
    old = repository.tip("main")
    repository.commit({"README.md": "side"}, branch="feature/x")
    repository.commit({"README.md": "changed"})
    publish_whole(project, repository)
    for ref, content in (("feature/x", "side"), (old, "# Title\n"), ("heads/main", "changed")):
        assert get(actors, project, "files/README.md", ref=ref).json()["content"] == content
    assert get(actors, project, "files/README.md", ref="nothing").status_code == 404


def test_an_empty_repository_lists_nothing(
    actors: Actors, make_repository: Callable[[str], Repository]
) -> None:
    project = ProjectFactory.create(organization=actors.organization)
    publish(project, make_repository("empty"))
    assert get(actors, project, "files").json() == {
        "commit": None,
        "results": [],
        "next": None,
        "previous": None,
    }
    assert get(actors, project, "files/a").status_code == 404
    assert get(actors, project, "files", path="a").status_code == 404


def test_a_project_without_repository_says_so(actors: Actors) -> None:
    answer = get(actors, ProjectFactory.create(organization=actors.organization), "files")
    assert (answer.status_code, answer.json()["code"]) == (409, "projects.not_linked")
