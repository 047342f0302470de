"""Anchors: lines of results are found after edits, and requests about old lines find what became of them."""

from collections.abc import Mapping
from typing import Any

import pytest

from apps.projects.manifests.anchors import Anchor, AnchorState, LineSpan, lines_of, window_of
from apps.projects.manifests.reanchoring import resolve_anchors
from tests.furniture.people import Actors
from tests.projects.code_jobs.worlds import (
    FILES,
    SHAPES,
    MakeRepository,
    finished,
    published_project,
    result_of,
)
from tests.projects.manifests.building import publish_head

pytestmark = pytest.mark.django_db


def anchors_of(result: Mapping[str, Any], path: str) -> dict[str, dict[str, Any]]:
    section = next(each for each in result["sections"] if each["title"] == path)
    return {anchor["symbol"]: anchor for anchor in section["anchors"]}


def test_anchors_of_a_result_are_found_in_a_later_version(
    actors: Actors, make_repository: MakeRepository
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    anchor = anchors_of(result_of(actors.viewer, finished(actors.admin, project)), "pack/shapes.py")["make"]
    assert anchor["window"] == window_of(lines_of(SHAPES), LineSpan(anchor["line_start"], anchor["line_end"]))
    repository.commit({"pack/shapes.py": "# one\n# two\n" + SHAPES.replace("math.pi", "math.tau")})
    publish_head(project, repository)
    project.mirror.refresh_from_db()
    asked = Anchor(
        anchor["path"].encode(), *[anchor[name] for name in ("blob_id", "line_start", "line_end", "window")]
    )
    (found,) = resolve_anchors(project.mirror, project.mirror.head_commit, [asked])
    assert (found.state, found.line_start) == (AnchorState.MOVED, anchor["line_start"] + 2)


def test_an_explanation_follows_lines_that_moved_and_says_which_are_lost(
    actors: Actors, make_repository: MakeRepository
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    anchors = anchors_of(result_of(actors.viewer, finished(actors.admin, project)), "pack/shapes.py")
    lost = anchors_of(result_of(actors.viewer, finished(actors.admin, project)), "pack/units.py")["scale"]
    repository.commit({"pack/shapes.py": f"# one\n# two\n{SHAPES}", "pack/units.py": "x = 1\n"})
    publish_head(project, repository)
    job = finished(
        actors.admin, project, type="explanation", targets={"anchors": [anchors["Circle.area"], lost]}
    )
    result = result_of(actors.viewer, job)
    (facts,) = result["facts"]["places"]
    assert (facts["symbol"], facts["line_start"]) == ("Circle.area", anchors["Circle.area"]["line_start"] + 2)
    assert result["unscanned"] == [{"path": "pack/units.py", "reason": "orphaned"}]
