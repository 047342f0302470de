"""Structural documentation of whole packages: equal to a reference, and always the same bytes."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from apps.common.db import JobStatus
from apps.projects.documenting.results import encode_result
from apps.projects.documenting.storing import load_result
from tests.furniture.people import Actors
from tests.projects.code_jobs.reference import describe
from tests.projects.code_jobs.worlds import FILES, MakeRepository, finished, published_project, result_of
from tests.projects.repositories import Blob

pytestmark = pytest.mark.django_db


def test_a_python_package_is_documented_without_a_model(
    actors: Actors, make_repository: MakeRepository
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    job = finished(actors.admin, project)
    assert (job.status, job.error_code, job.outcome) == (JobStatus.SUCCEEDED, "", "complete")
    result = result_of(actors.viewer, job)
    assert (result["engine"], result["degraded"]) == ("structural", False)
    sections = {section["title"]: section["text_md"] for section in result["sections"]}
    assert list(sections) == ["pack/shapes.py", "pack/units.py"]
    assert "Imports: `pack/units.py`, `math`" in sections["pack/shapes.py"]
    assert "Imported by: `pack/shapes.py`" in sections["pack/units.py"]
    assert "Called by name from: `pack/shapes.py:Circle.area`" in sections["pack/units.py"]
    assert result["facts"]["coverage"] == {
        "modules": 2, "modules_documented": 1, "symbols": 4, "documented": 2, "percent": 50,
    }  # fmt: skip
    response = actors.viewer.api.get(f"/api/v1/ai/jobs/{job.pk}/result", {"as": "markdown"})
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert response.content.decode().startswith(
        "Structure of 2 files: 4 public symbols, 2 of them documented"
    )


def test_text_of_a_repository_is_only_text(actors: Actors, make_repository: MakeRepository) -> None:
    repository = make_repository("remote")
    docstring = "```\n<script>alert(1)</script> [x](javascript:alert(1))"
    hostile = f'''"""{docstring}"""\n\ndef f(a="\\0"):\n    "\\ud800\\0"\n'''
    repository.commit({"a`b](c).py": hostile, "d.py": hostile})
    project = published_project(actors, repository)
    job = finished(actors.admin, project)
    text = actors.viewer.api.get(f"/api/v1/ai/jobs/{job.pk}/result", {"as": "markdown"}).content.decode()
    assert "## a\\`b\\]\\(c\\).py" in text
    # The docstring's own fence is shorter than the one around it.
    assert f"````text\n{docstring}\n````" in text


def test_requests_is_documented_as_its_syntax_tree_says(
    actors: Actors, make_repository: MakeRepository
) -> None:
    spec = find_spec("requests")
    if spec is None or spec.origin is None:
        pytest.skip("requests is not installed")
    folder = Path(spec.origin).parent
    files: dict[str | bytes, str | bytes | Blob | None] = {
        str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.py")
    }
    repository = make_repository("remote")
    repository.commit(files)
    project = published_project(actors, repository)
    first, second = finished(actors.admin, project), finished(actors.admin, project)
    names = ("path", "qualified_name", "kind", "line_start", "line_end", "signature", "has_docstring")
    found = [
        tuple(symbol[name] for name in names)
        for symbol in result_of(actors.viewer, first)["facts"]["symbols"]
    ]
    assert found == describe(folder)
    assert len(found) > 150
    results = [load_result(job) for job in (first, second)]
    assert results[0] is not None
    assert results[1] is not None
    assert first.pk != second.pk
    assert encode_result(results[0]) == encode_result(results[1])
