"""Commits are listed and compared over the API, within bounds, and git's attributes have no say."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.projects.models import Project
from apps.projects.reading.paths import path_key
from tests.factories.projects import ProjectFactory, publish
from tests.furniture.people import Actors
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """Give an empty repository."""
    return make_repository("remote")


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a project that the whole organization sees."""
    return ProjectFactory.create(organization=actors.organization)


def get(actors: Actors, project: Project, path: str, /, **query: Any) -> Any:
    return actors.viewer.api.get(f"/api/v1/projects/{project.pk}/{path}", query)


def compared(actors: Actors, project: Project, **query: Any) -> Any:
    answer = get(actors, project, "compare", **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_commits_are_listed_newest_first_and_by_path(
    actors: Actors, project: Project, repository: Repository
) -> None:
    first = repository.commit({"a": "1", "b/c": "1"}, message="First\n\nWith a body\n")
    second = repository.commit({"a": "2"}, message="Second")
    third = repository.commit({"b/c": "2"}, message="Caf\u00e9")
    publish(project, repository)
    answer = get(actors, project, "commits").json()
    assert answer["commit"] == third
    assert [commit["id"] for commit in answer["results"]] == [third, second, first]
    assert answer["results"][0] == {
        "id": third,
        "author": {"name": "Ada", "email": "ada@example.com"},
        "authored_at": "2026-01-01T00:03:00Z",
        "committed_at": "2026-01-01T00:03:00Z",
        "subject": "Caf\u00e9",
        "parents": [second],
    }
    by_path = {path: get(actors, project, "commits", path=path).json() for path in ("a", "b", "b/*")}
    assert [len(page["results"]) for page in by_path.values()] == [2, 2, 0]
    assert [commit["id"] for commit in get(actors, project, "commits", ref=second).json()["results"]] == [
        second,
        first,
    ]


def test_pages_of_commits_keep_their_start(actors: Actors, project: Project, repository: Repository) -> None:
    ids = [repository.commit({"a": str(number)}) for number in range(5)]
    publish(project, repository)
    page = get(actors, project, "commits", page_size=2).json()
    repository.commit({"a": "new"})
    publish(project, repository)
    found = page["results"]
    while page["next"]:
        page = actors.viewer.api.get(page["next"]).json()
        assert page["commit"] == ids[-1]
        found += page["results"]
    assert [commit["id"] for commit in found] == ids[::-1]


def test_one_commit_shows_its_body_and_files_with_counts(
    actors: Actors, project: Project, repository: Repository
) -> None:
    body = "first line\nsecond\n" * 20
    first = repository.commit(
        {"old name": body, "gone": "x\n", "bin": b"\0", "kept": "a\nb\n"}, message="S\n\nB1\nB2\n"
    )
    second = repository.commit(
        {"old name": None, "new name": body + "more\n", "gone": None, "bin": b"\0\1", "kept": "a\nc\nd\n"}
    )
    publish(project, repository)
    found = get(actors, project, f"commits/{first}").json()
    assert (found["subject"], found["body"], found["parents"]) == ("S", "B1\nB2", [])
    assert {file["path"]: file["status"] for file in found["files"]} == dict.fromkeys(
        ("bin", "gone", "kept", "old name"), "added"
    )
    files = {file["path"]: file for file in get(actors, project, f"commits/{second}").json()["files"]}
    counts = {name: (file["status"], file["additions"], file["deletions"]) for name, file in files.items()}
    assert counts == {
        "new name": ("renamed", 1, 0),
        "gone": ("deleted", 0, 1),
        "bin": ("modified", None, None),
        "kept": ("modified", 2, 1),
    }
    assert (files["new name"]["old_path"], files["bin"]["is_binary"]) == ("old name", True)


@pytest.mark.parametrize("name", ["main", "HEAD", "f" * 40, "--all", "main~1"])
def test_a_commit_is_named_by_its_full_id(
    actors: Actors, project: Project, repository: Repository, name: str
) -> None:
    commit = repository.commit({"a": "1"})
    publish(project, repository)
    assert get(actors, project, f"commits/{name}").status_code == 404
    assert get(actors, project, f"commits/{commit[:10]}").status_code == 404


def test_two_refs_are_compared_line_by_line(actors: Actors, project: Project, repository: Repository) -> None:
    base = repository.commit({"a.py": "".join(f"{n}\n" for n in range(20)), "b": "x"})
    repository.commit(
        {"a.py": "".join(f"{n}\n" for n in range(20) if n != 10) + "end", "c": "new\n"}, branch="side"
    )
    repository.commit({"b": "y"}, branch="main")
    publish(project, repository)
    found = compared(actors, project, base=base, head="side")
    assert (found["base"], found["head"], found["truncated"]) == (base, repository.tip("side"), False)
    by_path = {file["path"]: file for file in found["files"]}
    first, second = by_path["a.py"]["hunks"]
    assert (first["old_start"], first["old_lines"], first["new_start"], first["new_lines"]) == (8, 7, 8, 6)
    assert first["lines"] == [" 7", " 8", " 9", "-10", " 11", " 12", " 13"]
    assert second["lines"][-2:] == ["+end", "\\ No newline at end of file"]
    assert (by_path["a.py"]["additions"], by_path["a.py"]["deletions"]) == (1, 1)
    assert compared(actors, project, base=base)["files"][0]["path"] == "b"
    assert [
        file["path"] for file in compared(actors, project, base=base, head="side", path="c")["files"]
    ] == ["c"]
    assert get(actors, project, "compare", base="nothing").status_code == 404
    assert get(actors, project, "compare").status_code == 422


def test_lines_that_look_like_a_patch_are_lines(
    actors: Actors, project: Project, repository: Repository
) -> None:
    base = repository.commit({"a": "-- x\n", "z": "1\n"})
    repository.commit({"a": "++ b\n@@ -1 +1 @@\ndiff --git a b\nBinary files a and b differ\n", "z": "2\n"})
    publish(project, repository)
    first, second = compared(actors, project, base=base)["files"]
    assert first["hunks"][0]["lines"] == [
        "--- x",
        "+++ b",
        "+@@ -1 +1 @@",
        "+diff --git a b",
        "+Binary files a and b differ",
    ]
    assert second["hunks"][0]["lines"] == ["-1", "+2"]


def test_kinds_that_change_odd_names_and_links(
    actors: Actors, project: Project, repository: Repository
) -> None:
    odd = b"caf\xe9\n.txt"
    base = repository.commit(
        {"bin": b"\0", "link": "file\n", odd: "1\n", "run": "x", "sub": Blob(b"1" * 40, "160000")}
    )
    repository.commit(
        {
            "bin": b"\0\n",
            "link": Blob(b"/etc/passwd", "120000"),
            odd: "2\n",
            "run": Blob(b"x", "100755"),
            "sub": Blob(b"2" * 40, "160000"),
        }
    )
    publish(project, repository)
    binary, *files = compared(actors, project, base=base)["files"]
    assert (binary["path"], binary["is_binary"], binary["hunks"]) == ("bin", True, [])
    assert [file["path"] for file in files] == [None, "link", "run", "sub"]
    assert files[0]["path_key"] == path_key(odd)
    assert files[0]["hunks"][0]["lines"] == ["-1", "+2"]
    assert files[1]["status"] == "type_changed"
    assert [hunk["lines"][0] for hunk in files[1]["hunks"]] == ["-file", "+/etc/passwd"]
    assert files[2]["hunks"] == []
    assert files[3]["hunks"][0]["lines"][1] == "+Subproject commit " + "2" * 40


def test_attributes_and_drivers_of_the_repository_do_not_act(
    actors: Actors, project: Project, repository: Repository
) -> None:
    attributes = "*.txt binary\n*.py diff=evil\n*.md filter=evil\n"
    base = repository.commit({".gitattributes": attributes, "a.txt": "1\n", "a.py": "1\n", "a.md": "1\n"})
    repository.commit(
        {"a.txt": "2\n", "a.py": "2\n", "a.md": "2\n", ".gitmodules": '[diff "evil"]\n\ttextconv=false\n'}
    )
    publish(project, repository)
    files = {file["path"]: file for file in compared(actors, project, base=base)["files"]}
    for name in ("a.txt", "a.py", "a.md"):
        assert files[name]["hunks"][0]["lines"] == ["-1", "+2"]


def test_a_comparison_is_cut_by_files_and_lines(
    actors: Actors, project: Project, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = repository.commit({"x": "1\n"})
    repository.commit({"a": "line\n" * 5_001, "b": "y" * 5_000_000, "c": "last\n"})
    publish(project, repository)
    first, second, third = compared(actors, project, base=base)["files"]
    assert (len(first["hunks"][0]["lines"]), first["truncated"], first["additions"]) == (5_000, True, 5_001)
    assert (len(second["hunks"][0]["lines"][0]), second["truncated"]) == (4_000, True)
    assert (third["hunks"][0]["lines"], third["truncated"]) == (["+last"], False)
    repository.commit({f"f{number:03}": "1\n" for number in range(301)})
    publish(project, repository)
    many = compared(actors, project, base=base)
    assert (len(many["files"]), many["truncated"]) == (300, True)
    monkeypatch.setattr("apps.projects.reading.compare.DEADLINE_S", 0.0)
    late = compared(actors, project, base=base)
    assert all(file["truncated"] for file in late["files"])


def test_an_empty_repository_has_no_commits(actors: Actors, project: Project, repository: Repository) -> None:
    publish(project, repository)
    assert get(actors, project, "commits").json() == {
        "commit": None,
        "results": [],
        "next": None,
        "previous": None,
    }
    assert get(actors, project, "compare", base="main").status_code == 404


def test_commits_with_odd_words_are_listed(actors: Actors, project: Project, repository: Repository) -> None:
    tree = repository.git("rev-parse", repository.commit({"a": "1"}) + "^{tree}")
    raw = (
        f"tree {tree}\nauthor  <> 99999999999999 +0000\ncommitter B <b> 1 +9999\n\n".encode()
        + b"caf\xe9\x01\n"
    )
    odd = repository.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw)
    repository.git("update-ref", "refs/heads/main", odd)
    publish(project, repository)
    (found,) = get(actors, project, "commits").json()["results"]
    assert (found["author"], found["parents"]) == ({"name": "", "email": ""}, [])
    assert found["subject"].startswith("caf")
