"""Organizations, and who belongs to them in which role."""

import uuid
from typing import TYPE_CHECKING, Final, Protocol, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.accounts.models.user import User
from apps.common.db import Row, status_check

if TYPE_CHECKING:
    from apps.accounts.models.api_key import ApiKey


# Made by migration: the installation's own.
SYSTEM_SLUG: Final = "system"


class Role(models.TextChoices):
    """What a member may do, in rising order; the permissions stand in `roles.py`."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    MANAGER = "manager"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Return the role's place in the order, 0 for viewer."""
        return list(Role).index(self)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Reads of organizations."""

    def living(self) -> Self:
        """Leave out the organizations that were deleted."""
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, user: User) -> Self:
        """Narrow to the living organizations that the user is a member of, with their `role` there."""
        own = self.living().filter(memberships__user=user)
        return own.annotate(role=models.F("memberships__role"))

    def of_key(self, api_key: "ApiKey") -> Self:
        """Narrow to the one organization of a key, with the key's `role`."""
        one = self.living().filter(pk=api_key.organization_id)
        return one.annotate(role=models.Value(api_key.role, output_field=models.TextField()))


class Organization(Row):
    """The owner of every row of every product."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    require_mfa = models.BooleanField(default=False)
    allowed_email_domains = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "accounts_organization"

    def __str__(self) -> str:
        return self.slug

    @property
    def is_system(self) -> bool:
        """Tell whether this is the installation's own organization."""
        return self.slug == SYSTEM_SLUG

    @property
    def chain_id(self) -> uuid.UUID | None:
        """Return whose audit chain its acts go to; None is the installation's, which is also `system`'s."""
        return None if self.is_system else self.pk


class Reader(Protocol):
    """Who looks at rows of an organization: `accounts.permissions.Actor`, which stands above the tables."""

    @property
    def organization(self) -> Organization:
        """Return the active organization."""


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Reads of memberships."""

    def visible_to(self, actor: Reader) -> Self:
        """Narrow to the active organization's."""
        return self.filter(organization=actor.organization)


class Membership(Row):
    """One user in one organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.TextField(choices=Role.choices)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        db_table = "accounts_membership"
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="accounts_membership_unique"),
            status_check("accounts_membership_role", "role", Role),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role} of {self.organization_id}"
