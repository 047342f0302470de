"""Pages of a project's code: what they show is text, whatever it says, and every link leads somewhere."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from apps.projects.browsing.sources import show_source
from apps.projects.models import Project
from apps.projects.reading.content import SourceFile
from apps.projects.reading.paths import path_key
from apps.projects.states import FileKind, Visibility
from tests.factories.projects import ProjectFactory, publish
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """Give a repository whose names, texts and messages try to be HTML."""
    repository = make_repository("remote")
    repository.commit(
        {
            "src/app.py": "import os\n\n\ndef main():\n    return '" + EVIL + "'\n",
            EVIL: EVIL,
            "page.html": EVIL + "\n",
            b"caf\xe9.txt": "no text name\n",
            "a\nb": "two lines in a name\n",
            "link": Blob(b"../../etc/passwd", "120000"),
            "sub": Blob(b"1" * 40, "160000"),
            "data.bin": b"\0\1",
            "empty": "",
        },
        message=EVIL,
    )
    repository.git("update-ref", "refs/tags/v1", "main")
    repository.commit(
        {"src/app.py": "def main():\n    return 2\n", EVIL: None, "new": EVIL}, message="Second"
    )
    return repository


@pytest.fixture
def project(actors: Actors, repository: Repository) -> Project:
    """Give a project that the whole organization sees, with that repository published."""
    project = ProjectFactory.create(organization=actors.organization, name=EVIL)
    publish_whole(project, repository)
    return project


def get(actors: Actors, project: Project, path: str, /, **query: Any) -> Any:
    return actors.viewer.browser.get(f"/projects/{project.pk}/{path}", query)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content[:500]
    text = answer.content.decode()
    assert EVIL not in text
    return str(text)


def test_every_link_of_the_tree_leads_to_its_entry(actors: Actors, project: Project) -> None:
    page = text_of(get(actors, project, "files/", ref="v1"))
    links = re.findall(r'class="tree-name" data-kind="\w+" href="([^"]+)"', page)
    assert len(links) == 9
    for link in links:
        text_of(actors.viewer.browser.get(unescape(link)))
    folder = text_of(get(actors, project, "files/src"))
    assert 'href="/projects/' in folder
    assert "app.py" in folder


def test_a_file_has_lines_with_anchors_in_colour(actors: Actors, project: Project) -> None:
    page = text_of(get(actors, project, "files/src/app.py", ref="v1"))
    assert 'id="L5"' in page
    assert '<span class="tok-k">def</span>' in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in page
    assert f"/api/v1/projects/{project.pk}/raw/src/app.py?ref=v1" in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("link", "Links are never followed"),
        ("sub", "Submodules are not fetched"),
        ("data.bin", "Not a text"),
        ("empty", "This file is empty"),
    ],
)
def test_what_has_no_lines_says_why(actors: Actors, project: Project, path: str, words: str) -> None:
    assert words in text_of(get(actors, project, f"files/{path}"))


def test_names_that_no_address_holds_have_a_page_by_key(actors: Actors, project: Project) -> None:
    for name, words in ((b"caf\xe9.txt", "no text name"), (b"a\nb", "two lines in a name")):
        assert words in text_of(get(actors, project, f"files-by-key/{path_key(name)}/"))


def test_searches_show_hits_marked_and_refusals_in_words(actors: Actors, project: Project) -> None:
    found = text_of(get(actors, project, "search/", q="MAIN", path="src/*"))
    assert "def <mark>main</mark>():" in found
    assert "#L1" in found
    assert "&lt;script&gt;" in text_of(get(actors, project, "search/", q="<script>"))
    assert "no POSIX extended" in text_of(get(actors, project, "search/", q="(", mode="regex"))
    assert "Nothing found" in text_of(get(actors, project, "search/", q="nowhere at all"))
    assert "new" in text_of(get(actors, project, "search/", q="ne", **{"in": "path"}))
    text_of(get(actors, project, "search/"))


def test_commits_lead_to_what_they_changed(actors: Actors, project: Project, repository: Repository) -> None:
    page = text_of(get(actors, project, "commits/"))
    head = repository.tip("main")
    assert f"/projects/{project.pk}/commits/{head}/" in page
    commit = text_of(get(actors, project, f"commits/{head}/"))
    assert "return 2" in commit
    assert "renamed" in commit
    first = repository.git("rev-parse", "v1")
    text_of(get(actors, project, f"commits/{first}/"))
    assert "Second" not in text_of(get(actors, project, "commits/", path="page.html"))


def test_pages_of_commits_go_on_from_the_same_start(
    actors: Actors, project: Project, repository: Repository
) -> None:
    for number in range(60):
        repository.commit({"n": str(number)}, message=f"Note {number}")
    publish(project, repository)
    first = text_of(get(actors, project, "commits/"))
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    repository.commit({"n": "x"}, message="Later")
    publish(project, repository)
    second = text_of(actors.viewer.browser.get(f"/projects/{project.pk}/commits/{unescape(older[1])}"))
    assert "Note 9<" in second
    assert "Note 10<" not in second


def test_two_states_are_compared(actors: Actors, project: Project) -> None:
    page = text_of(get(actors, project, "compare/", base="v1"))
    assert 'data-kind="added"' in page
    assert "There is no such thing" in text_of(get(actors, project, "compare/", base="nothing"))
    text_of(get(actors, project, "compare/"))


def test_a_project_without_files_says_what_to_do(
    actors: Actors, make_repository: Callable[[str], Repository]
) -> None:
    project = ProjectFactory.create(organization=actors.organization)
    assert "No repository yet" in text_of(get(actors, project, "files/"))
    publish(project, make_repository("empty"))
    assert "No files yet" in text_of(get(actors, project, "files/"))
    assert "No commits" in text_of(get(actors, project, "commits/"))
    text_of(get(actors, project, "search/", q="x"))


@pytest.mark.parametrize(
    "path",
    ["files/nothing", "files/..%2f..%2fHEAD", "files/?ref=nothing", "commits/main/", "files-by-key/Li4/"],
)
def test_what_is_not_there_is_not_found(actors: Actors, project: Project, path: str) -> None:
    assert actors.viewer.browser.get(f"/projects/{project.pk}/{path}").status_code in {400, 404}


def test_a_private_project_has_no_pages_for_others(actors: Actors, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(visibility=Visibility.PRIVATE)
    for path in ("files/", "files/new", "search/?q=x", "commits/", "compare/?base=v1"):
        address = f"/projects/{project.pk}/{path}"
        assert actors.viewer.browser.get(address).status_code == 404
        assert actors.stranger.browser.get(address).status_code == 404
        assert actors.anonymous.browser.get(address).status_code == 302


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "x = '''\n\n  open\r\n"),
        ("b.js", "\ufeffvar a\u2028b = /(/;\x0b\x0c\n\n\n"),
        ("c.html", "<a\n<b>\t</\x00c>"),
        ("d.md", "\n\n# T\n```py\nx\n```"),
        ("e.unknown", "\r\rplain\r"),
        ("f.json", '{"a": [1, "\\u0000"'),
    ],
)
def test_colours_change_no_text(name: str, text: str) -> None:
    file = SourceFile(name.encode(), FileKind.FILE, "100644", f"{name:0<40}", content=text)
    shown = show_source(file, start=1)
    lines = re.findall(r"<code>(.*?)\n</code>", str(shown.html), re.DOTALL)
    plain = [unescape(re.sub(r"<[^>]+>", "", line)) for line in lines]
    assert plain == re.split(r"\r\n|\r|\n", text)[: shown.total]
