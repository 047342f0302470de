"""Which files of a large repository an analysis reads."""

from collections.abc import Callable

import pytest

from apps.projects.git.layout import published_repository
from apps.projects.proposing import sources
from apps.projects.proposing.sources import PYTHON, Listed, collect_sources
from tests.factories.projects import ProjectFactory, publish
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db


def collected(repository: Repository) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the paths that an analysis of `area` reads, and what it leaves out with the reasons."""
    repository.commit(
        {
            "a.py": "one = 1\n",
            "b.py": "two = 2\n",
            "docs.md": "call `area`\n",
            "notes.md": "nothing of it\n",
            "x.py": "def area(): ...\n",
            "z.py": "from x import area\n",
        }
    )
    folder = published_repository(publish(ProjectFactory.create(), repository))
    files = [listed(line) for line in repository.git("ls-tree", "-r", "-l", "main").splitlines()]
    found = collect_sources(folder, files, language=PYTHON, name="area")
    read = [source.path.decode() for source in found.sources]
    return read, [(item.path, item.reason) for item in found.unscanned]


def listed(line: str) -> Listed:
    """Return a file as a manifest lists it, from a line of `git ls-tree -l`."""
    facts, path = line.split("\t")
    mode, _kind, blob, size = facts.split()
    language = PYTHON if path.endswith(".py") else "Markdown"
    return Listed(path, blob, mode, int(size), "utf-8", language, is_editable=True)


def test_all_files_of_the_language_are_read_and_others_by_the_name(
    make_repository: Callable[[str], Repository],
) -> None:
    assert collected(make_repository("remote")) == (["a.py", "b.py", "x.py", "z.py", "docs.md"], [])


@pytest.mark.parametrize(
    ("limit", "read", "left"),
    [
        (3, ["x.py", "z.py", "docs.md"], ["notes.md", "a.py", "b.py"]),
        (2, ["x.py", "z.py"], ["docs.md", "notes.md", "a.py", "b.py"]),
    ],
)
def test_what_names_the_symbol_is_read_before_the_rest_where_not_all_fits(
    limit: int,
    read: list[str],
    left: list[str],
    make_repository: Callable[[str], Repository],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "FILES_MAX", limit)
    expected = read, [(path, sources.OVER_LIMIT) for path in left]
    assert collected(make_repository("remote")) == expected


def test_the_same_holds_of_their_bytes(
    make_repository: Callable[[str], Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "SOURCES_MAX_BYTES", 50)
    assert collected(make_repository("remote")) == (
        ["x.py", "z.py", "docs.md"],
        [("a.py", sources.OVER_LIMIT), ("b.py", sources.OVER_LIMIT)],
    )
