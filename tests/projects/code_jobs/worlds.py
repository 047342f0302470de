"""A project with a published Python package, and its jobs run at once."""

from collections.abc import Callable
from typing import Any, TypeAlias

from apps.common.jobs import run_due
from apps.projects.models import CodeJob, Project
from tests.factories.projects import ProjectFactory
from tests.furniture.people import Actors, Person
from tests.projects.manifests.building import publish_head
from tests.projects.repositories import Blob, Repository

MakeRepository: TypeAlias = Callable[[str], Repository]

SHAPES = '''"""Shapes."""

import math

from pack.units import scale


class Circle:
    """A circle."""

    def area(self, factor: float = 1.0) -> float:
        """Return the area."""
        return scale(math.pi, factor)

    def _hidden(self):
        pass


def make(name, *, size=3):
    # TODO: squares
    return Circle()
'''
UNITS = "def scale(value, factor):\n    return value * factor\n"
FILES: dict[str | bytes, str | bytes | Blob | None] = {
    "pack/__init__.py": "",
    "pack/shapes.py": SHAPES,
    "pack/units.py": UNITS,
    "README.md": "# Pack\n",
}


def published_project(actors: Actors, repository: Repository, **columns: Any) -> Project:
    """Return a project of the actors' organization, visible to all of it, that mirrors the repository."""
    project = ProjectFactory.create(
        organization=actors.organization, owner=columns.pop("owner", actors.admin.user), **columns
    )
    publish_head(project, repository)
    return Project.objects.select_related("mirror").get(pk=project.pk)


def ask(person: Person, project: Project, **fields: Any) -> Any:
    """Return the response to a request for a code job."""
    body = {"project_id": str(project.pk), "type": "docs"} | fields
    return person.api.post("/api/v1/ai/jobs", body, format="json")


def finished(person: Person, project: Project, **fields: Any) -> CodeJob:
    """Ask for a job, run it, and return its row."""
    response = ask(person, project, **fields)
    assert response.status_code == 202, response.content
    run_due(queue="default")
    return CodeJob.objects.get(pk=response.json()["id"])


def result_of(person: Person, job: CodeJob) -> dict[str, Any]:
    """Return the result as the API answers it."""
    response = person.api.get(f"/api/v1/ai/jobs/{job.pk}/result")
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found
