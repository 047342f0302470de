"""What the structural engine says besides documentation, and of hostile files."""

import pytest

from tests.furniture.people import Actors
from tests.projects.code_jobs.worlds import FILES, MakeRepository, finished, published_project, result_of

pytestmark = pytest.mark.django_db


def test_each_type_has_a_result_of_its_own(actors: Actors, make_repository: MakeRepository) -> None:
    repository = make_repository("remote")
    repository.commit(
        FILES
        | {
            "bad.py": "def f(:\n",
            "web/app.min.js": "a=1;" * 5_000,
            "empty.py": "",
            "main.py": "def RunIt(list):\n    pass\n\nif __name__ == '__main__':\n    RunIt([])\n",
        }
    )
    project = published_project(actors, repository)
    for kind in ("docs", "summary", "file_summary", "rename_suggestions", "explanation"):
        more = (
            {"selection": {"path": "pack/shapes.py", "line_start": 10, "line_end": 11}}
            if kind == "explanation"
            else {}
        )
        job = finished(actors.admin, project, type=kind, **more)
        print(kind, job.status, job.error_code, job.error_trace, job.source_blobs.keys())
        r = actors.viewer.api.get(f"/api/v1/ai/jobs/{job.pk}/result?as=markdown")
        print(r.content.decode())
        print(result_of(actors.viewer, job)["unscanned"], result_of(actors.viewer, job)["suggestions"])
    print(actors.viewer.api.get(f"/api/v1/projects/{project.pk}/docs").json())
    assert 0
