"""Anchored lines are found again after edits, or orphaned; never elsewhere."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from apps.projects.manifests.anchors import (
    LineSpan,
    find_hash,
    find_window,
    lines_of,
    map_by_diff,
    window_hash,
    window_of,
)
from apps.projects.models import Project, Symbol
from tests.furniture.people import Actors
from tests.projects.manifests.building import publish_head
from tests.projects.repositories import ENVIRONMENT, Repository

# A line with an identity, which an edit keeps or not.
Line = tuple[int, str]


def diff_of(folder: Path, old: Sequence[str], new: Sequence[str]) -> bytes:
    for name, lines in (("old", old), ("new", new)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    command = ["git", "diff", "--no-index", "--text", "-U0", "old", "new"]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=False, capture_output=True).stdout


@st.composite
def edits(draw: st.DrawFn, *, is_distinct: bool) -> tuple[list[Line], list[Line], LineSpan]:
    """Return a text, the same text edited, and a span of the first."""
    numbers = iter(range(1_000))
    words = st.sampled_from(["", "}", "a", "  b", "return"])

    def fresh() -> Line:
        number = next(numbers)
        return number, f"line {number}" if is_distinct else draw(words)

    old = [fresh() for _ in range(draw(st.integers(1, 14)))]
    start = draw(st.integers(1, len(old)))
    span = LineSpan(start, draw(st.integers(start, min(len(old), start + 4))))
    new = list(old)
    for _ in range(draw(st.integers(0, 4))):
        place, size = draw(st.integers(0, len(new))), draw(st.integers(1, 3))
        match draw(st.sampled_from(["insert", "delete", "replace", "move", "indent", "copy"])):
            case "insert":
                new[place:place] = [fresh() for _ in range(size)]
            case "delete":
                del new[place : place + size]
            case "replace":
                new[place : place + size] = [fresh() for _ in range(size)]
            case "move":
                block = new[place : place + size]
                del new[place : place + size]
                goal = draw(st.integers(0, len(new)))
                new[goal:goal] = block
            case "indent":
                new[place : place + size] = [
                    (number, f"    {text}") for number, text in new[place : place + size]
                ]
            case _:
                new += [(next(numbers), text) for _, text in new[place : place + size]]
    return old, new, span


def found_in(folder: Path, old: Sequence[str], span: LineSpan, new: Sequence[str]) -> LineSpan | None:
    return find_window(old, span, new) or map_by_diff(old, span, new, diff_of(folder, old, new))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edit=edits(is_distinct=True))
def test_lines_that_are_told_apart_are_found_or_orphaned(
    tmp_path: Path, edit: tuple[list[Line], list[Line], LineSpan]
) -> None:
    old, new, span = edit
    found = found_in(tmp_path, [text for _, text in old], span, [text for _, text in new])
    anchored = [number for number, _ in old[span.start - 1 : span.end]]
    if found is None:
        return
    texts = [text.strip() for _, text in new[found.start - 1 : found.end]]
    assert texts == [f"line {number}" for number in anchored]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edit=edits(is_distinct=False))
def test_lines_that_repeat_never_lead_to_other_lines(
    tmp_path: Path, edit: tuple[list[Line], list[Line], LineSpan]
) -> None:
    old, new, span = edit
    found = found_in(tmp_path, [text for _, text in old], span, [text for _, text in new])
    if found is None:
        return
    before = [text.strip() for _, text in old[span.start - 1 : span.end]]
    assert [text.strip() for _, text in new[found.start - 1 : found.end]] == before


@settings(max_examples=30, deadline=None)
@given(
    head=st.lists(st.text("ab", min_size=1, max_size=3), max_size=5),
    tail=st.lists(st.text("ab", min_size=1, max_size=3), max_size=5),
)
def test_edits_elsewhere_never_lose_lines(head: list[str], tail: list[str]) -> None:
    block = [f"unique {number}" for number in range(5)]
    old = ["x", *block, "y"]
    assert find_window(old, LineSpan(3, 4), [*head, *block, *tail]) == LineSpan(len(head) + 2, len(head) + 3)


def test_a_window_forgets_indent_trailing_blanks_and_carriage_returns() -> None:
    assert window_hash(["  if a:", "    b  "]) == window_hash(["if a:", "  b"])
    assert window_hash(["  if a:", "    b"]) != window_hash(["if a:", "b"])
    assert lines_of("a\r\nb\rc\n") == ["a", "b", "c"]


def test_one_line_is_named_with_its_neighbours() -> None:
    lines = ["a", "b", "c", "d"]
    assert window_of(lines, LineSpan(2, 2)) == window_hash(["a", "b", "c"])
    assert window_of(lines, LineSpan(1, 1)) == window_hash(["a", "b", "c"])
    assert window_of(lines, LineSpan(2, 3)) == window_hash(lines)
    assert window_of(["a"], LineSpan(1, 1)) == window_hash(["a"])


def test_a_window_that_stood_twice_is_no_answer_when_one_of_them_is_gone() -> None:
    old = ["{", "a", "}", "x", "{", "a", "}"]
    assert find_window(old, LineSpan(2, 2), ["x", "{", "a", "}"]) is None


def test_without_the_old_text_a_window_alone_finds_its_lines() -> None:
    lines = [f"line {number}" for number in range(9)]
    window = window_of(lines, LineSpan(4, 4))
    assert find_hash(window, LineSpan(4, 4), ["new", *lines]) == LineSpan(5, 5)
    assert find_hash(window, LineSpan(4, 4), lines * 2) is None


def test_texts_that_look_alike_everywhere_are_given_up_quickly() -> None:
    old = ["a"] * 50 + ["b"] + ["a"] * 50
    new = ["  a" if number % 2 else "a" for number in range(200_000)]
    assert find_window(old, LineSpan(10, 12), new) is None


OLD = "".join(f"line {number}\n" for number in range(20))


def resolve(actors: Actors, project: Project, *anchors: dict[str, Any], **more: Any) -> list[Any]:
    answer = actors.viewer.api.post(
        f"/api/v1/projects/{project.pk}/anchors/resolve", {"anchors": anchors, **more}, format="json"
    )
    assert answer.status_code == 200, answer.content
    found = answer.json()["results"]
    return [
        (each["state"], each["method"], each["path"], each["line_start"], each["line_end"]) for each in found
    ]


def anchor(repository: Repository, path: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    blob = repository.git("rev-parse", f"main:{path}")
    return {"path": path, "blob_id": blob, "line_start": start, "line_end": end, **more}


@pytest.mark.django_db
def test_each_step_is_taken_where_the_one_before_has_no_answer(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit(
        {"same.py": "x\n", "gone.py": OLD + "gone\n", "edited.py": OLD, "old/name.py": OLD + "moved\n"}
    )
    first = publish_head(project, repository)
    asked = [
        anchor(repository, "same.py", 1, 1),
        anchor(repository, "gone.py", 2, 3),
        anchor(repository, "edited.py", 10, 12),
        anchor(repository, "edited.py", 1, 1),
        anchor(repository, "edited.py", 3, 3),
        anchor(repository, "old/name.py", 5, 6),
    ]
    edited = (
        OLD.replace("line 1\n", "LINE 1\n")
        .replace("line 2\n", "LINE 2\n")
        .replace("line 9\n", "new\nline 9\n")
    )
    repository.commit(
        {"gone.py": None, "edited.py": edited, "old/name.py": None, "new/name.py": OLD + "MOVED\n"}
    )
    publish_head(project, repository)
    assert resolve(actors, project, *asked) == [
        ("exact", "blob", "same.py", 1, 1),
        ("orphaned", None, "gone.py", 2, 3),
        ("moved", "window", "edited.py", 11, 13),
        ("moved", "diff", "edited.py", 1, 1),
        ("orphaned", None, "edited.py", 3, 3),
        ("moved", "window", "new/name.py", 5, 6),
    ]
    # In the commit that they were made in, which is no longer the published one, all are where they were.
    assert {each[:2] for each in resolve(actors, project, *asked, commit=first.commit)} == {("exact", "blob")}


@pytest.mark.django_db
def test_a_symbol_is_followed_when_its_lines_changed(
    actors: Actors, project: Project, repository: Repository
) -> None:
    def index(start: int, end: int) -> None:
        Symbol.objects.create(
            organization_id=project.organization_id, project=project, ordinal=0,
            blob=repository.git("rev-parse", "main:a.py"),
            name="f", qualified_name="f", kind="function", line_start=start, line_end=end,
        )  # fmt: skip

    repository.commit({"a.py": "def f():\n    return 1\n"})
    publish_head(project, repository)
    index(1, 2)
    whole, part = (anchor(repository, "a.py", start, 2, symbol="f") for start in (1, 2))
    repository.commit({"a.py": "import os\n\n\ndef f():\n    return 2 + 2\n"})
    publish_head(project, repository)
    index(4, 5)
    assert [each[:2] for each in resolve(actors, project, whole, part)] == [
        ("moved", "symbol"),
        ("orphaned", None),
    ]


@pytest.mark.django_db
def test_a_window_of_other_lines_names_nothing(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit({"a": OLD})
    publish_head(project, repository)
    wrong = anchor(repository, "a", 5, 6, window="0" * 16)
    repository.commit({"a": "new\n" + OLD})
    publish_head(project, repository)
    assert resolve(actors, project, wrong)[0][0] == "orphaned"


@pytest.mark.django_db
def test_wrong_anchors_are_refused_and_strangers_see_nothing(actors: Actors, project: Project) -> None:
    address = f"/api/v1/projects/{project.pk}/anchors/resolve"
    whole = {"path": "a", "blob_id": "0" * 40, "line_start": 2, "line_end": 2}

    def status(person: str, **changes: Any) -> int:
        body = {"anchors": [{**whole, **changes}]}
        answer: int = actors[person].api.post(address, body, format="json").status_code
        return answer

    assert status("viewer", line_end=1) == 422
    assert status("viewer", path_key="YQ") == 422
    assert status("viewer", blob_id="main") == 422
    assert status("viewer", path="../a") == 400
    assert status("viewer") == 409  # nothing is published
    assert (status("stranger"), status("anonymous")) == (404, 401)
