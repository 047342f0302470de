"""What the arguments of several tools have in common, and the project they name."""

import uuid
from typing import Annotated

import msgspec

from apps.accounts.permissions import Actor
from apps.common.tools import Arguments
from apps.projects.models import Project
from apps.projects.queries.projects import visible_project

ProjectId = Annotated[uuid.UUID, msgspec.Meta(description="The id of a project, as projects_list gives it.")]
RefText = Annotated[
    str,
    msgspec.Meta(
        max_length=300,
        description="A branch, tag, archived/<n>, applied/<id> or full commit id; empty: what is published.",
    ),
]
PathText = Annotated[str, msgspec.Meta(max_length=4_096, description="The whole path in the repository.")]
LineNumber = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class ProjectNamed(Arguments):
    """Which project."""

    project_id: ProjectId


def named_project(actor: Actor, wanted: ProjectNamed) -> Project:
    """Return the project that somebody names; raises NotFound."""
    return visible_project(actor, wanted.project_id)
