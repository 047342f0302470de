"""Who did what: entries, sealed into one hash chain per organization."""

import uuid
from typing import Protocol, Self

from django.db import models

from apps.accounts.models.organization import Organization
from apps.common.db import Row, status_check


class ActorType(models.TextChoices):
    """Who acted: a signed-in person, a client program, an operator in the admin, or the installation."""

    USER = "user"
    KEY = "key"
    STAFF = "staff"
    SYSTEM = "system"


class AuditReader(Protocol):
    """Who looks at entries: `accounts.permissions.Actor`, which stands above the tables."""

    @property
    def organization(self) -> Organization:
        """Return the active organization."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Reads of audit entries."""

    def visible_to(self, actor: AuditReader) -> Self:
        """Narrow to the chain of the active organization."""
        return self.of_chain(actor.organization.chain_id)

    def of_chain(self, chain_id: uuid.UUID | None) -> Self:
        """Narrow to one organization's, or with None to the installation's."""
        return self.filter(_is_chain(chain_id))

    def sealed(self) -> Self:
        """Narrow to those with a place in a chain."""
        return self.filter(sequence__isnull=False)

    def unsealed(self) -> Self:
        """Narrow to those that have no place in a chain yet."""
        return self.filter(sequence__isnull=True)


class AuditEntry(Row):
    """One act. Without an organization it belongs to the installation.

    `sequence` and `hash` are given by the sealing; labels, address and agent stay outside the hash, so that
    an erasure can blank them without breaking the chain. A trigger refuses every other UPDATE, and DELETE but
    of what the chain's head says is pruned and of what belongs to a deleted organization.
    """

    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="audit_entries"
    )
    sequence = models.PositiveBigIntegerField(null=True, blank=True)
    actor_type = models.CharField(max_length=20, choices=ActorType.choices)
    actor_id = models.UUIDField(null=True, blank=True)
    actor_label = models.CharField(max_length=254, default="", blank=True)
    verb = models.CharField(max_length=80)
    target_type = models.CharField(max_length=80, default="", blank=True)
    target_id = models.CharField(max_length=80, default="", blank=True)
    target_label = models.CharField(max_length=254, default="", blank=True)
    changes = models.JSONField(default=dict, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=400, default="", blank=True)
    request_id = models.CharField(max_length=64, default="", blank=True)
    hash = models.BinaryField(max_length=32, null=True, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        db_table = "accounts_audit_entry"
        constraints = [
            # The installation's chain has no organization; only what is sealed has a place in a chain.
            models.UniqueConstraint(
                fields=["organization", "sequence"],
                condition=models.Q(sequence__isnull=False),
                nulls_distinct=False,
                name="accounts_audit_entry_place",
            ),
            status_check("accounts_audit_entry_actor_type", "actor_type", ActorType),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="accounts_audit_entry_newest"),
            models.Index(
                fields=["created_at", "id"],
                condition=models.Q(sequence__isnull=True),
                name="accounts_audit_entry_unsealed",
            ),
            # For the filters of the list, and for an erasure, which goes through all chains.
            models.Index(fields=["actor_id", "-created_at"], name="accounts_audit_entry_actor"),
            models.Index(fields=["target_id", "-created_at"], name="accounts_audit_entry_target"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_label or self.actor_type}"


class AuditHeadQuerySet(models.QuerySet["AuditHead"]):
    """Reads of heads."""

    def of_chain(self, chain_id: uuid.UUID | None) -> Self:
        """Narrow to one organization's, or with None to the installation's."""
        return self.filter(_is_chain(chain_id))


def _is_chain(chain_id: uuid.UUID | None) -> models.Q:
    return models.Q(organization_id=chain_id) if chain_id else models.Q(organization_id__isnull=True)


class AuditHead(Row):
    """The end of one chain: what the next entry is hashed with."""

    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.BinaryField(max_length=32)
    # What pruning dropped of the chain's beginning, so that the rest can still be verified.
    pruned_sequence = models.PositiveBigIntegerField(default=0)
    pruned_hash = models.BinaryField(max_length=32)

    objects = AuditHeadQuerySet.as_manager()

    class Meta:
        db_table = "accounts_audit_head"
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], nulls_distinct=False, name="accounts_audit_head_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.sequence}"
