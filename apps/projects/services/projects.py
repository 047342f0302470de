"""What people do with a project itself."""

from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import Duplicate
from apps.projects.models import Project
from apps.projects.rights import Right, require_right
from apps.projects.states import Visibility


class NameTaken(Duplicate):
    """The organization has another project of this name."""

    code = "projects.name_taken"


def require_edit(actor: Actor, project: Project, permission: str) -> None:
    """Raise Forbidden unless the actor may edit the project and holds `permission`, ProjectArchived."""
    require_right(actor, project, Right.EDIT, permission)


def require_own(actor: Actor, project: Project, permission: str) -> None:
    """Raise Forbidden unless the actor owns or manages the project and may `permission`; ProjectArchived."""
    require_right(actor, project, Right.OWN, permission)


@transaction.atomic
def create_project(
    *, actor: Actor, name: str, description: str = "", visibility: str = Visibility.PRIVATE
) -> Project:
    """Create a project without a repository, owned by the person behind the actor; raises NameTaken."""
    require(actor, "projects.create")
    project = Project(
        organization=actor.organization,
        owner=actor.person,
        name=name,
        description=description,
        visibility=visibility,
    )
    save_named(project)
    record_audit(
        actor=actor,
        verb="projects.created",
        target=project,
        changes={"name": name, "visibility": visibility},
    )
    return project


def save_named(project: Project, **options: Any) -> None:
    """Save a project; raises NameTaken if a living one of the organization is called so, in any case."""
    try:
        with transaction.atomic():
            project.save(**options)
    except IntegrityError as error:
        if "projects_project_name_unique" not in str(error):
            raise
        raise NameTaken from error
