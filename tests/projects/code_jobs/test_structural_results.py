"""What the structural engine says besides documentation, and of hostile files."""

from typing import Any

import pytest

from apps.projects.models import Project
from tests.furniture.people import Actors
from tests.projects.code_jobs.worlds import FILES, MakeRepository, finished, published_project, result_of
from tests.projects.manifests.building import publish_head
from tests.projects.repositories import Blob, Repository

pytestmark = pytest.mark.django_db

MAIN = """from pack.shapes import make


def RunIt(list):
    Value = make("a")
    if list and Value:
        raise ValueError("both")
    return Value


if __name__ == "__main__":
    RunIt([])
"""
PROJECT = '[project]\nname = "pack"\ndependencies = ["requests>=2"]\n[project.scripts]\nrun = "main:RunIt"\n'
HOSTILE: dict[str | bytes, str | bytes | Blob | None] = {
    "bad/deep.py": "(" * 100_000,
    "bad/null.py": "x = '" + "a" * 9_000 + "\0'\n",
    "bad/syntax.py": "def f(:\n",
    "bad/huge.toml/pyproject.toml": "a = " + "[" * 50_000,
    "bad/app.js": "a=1;" * 5_000,
    "bad/nest.js": "[" * 200_000,
    "bad/what.zzz": "hello\n",
    "bad/empty.py": "",
    "bad/blank.js": " \n\n",
}


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    """Give a repository with a small program."""
    repository = make_repository("remote")
    repository.commit(FILES | {"main.py": MAIN, "pyproject.toml": PROJECT})
    return repository


@pytest.fixture
def project(actors: Actors, repository: Repository) -> Project:
    """Give the project that mirrors it."""
    return published_project(actors, repository)


def sections(result: dict[str, Any]) -> dict[str, str]:
    return {each["title"]: each["text_md"] for each in result["sections"]}


def test_a_summary_counts_and_lists(actors: Actors, project: Project) -> None:
    result = result_of(actors.viewer, finished(actors.admin, project, type="summary"))
    assert (result["result_type"], result["facts"]["changes"]) == ("document", None)
    found = sections(result)
    assert found["Entry points"] == "- `main.py`, line 11\n- `run` of `pyproject.toml`"
    assert "needs `requests`" in found["Packages"]
    assert found["To do"] == "- `pack/shapes.py`, line 20: TODO `squares`"
    assert found["Languages"].startswith("- Python: 4 files")


def test_a_later_summary_tells_what_has_changed(
    actors: Actors, project: Project, repository: Repository
) -> None:
    first = finished(actors.admin, project, type="summary")
    repository.commit({"new.py": "x = 1\n", "main.py": None, "pack/units.py": "def scale(v, f): ...\n"})
    publish_head(project, repository)
    result = result_of(actors.viewer, finished(actors.admin, project, type="summary"))
    assert result["facts"]["changes"] == {
        "added": ["new.py"],
        "removed": ["main.py"],
        "changed": ["pack/units.py"],
    }
    (newest,) = actors.viewer.api.get(f"/api/v1/projects/{project.pk}/docs").json()["results"]
    assert (newest["stale"], newest["stale_paths"], newest["paths"]) == (False, [], [""])
    old = actors.viewer.api.get(f"/api/v1/ai/jobs/{first.pk}").json()
    assert old["stale"] is True


def test_a_file_summary_is_about_the_chosen_files(actors: Actors, project: Project) -> None:
    job = finished(actors.admin, project, type="file_summary", targets={"globs": ["pack/*s.py"]})
    result = result_of(actors.viewer, job)
    assert list(sections(result)) == ["pack/shapes.py", "pack/units.py"]
    assert "Defines: `scale`" in sections(result)["pack/units.py"]
    assert "Imported by: `main.py`" not in sections(result)["pack/shapes.py"]


def test_an_explanation_names_what_lines_bind_use_call_and_raise(actors: Actors, project: Project) -> None:
    selection = {"path": "main.py", "line_start": 5, "line_end": 7}
    result = result_of(
        actors.viewer, finished(actors.admin, project, type="explanation", selection=selection)
    )
    (facts,) = result["facts"]["places"]
    assert result["result_type"] == "explanation"
    assert (facts["symbol"], facts["signature"]) == ("RunIt", "def RunIt(list)")
    assert (facts["bound"], facts["calls"]) == (["Value"], ["ValueError", "make"])
    assert (facts["raises"], facts["callers"]) == (["ValueError"], ["main.py"])
    assert facts["used"] == ["Value", "ValueError", "list", "make"]
    assert [step["kind"] for step in facts["steps"]] == ["if", "raise"]


def test_an_explanation_of_unsaved_text_reads_that_text(actors: Actors, project: Project) -> None:
    selection = {
        "path": "main.py", "line_start": 1, "line_end": 2, "content": "def other():\n    return compute()\n",
    }  # fmt: skip
    result = result_of(
        actors.viewer, finished(actors.admin, project, type="explanation", selection=selection)
    )
    (facts,) = result["facts"]["places"]
    assert (facts["symbol"], facts["calls"]) == ("other", ["compute"])


def test_better_names_follow_convention(actors: Actors, project: Project) -> None:
    result = result_of(actors.viewer, finished(actors.admin, project, type="rename_suggestions"))
    found = {(each["symbol"], each["proposed"]) for each in result["suggestions"]}
    assert result["result_type"] == "suggestions"
    assert found == {("RunIt", "run_it"), ("RunIt.list", "list_"), ("RunIt.Value", "value")}
    anchors = {each["symbol"]: each["anchor"] for each in result["suggestions"]}
    assert all(len(anchor["window"]) == 16 for anchor in anchors.values())
    assert (anchors["RunIt"]["line_start"], anchors["RunIt"]["line_end"]) == (4, 8)


def test_hostile_files_are_counted_and_the_others_read(
    actors: Actors, project: Project, repository: Repository
) -> None:
    repository.commit(HOSTILE)
    publish_head(project, repository)
    job = finished(actors.admin, project)
    result = result_of(actors.viewer, job)
    reasons = {
        each["path"]: each["reason"] for each in result["unscanned"] if each["path"].startswith("bad/")
    }
    assert job.outcome == "complete"
    assert reasons == {
        "bad/app.js": "minified",
        "bad/blank.js": "empty",
        "bad/deep.py": "not_parsable",
        "bad/empty.py": "empty",
        "bad/huge.toml/pyproject.toml": "not_parsable",
        "bad/nest.js": "minified",
        "bad/null.py": "not_parsable",
        "bad/syntax.py": "not_parsable",
        "bad/what.zzz": "language",
    }
    assert "pack/shapes.py" in sections(result)
