"""Texts in whatever encoding and with whatever line ends are read right.

Edge case 28.
"""

from collections.abc import Callable
from typing import Any

import pytest

from apps.projects.models import Project
from apps.projects.reading.content import split_lines
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Repository

pytestmark = pytest.mark.django_db

LONG = "x" * 5_000_000
TEXTS: dict[str | bytes, bytes] = {
    "utf16le": b"\xff\xfe" + "h\u00e9\nb".encode("utf-16-le"),
    "utf16be": b"\xfe\xff" + "h\u00e9\r\nb\r\n".encode("utf-16-be"),
    "bom": b"\xef\xbb\xbfh\xc3\xa9\n",
    "latin1": b"caf\xe9\n",
    "cookie.py": "# -*- coding: iso8859-15 -*-\n'\u20ac'\n".encode("iso8859-15"),
    "mixed": b"a\r\nb\nc\rd",
    "separators": "a\u2028b\x0bc\x85d\n".encode(),
    "long": LONG.encode(),
    "larger": b"y\n" * (3 * 1024 * 1024),
    "empty": b"",
}


@pytest.fixture
def project(actors: Actors, make_repository: Callable[[str], Repository]) -> Project:
    """Give a project with all these texts."""
    repository = make_repository("remote")
    repository.commit(dict(TEXTS))
    project = ProjectFactory.create(organization=actors.organization)
    publish_whole(project, repository)
    return project


def read(actors: Actors, project: Project, path: str, **query: Any) -> Any:
    return actors.viewer.api.get(f"/api/v1/projects/{project.pk}/files/{path}", query).json()


def test_encodings_ends_and_marks(actors: Actors, project: Project) -> None:
    found = {name: read(actors, project, str(name)) for name in TEXTS}
    facts = {
        name: (file["encoding"], file["eol"], file["has_bom"], file["lines"]) for name, file in found.items()
    }
    assert facts.pop("cookie.py")[0].replace("-", "") == "iso885915"
    assert facts == {
        "utf16le": ("utf-16le", "lf", True, 2),
        "utf16be": ("utf-16be", "crlf", True, 2),
        "bom": ("utf-8", "lf", True, 1),
        "latin1": ("unknown-8bit", "lf", False, 1),
        "mixed": ("ascii", "mixed", False, 4),
        "separators": ("utf-8", "lf", False, 1),
        "long": ("ascii", "none", False, 1),
        "larger": ("ascii", "lf", False, 3 * 1024 * 1024),
        "empty": ("ascii", "none", False, 0),
    }
    contents = {name: file["content"] for name, file in found.items()}
    assert contents["utf16le"] == "h\u00e9\nb"
    assert contents["bom"] == "h\u00e9\n"
    assert contents["latin1"] == "caf\u00e9\n"
    assert "\u20ac" in contents["cookie.py"]
    assert contents["long"] == LONG
    assert (contents["larger"], found["larger"]["omitted"]) == (None, "too_large")


def test_lines_are_cut_where_they_end(actors: Actors, project: Project) -> None:
    assert read(actors, project, "mixed", start=2, end=3)["content"] == "b\nc\r"
    assert read(actors, project, "mixed", end=1)["content"] == "a\r\n"
    assert read(actors, project, "separators", start=1, end=1)["content"] == "a\u2028b\x0bc\x85d\n"
    assert split_lines("a\r\nb\rc\nd") == ["a\r\n", "b\r", "c\n", "d"]
