"""Who works on a project: added, changed and removed by those in charge; everybody may leave."""

import uuid

from django.db import IntegrityError, transaction

from apps.accounts.models import Membership, Role
from apps.accounts.permissions import Actor
from apps.accounts.services import record_audit
from apps.common import live
from apps.common.errors import Duplicate, FieldError, Invalid, NotFound
from apps.projects.models import Project, ProjectMember
from apps.projects.rights import Right, require_right
from apps.projects.services.guards import lock_project, require_own
from apps.projects.services.projects import membership_of
from apps.projects.states import MemberRole


class AlreadyMember(Duplicate):
    """The user works on this project already."""

    code = "projects.already_member"


@transaction.atomic
def add_member(
    *, actor: Actor, project: Project, user_id: uuid.UUID, role: str = MemberRole.VIEWER
) -> ProjectMember:
    """Make a member of the organization one of the project; raises Invalid, AlreadyMember."""
    project = lock_project(project)
    require_own(actor, project, "projects.link")
    membership = membership_of(project, user_id)
    check_role(membership, role)
    if membership.user_id == project.owner_id:
        raise AlreadyMember("The user owns this project.")
    member = ProjectMember(
        organization=project.organization,
        project=project,
        user=membership.user,
        membership=membership,
        role=role,
    )
    try:
        with transaction.atomic():
            member.save()
    except IntegrityError as error:
        raise AlreadyMember from error
    _record(actor, "projects.member_added", member)
    return member


@transaction.atomic
def change_member(*, actor: Actor, member: ProjectMember, role: str) -> ProjectMember:
    """Give a member another role, from their next request on; raises Invalid."""
    member = _locked(member)
    require_own(actor, member.project, "projects.link")
    check_role(member.membership, role)
    if member.role == role:
        return member
    member.role = role
    member.save(update_fields=["role", "updated_at"])
    _record(actor, "projects.member_changed", member)
    live.revoke(user_id=member.user_id)
    return member


@transaction.atomic
def remove_member(*, actor: Actor, member: ProjectMember) -> None:
    """End a membership: anybody's by those in charge, their own by everybody."""
    member = _locked(member)
    if actor.user is not None and actor.user.pk == member.user_id:
        require_right(actor, member.project, Right.VIEW, "projects.view")
    else:
        require_own(actor, member.project, "projects.link")
    _record(actor, "projects.member_removed", member)
    member.delete()
    live.revoke(user_id=member.user_id)


def check_role(membership: Membership, role: str) -> None:
    """Raise Invalid where the role in the organization is too low for one in a project."""
    if role == MemberRole.EDITOR and membership.role == Role.VIEWER:
        detail = "An editor needs the role of an analyst in the organization."
        raise Invalid(errors=[FieldError(detail, pointer="/role")])


def _locked(member: ProjectMember) -> ProjectMember:
    """Return a member as they stand, of a project that is locked; raises NotFound if they left meanwhile."""
    project = lock_project(member.project)
    found = (
        ProjectMember.objects.select_related("user", "membership")
        .filter(project=project, pk=member.pk)
        .first()
    )
    if found is None:
        raise NotFound
    found.project = project
    return found


def _record(actor: Actor, verb: str, member: ProjectMember) -> None:
    changes = {"user_id": str(member.user_id), "role": member.role}
    record_audit(actor=actor, verb=verb, target=member.project, changes=changes)
