"""Bytes of a file are downloaded, whole or in part, and never shown by a browser."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.projects.models import Project
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors
from tests.projects.published import publish_whole
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db

LARGE = bytes(range(256)) * 4_000
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def project(actors: Actors, make_repository: Callable[[str], Repository]) -> Project:
    """Give a project with files of all kinds."""
    repository = make_repository("remote")
    repository.commit(
        {
            "evil.svg": SVG,
            "evil.html": "<script>alert(1)</script>",
            "large.bin": LARGE,
            "empty": "",
            "link": Blob(b"/etc/passwd", "120000"),
            'r\u00e9sum\u00e9 "1"\r\n\u202e.txt': "odd",
        }
    )
    project = ProjectFactory.create(organization=actors.organization)
    publish_whole(project, repository)
    return project


def get(actors: Actors, project: Project, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return actors.viewer.api.get(f"/api/v1/projects/{project.pk}/raw/{path}", headers=named)


@pytest.mark.parametrize("name", ["evil.svg", "evil.html", "large.bin"])
def test_nothing_is_ever_shown_inline(actors: Actors, project: Project, name: str) -> None:
    """Edge case 29."""
    answer = get(actors, project, name)
    assert answer["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Content-Type"] == ("application/octet-stream" if name == "large.bin" else "text/plain")


def test_the_whole_file_comes_with_its_length(actors: Actors, project: Project) -> None:
    answer = get(actors, project, "large.bin")
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(LARGE)))
    assert b"".join(answer) == LARGE
    assert b"".join(get(actors, project, "empty")) == b""
    assert b"".join(get(actors, project, "link")) == b"/etc/passwd"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=300000-700000", 300_000, 700_001),
        ("bytes=-5", -5, None),
        ("bytes=1023990-", -10, None),
    ],
)
def test_a_range_is_sent_alone(
    actors: Actors, project: Project, asked: str, start: int, end: int | None
) -> None:
    answer = get(actors, project, "large.bin", Range=asked)
    expected = LARGE[start:end]
    assert answer.status_code == 206
    assert b"".join(answer) == expected
    assert answer["Content-Length"] == str(len(expected))
    first = start % len(LARGE)
    assert answer["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(LARGE)}"


@pytest.mark.parametrize("asked", ["bytes=1-0", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_what_is_no_single_range_gets_the_whole(actors: Actors, project: Project, asked: str) -> None:
    answer = get(actors, project, "large.bin", Range=asked)
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(LARGE)))


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=9999999-10000000", "bytes=-0"])
def test_a_range_outside_the_file_is_said_so(actors: Actors, project: Project, asked: str) -> None:
    answer = get(actors, project, "large.bin", Range=asked)
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(LARGE)}")


def test_a_good_copy_is_told_so_and_a_range_of_another_state_is_not_sent(
    actors: Actors, project: Project
) -> None:
    etag = get(actors, project, "large.bin")["ETag"]
    assert get(actors, project, "large.bin", If_None_Match=etag).status_code == 304
    assert get(actors, project, "large.bin", If_Range=etag, Range="bytes=0-1").status_code == 206
    assert get(actors, project, "large.bin", If_Range='"other"', Range="bytes=0-1").status_code == 200


def test_a_name_cannot_break_out_of_the_header(actors: Actors, project: Project) -> None:
    answer = get(actors, project, "r%C3%A9sum%C3%A9%20%221%22%0D%0A%E2%80%AE.txt")
    assert answer["Content-Disposition"].endswith("r%C3%A9sum%C3%A9%20%221%22%0D%0A%E2%80%AE.txt")
    assert b"".join(answer) == b"odd"


def test_a_reader_that_leaves_early_leaves_no_git_behind(actors: Actors, project: Project) -> None:
    answer = get(actors, project, "large.bin")
    pieces = iter(answer)
    assert len(next(pieces)) > 0
    answer.close()
