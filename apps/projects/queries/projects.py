"""Reads of projects."""

import uuid

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.projects.models import Project


def visible_project(actor: Actor, project_id: uuid.UUID) -> Project:
    """Return a project that the actor sees, with mirror and owner; raises NotFound. Issues one query."""
    project = (
        Project.objects.visible_to(actor).select_related("mirror", "owner").filter(pk=project_id).first()
    )
    if project is None:
        raise NotFound("There is no such project.")
    return project
