"""What every endpoint below `/projects/{id}` does first: find the project, and ask for the right."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db import models
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from apps.common.errors import NotFound
from apps.common.viewsets import UUID_PATTERN, ResourceViewSet
from apps.projects.models import Project
from apps.projects.queries.seen import find_visible
from apps.projects.rights import Right, require_right

ModelT = TypeVar("ModelT", bound=models.Model)

PROJECT = OpenApiParameter("project_pk", uuid.UUID, OpenApiParameter.PATH)
# The route of everything that belongs to one project.
PROJECT_ROUTE = r"projects/(?P<project_pk>[^/.]+)"


def project_of_address(actor: Any, text: str) -> Project:
    """Return the project that an address names; raises NotFound, for what is no id, too."""
    if not UUID_PATTERN.fullmatch(text):
        raise NotFound
    project = find_visible(actor, uuid.UUID(text))
    if project is None:
        raise NotFound
    return project


class ProjectPartViewSet(ResourceViewSet[ModelT]):
    """Something that belongs to one project, under PROJECT_ROUTE.

    `rights` names the right and permission of each action that is more than looking; the service that writes
    asks for them again.
    """

    permission = "projects.view"
    rights: ClassVar[Mapping[str, tuple[Right, str]]] = {}

    @property
    def project(self) -> Project:
        """Return the project of the address, once the actor's right for this action was checked."""
        found: Project | None = getattr(self, "_project", None)
        if found is None:
            found = self._project = project_of_address(self.actor, self.kwargs["project_pk"])
            if self.action in self.rights:
                is_read = self.request.method in SAFE_METHODS
                require_right(self.actor, found, *self.rights[self.action], is_archived_fine=is_read)
        return found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Pass the walls, and find the project before the body is looked at."""
        super().initial(request, *args, **kwargs)
        self.project  # noqa: B018 - raises NotFound, Forbidden, ProjectArchived

    def get_queryset(self) -> Any:
        """Return the rows of the project in the address."""
        # Without the wall of the base class: the project in the address was found behind the same one.
        rows = super(ResourceViewSet, self).get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return rows.filter(project=self.project)
