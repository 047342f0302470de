"""Who may do what with a project (projects.md section 1): the rights V, E and O, together with the role.

    V  view     owner, member, organization admin; every member of the organization if it is visible to all
    E  edit     owner, member with the role editor, a manager on each project they see, admin
    O  own      owner, a manager on each project they see, admin

The permission of the organization must hold as well; the owner counts as the one who created the row.
"""

import enum

from apps.accounts.models import Role
from apps.accounts.permissions import Actor
from apps.common.errors import Forbidden
from apps.projects.errors import ProjectArchived
from apps.projects.models import Project, ProjectMember
from apps.projects.states import MemberRole

MANAGERS = frozenset({Role.MANAGER, Role.ADMIN})


class Right(enum.IntEnum):
    """What somebody may do with a project they see."""

    VIEW = 1
    EDIT = 2
    OWN = 3

    @property
    def label(self) -> str:
        """Return its name on the wire."""
        return self.name.lower()


def right_of(actor: Actor, project: Project) -> Right:
    """Return the right of an actor on a project that `visible_to` let them see; at most one query."""
    if actor.role in MANAGERS or (actor.person is not None and project.owner_id == actor.person.pk):
        return Right.OWN
    if actor.person is None:
        return Right.VIEW
    is_editor = ProjectMember.objects.filter(
        project=project, user=actor.person, role=MemberRole.EDITOR
    ).exists()
    return Right.EDIT if is_editor else Right.VIEW


def effective_right(actor: Actor, project: Project, *, is_editor: bool) -> Right:
    """Return what an actor may really do, as their role in the organization stands now. No query.

    A person whose role was lowered, and a key with narrow scopes, may less than what they are in the project.
    """
    if actor.role in MANAGERS or (actor.person is not None and project.owner_id == actor.person.pk):
        held = Right.OWN
    else:
        held = Right.EDIT if is_editor else Right.VIEW
    if held is Right.OWN and actor.may("projects.link", project):
        return Right.OWN
    return Right.EDIT if held > Right.VIEW and actor.may("projects.sync") else Right.VIEW


def require_right(
    actor: Actor, project: Project, right: Right, permission: str, *, is_archived_fine: bool = False
) -> None:
    """Raise Forbidden unless the actor holds the right and the permission; `projects.apply` may be lent.

    For a write of `right` EDIT or OWN, raises ProjectArchived where the project is archived.
    """
    held = right_of(actor, project)
    is_lent = (
        permission == "projects.apply" and held is Right.EDIT and bool(project.option("editors_may_apply"))
    )
    if is_lent:
        # What stands beside `apply` for analysts, so that a demotion or a narrow key still counts.
        right, permission = Right.EDIT, "projects.run"
    if held < right:
        raise Forbidden(f"This needs the right to {right.label} the project.")
    if not actor.may(permission, project):
        raise Forbidden(f"This needs the permission {permission}.")
    if right > Right.VIEW and not is_archived_fine:
        refuse_archived(project)


def refuse_archived(project: Project) -> None:
    """Raise ProjectArchived if it is."""
    if project.archived_at is not None:
        raise ProjectArchived
