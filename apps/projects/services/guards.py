"""What every service asks first: may the actor, and how does the project stand."""

from apps.accounts.permissions import Actor
from apps.common.errors import NotFound
from apps.projects.models import Project
from apps.projects.rights import Right, require_right


def require_edit(actor: Actor, project: Project, permission: str) -> None:
    """Raise Forbidden unless the actor may edit the project and holds `permission`, ProjectArchived."""
    require_right(actor, project, Right.EDIT, permission)


def require_editor(actor: Actor, project: Project, permission: str) -> None:
    """Raise Forbidden as `require_edit` does; for reading, which goes on where a project is archived."""
    require_right(actor, project, Right.EDIT, permission, is_archived_fine=True)


def require_own(actor: Actor, project: Project, permission: str) -> None:
    """Raise Forbidden unless the actor owns or manages the project and may `permission`; ProjectArchived."""
    require_right(actor, project, Right.OWN, permission)


def lock_project(project: Project) -> Project:
    """Return a living project as it stands, locked until the transaction ends; raises NotFound."""
    found = (
        Project.objects.living()
        .select_related("mirror", "organization")
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=project.pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found
