"""Invitations by mail into an organization."""

from typing import Self

from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from apps.accounts.models.organization import Organization, Reader, Role
from apps.accounts.models.user import User
from apps.common.db import Row, status_check


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Reads of invitations."""

    def unanswered(self) -> Self:
        """Narrow to those neither accepted nor taken back; some may be past their time."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)

    def pending(self) -> Self:
        """Narrow to those that can still be accepted."""
        return self.unanswered().filter(expires_at__gt=Now())

    def visible_to(self, actor: Reader) -> Self:
        """Narrow to the active organization's."""
        return self.filter(organization=actor.organization)


class Invitation(Row):
    """One invited address. Only a hash of the mailed token is kept."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.TextField(choices=Role.choices)
    token_hash = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "accounts_invitation"
        constraints = [
            # An expired one is revoked by the service before the next is made: a constraint knows no clock.
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="accounts_invitation_one_pending",
            ),
            status_check("accounts_invitation_role", "role", Role),
        ]

    @property
    def is_pending(self) -> bool:
        """Tell whether it can still be accepted."""
        is_unanswered = self.accepted_at is None and self.revoked_at is None
        return is_unanswered and self.expires_at > timezone.now()

    def __str__(self) -> str:
        return f"{self.role} of {self.organization_id}"
