"""Structural documentation of a repository: from the request to the result."""

import pytest

from apps.common.db import JobStatus
from tests.furniture.people import Actors
from tests.projects.code_jobs.worlds import FILES, MakeRepository, finished, published_project, result_of

pytestmark = pytest.mark.django_db(transaction=False)


def test_a_python_package_is_documented_without_a_model(
    actors: Actors, make_repository: MakeRepository
) -> None:
    repository = make_repository("remote")
    repository.commit(FILES)
    project = published_project(actors, repository)
    job = finished(actors.admin, project)
    assert (job.status, job.error_code, job.outcome) == (JobStatus.SUCCEEDED, "", "complete")
    result = result_of(actors.viewer, job)
    assert result["engine"] == "structural"
    assert [section["title"] for section in result["sections"]] == ["pack/shapes.py", "pack/units.py"]
