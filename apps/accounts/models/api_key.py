"""Keys of client programs."""

import datetime as dt
from typing import Protocol, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.accounts.models.organization import Membership, Organization, Role
from apps.accounts.models.user import User
from apps.common.db import Row, status_check


class KeyReader(Protocol):
    """Who looks at keys: `accounts.permissions.Actor`, which stands above the tables."""

    @property
    def organization(self) -> Organization:
        """Return the active organization."""

    @property
    def person(self) -> User | None:
        """Return the user behind the actor."""

    def may(self, permission: str) -> bool:
        """Tell whether the actor holds a permission."""


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Reads of API keys."""

    def living(self) -> Self:
        """Leave out the revoked keys."""
        return self.filter(revoked_at__isnull=True)

    def visible_to(self, actor: KeyReader) -> Self:
        """Narrow to the living keys the actor may see: an admin all of the organization, others their own."""
        keys = self.living().filter(organization=actor.organization).with_creator()
        return keys if actor.may("accounts.manage_keys") else keys.filter(created_by=actor.person)

    def with_creator(self) -> Self:
        """Add who made each key, and `creator_role`: theirs in the organization now, None if they left."""
        memberships = Membership.objects.filter(
            organization=models.OuterRef("organization"), user=models.OuterRef("created_by")
        )
        role = models.Subquery(memberships.values("role")[:1])
        return self.select_related("organization", "created_by").annotate(creator_role=role)


class ApiKey(Row):
    """One key of one organization. Only a keyed hash is kept; the raw key is shown once."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="api_keys"
    )
    name = models.CharField(max_length=120)
    role = models.TextField(choices=Role.choices)
    prefix = models.CharField(max_length=8, unique=True)
    hash = models.BinaryField(max_length=32)
    pepper_id = models.CharField(max_length=16)
    scopes = ArrayField(models.CharField(max_length=40))
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    points_per_minute = models.PositiveIntegerField(null=True, blank=True)
    allowed_cidrs = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "accounts_api_key"
        constraints = [status_check("accounts_api_key_role", "role", Role)]

    def __str__(self) -> str:
        return f"{self.name} (sxk_{self.prefix})"

    @property
    def effective_role(self) -> Role:
        """Return the role that counts: that of the key, cut by its creator's; needs `with_creator`.

        A key outlives its creator's membership as it was, and an operator's key has no creator.
        """
        creator_role: str | None = getattr(self, "creator_role", None)
        held = Role(self.role)
        return min(held, Role(creator_role), key=lambda role: role.rank) if creator_role else held

    @property
    def has_lost_creator(self) -> bool:
        """Tell whether whoever made the key left the organization since or was locked out.

        The key goes on: programs do not stop when a person does. Needs `with_creator`.
        """
        if self.created_by is None:
            return False
        return getattr(self, "creator_role", self.role) is None or not self.created_by.is_active

    def is_expired(self, now: dt.datetime) -> bool:
        """Tell whether the key's time has passed."""
        return self.expires_at is not None and self.expires_at <= now
