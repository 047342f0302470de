"""Reads of who works on a project."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import Membership, Role, User
from apps.accounts.permissions import Actor, member_actor
from apps.projects.models import Project, ProjectMember
from apps.projects.states import Visibility


def people_in_charge(project: Project) -> list[User]:
    """Return who owns or manages the project: its owner, managers who see it, admins. Issues one query.

    Nobody is among them who has left the organization or is locked out.
    """
    joined = ProjectMember.objects.filter(project=project, user=OuterRef("user"))
    manages = Q(role=Role.MANAGER)
    if project.visibility != Visibility.ORGANIZATION:
        manages = Q(manages, Exists(joined))
    in_charge = Q(role=Role.ADMIN) | Q(user=project.owner_id) | manages
    return [row.user for row in _memberships(project).filter(in_charge).order_by("created_at", "pk")]


def is_seen_by(project: Project, user: User) -> bool:
    """Tell whether a user, as they belong to the organization now, sees the project. At most two queries."""
    membership = _memberships(project).filter(user=user).first()
    return membership is not None and _sees(member_of(membership), project)


def member_of(membership: Membership) -> Actor:
    """Return the actor behind a membership that was read with user and organization."""
    return member_actor(
        user=membership.user, organization=membership.organization, role=Role(membership.role)
    )


def _memberships(project: Project) -> QuerySet[Membership]:
    return Membership.objects.select_related("user", "organization").filter(
        organization=project.organization_id, user__is_active=True
    )


def _sees(actor: Actor, project: Project) -> bool:
    return Project.objects.visible_to(actor).filter(pk=project.pk).exists()
