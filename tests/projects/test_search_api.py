"""Searches find lines and files, and end, whatever is searched for."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from apps.projects.models import Project
from apps.projects.reading.paths import path_key
from apps.projects.reading.turns import search_turn
from tests.factories.projects import ProjectFactory, publish
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
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


def ask(actors: Actors, project: Project, q: str, **query: Any) -> Any:
    answer = actors.viewer.api.get(f"/api/v1/projects/{project.pk}/search", {"q": q, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()


def places(found: Any) -> list[tuple[str, int]]:
    return [(hit["path"], hit["line"]) for hit in found["results"]]


def test_lines_are_found_with_what_surrounds_them(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit(
        {
            "a.py": "one\ntwo\nthree fish\nfour\nfive fish\n",
            "b/c.txt": "\u00e9\u00e9 Fish\r\nend",
        }
    )
    publish_whole(project, repository)
    found = ask(actors, project, "fish", context=1)
    assert found["commit"] == repository.tip("main")
    assert found["truncated"] is False
    first, second, third = found["results"]
    assert (first["path"], first["line"], first["column"], first["text"]) == ("a.py", 3, 7, "three fish")
    assert (first["before"], first["after"]) == (["two"], ["four"])
    assert (second["before"], second["after"]) == (["four"], [])
    assert (third["column"], third["text"], third["after"]) == (4, "\u00e9\u00e9 Fish", ["end"])
    assert ask(actors, project, "fish", context=0)["results"][0]["before"] == []


def test_case_words_and_expressions(actors: Actors, project: Project, repository: Repository) -> None:
    repository.commit({"a": "Cat\ncategory\nc.t\n\u00c9t\u00e9\n"})
    publish_whole(project, repository)
    assert places(ask(actors, project, "cat")) == [("a", 1), ("a", 2)]
    assert places(ask(actors, project, "cat", case="true")) == [("a", 2)]
    assert places(ask(actors, project, "cat", mode="word")) == [("a", 1)]
    assert places(ask(actors, project, "c.t")) == [("a", 3)]
    assert places(ask(actors, project, "^c.t$", mode="regex")) == [("a", 1), ("a", 3)]
    assert places(ask(actors, project, "^.t.$", mode="regex")) == [("a", 4)]
    assert places(ask(actors, project, "\u00e9T\u00c9")) == [("a", 4)]


def test_a_search_is_narrowed_by_path_and_language(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit(dict.fromkeys(("top.py", "src/a.py", "src/b/c.py", "src/b/d.md", "src/[x]"), "needle"))
    publish_whole(project, repository)
    repository.git("update-ref", "refs/heads/old", "main")
    repository.commit({"more": ""})
    publish_whole(project, repository)
    for ref in ("main", "old"):

        def found(ref: str = ref, **query: Any) -> list[str]:
            return [path for path, _line in places(ask(actors, project, "needle", ref=ref, **query))]

        assert found(path="src/*.py") == ["src/a.py"]
        assert found(path="src/**") == ["src/[x]", "src/a.py", "src/b/c.py", "src/b/d.md"]
        assert found(path="**/*.py") == ["src/a.py", "src/b/c.py", "top.py"]
        assert found(path="src") == []
        assert found(path="src/[x]") == ["src/[x]"]
        assert found(language="Markdown") == ["src/b/d.md"]
        assert found(language=["Markdown", "Python"], path="src/b/*") == ["src/b/c.py", "src/b/d.md"]


@pytest.mark.parametrize("target", ["code", "path"])
def test_what_the_project_leaves_out_is_left_out(
    actors: Actors, project: Project, repository: Repository, target: str
) -> None:
    Project.objects.filter(pk=project.pk).update(settings={"exclude_globs": ["vendor/**", "*.min.js"]})
    names = ("vendor/needle", "needle.min.js", "x.min.js/needle", "needle.js")
    repository.commit(dict.fromkeys(names, "needle"))
    publish_whole(project, repository)
    found = ask(actors, project, "needle", **{"in": target})
    assert [hit["path"] for hit in found["results"]] == ["needle.js", "x.min.js/needle"]


def test_names_are_searched_alone(actors: Actors, project: Project, repository: Repository) -> None:
    odd = b"src/caf\xe9 app"
    repository.commit({"src/App.py": "", odd: "", "src/app": Blob(b"x", "120000"), "b": "app"})
    publish_whole(project, repository)
    found = ask(actors, project, "app", **{"in": "path"})["results"]
    assert [hit["path"] for hit in found] == ["src/App.py", "src/app", None]
    assert found[2]["path_key"] == path_key(odd)
    assert (found[0]["line"], found[0]["text"], found[0]["before"]) == (None, None, [])
    assert len(ask(actors, project, "\\.py$", mode="regex", **{"in": "path"})["results"]) == 1
    assert len(ask(actors, project, "app", case="true", language="Python", **{"in": "path"})["results"]) == 0


def test_nothing_that_is_searched_for_is_an_option(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit({"-rf": "--open-files-in-pager=touch x\n-e\n--\n"})
    publish_whole(project, repository)
    for text in ("--open-files-in-pager=touch x", "-e", "--"):
        assert places(ask(actors, project, text))[0][0] == "-rf"
    assert places(ask(actors, project, "-Otouch x", path="--help")) == []
    assert ask(actors, project, "e", path="--help")["results"] == []
    assert places(ask(actors, project, "-e", path="-rf")) == [("-rf", 2)]
    assert ask(actors, project, "e", path=":(attr:x)")["results"] == []


@pytest.mark.parametrize("target", ["code", "path"])
@pytest.mark.parametrize("text", ["(", "[a", "a{2,1}", "a**(", "[[:nothing:]]"])
def test_what_is_no_expression_is_refused(
    actors: Actors, project: Project, repository: Repository, text: str, target: str
) -> None:
    repository.commit({"a": "x"})
    publish_whole(project, repository)
    answer = actors.viewer.api.get(
        f"/api/v1/projects/{project.pk}/search", {"q": text, "mode": "regex", "in": target}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "projects.regex_invalid")
    assert answer.json()["errors"][0]["parameter"] == "q"


def test_an_expression_that_explodes_stops(
    actors: Actors, project: Project, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 32."""
    monkeypatch.setattr("apps.projects.reading.grep.DEADLINE_S", 1.0)
    repository.commit({"a": "a" * 40_000 + "!\n" + ("x" * 50 + "\n") * 50_000})
    publish_whole(project, repository)
    started_s = time.monotonic()
    found = ask(actors, project, r"(a*)*\1\1(x|x|x|y*)*\2z$", mode="regex")
    assert time.monotonic() - started_s < 30  # however busy the machine is
    assert found["truncated"] is True


def test_an_expression_that_eats_memory_is_refused(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit({"a": "a\n"})
    publish_whole(project, repository)
    answer = actors.viewer.api.get(
        f"/api/v1/projects/{project.pk}/search",
        {"q": "((((a{1,255}){1,255}){1,255}){1,255}){1,255}", "mode": "regex"},
    )
    assert answer.status_code in {200, 422}
    assert answer.status_code == 422 or answer.json()["truncated"] is True


def test_hits_are_cut_by_file_and_in_all(
    actors: Actors, project: Project, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.projects.reading.search.HITS_MAX", 210)
    repository.commit({"a": "x\n" * 200, "b": "x\n"})
    publish_whole(project, repository)
    whole = ask(actors, project, "x", context=0)
    assert (len(whole["results"]), whole["truncated"]) == (201, False)
    repository.commit({"a": "x\n" * 300})
    publish_whole(project, repository)
    cut = ask(actors, project, "x", context=0)
    assert (len(cut["results"]), cut["results"][-1]["path"], cut["truncated"]) == (201, "b", True)
    repository.commit({"b": "x\n" * 11})
    publish_whole(project, repository)
    assert (len(ask(actors, project, "x")["results"]), ask(actors, project, "x")["truncated"]) == (210, True)


def test_of_a_long_line_the_part_around_the_hit_is_shown(
    actors: Actors, project: Project, repository: Repository
) -> None:
    """Edge case 28."""
    line = "\u00e9" * 2_000_000 + "needle" + "z" * 1_000_000
    repository.commit({"a.js": line + "\nsecond needle\n"})
    publish_whole(project, repository)
    first, second = ask(actors, project, "needle")["results"]
    assert first["column"] == 2_000_001
    shown = first["column"] - first["text_column"]
    assert first["text"][shown : shown + 6] == "needle"
    assert len(first["text"]) <= 1_000
    assert (second["line"], second["column"], second["text_column"]) == (2, 8, 1)


def test_attributes_of_the_repository_change_nothing(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit(
        {
            ".gitattributes": "*.py -diff binary\n*.md diff=evil\n",
            "a.py": "needle",
            "b.md": "needle",
        }
    )
    publish_whole(project, repository)
    assert places(ask(actors, project, "needle")) == [("a.py", 1), ("b.md", 1)]


def test_binary_files_and_odd_encodings(actors: Actors, project: Project, repository: Repository) -> None:
    repository.commit({"a.bin": b"needle\0", "l1.txt": "caf\u00e9 needle".encode("latin-1")})
    publish_whole(project, repository)
    found = ask(actors, project, "needle")["results"]
    assert [(hit["path"], hit["column"], hit["text"]) for hit in found] == [("l1.txt", 6, "caf\u00e9 needle")]


def test_an_empty_repository_has_no_hits(actors: Actors, project: Project, repository: Repository) -> None:
    publish(project, repository)
    assert ask(actors, project, "x") == {"commit": None, "results": [], "truncated": False}


@pytest.mark.parametrize(
    "query", [{"q": "a\nb"}, {}, {"q": "x" * 201}, {"q": "x", "context": 6}, {"q": "x", "in": "y"}]
)
def test_what_cannot_be_asked(actors: Actors, project: Project, query: dict[str, Any]) -> None:
    assert actors.viewer.api.get(f"/api/v1/projects/{project.pk}/search", query).status_code == 422


def test_a_third_search_at_once_has_to_wait(actors: Actors, project: Project, repository: Repository) -> None:
    repository.commit({"a": "x"})
    publish(project, repository)
    with search_turn(actors.viewer.actor.key):
        ask(actors, project, "x")
        with search_turn(actors.viewer.actor.key):
            answer = actors.viewer.api.get(f"/api/v1/projects/{project.pk}/search", {"q": "x"})
            assert (answer.status_code, answer.json()["code"]) == (429, "rate.limited")
            assert answer["Retry-After"] == "1"
            assert actors.admin.api.get(answer.request["PATH_INFO"], {"q": "x"}).status_code == 200
    ask(actors, project, "x")


def test_searches_count_to_a_limit_of_their_own(
    actors: Actors, project: Project, repository: Repository
) -> None:
    publish(project, repository)
    answer = actors.viewer.api.get(f"/api/v1/projects/{project.pk}/search", {"q": "x"})
    assert answer["RateLimit-Policy"] == '"search";q=30;w=60'
