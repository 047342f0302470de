"""Who can be given a signal, and the people that events, comments and workflows name."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower

from apps.accounts.models import Membership, Organization, Role, User
from apps.accounts.permissions import system_actor
from apps.accounts.queries import held_permissions
from apps.signals.models import Workflow
from apps.signals.states import WorkflowStatus

WORK: Final = "signals.work"
OPEN: Final = tuple(status for status in WorkflowStatus if status.is_open)


def working_members(organization: Organization) -> QuerySet[Membership]:
    """Return the memberships of those whom a signal of the organization can be given to, with `user`."""
    rows = Membership.objects.filter(organization=organization, user__is_active=True)
    return rows.filter(role__in=_working_roles(organization)).select_related("user")


def with_open_count(members: QuerySet[Membership], organization: Organization) -> QuerySet[Membership]:
    """Add `open` to memberships: how many signals the person has that are not resolved."""
    own = Workflow.objects.filter(
        organization=organization, assignee=OuterRef("user_id"), status__in=OPEN
    ).order_by()
    counted = own.values("assignee").annotate(n=Count("pk")).values("n")
    return members.annotate(open=Coalesce(Subquery(counted), 0, output_field=IntegerField()))


def names_of(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of those of these people that are still there. Issues one query, none without ids."""
    wanted = set(ids)
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def members_by_email(organization: Organization, addresses: Sequence[str]) -> list[User]:
    """Return the active members with these addresses, given in lower case, in the order of the addresses."""
    if not addresses:
        return []
    members = User.objects.filter(memberships__organization=organization, is_active=True)
    lowered = members.annotate(email_lower=Lower("email"))
    place = {address: number for number, address in enumerate(addresses)}
    found = lowered.filter(email_lower__in=place)
    return sorted(found, key=lambda user: place[user.email.lower()])


def _working_roles(organization: Organization) -> list[Role]:
    """Return the roles that may work on signals."""
    everything = held_permissions(system_actor(organization))
    lowest = next(held.role for held in everything if held.name == WORK)
    return [role for role in Role if role.rank >= lowest.rank]
