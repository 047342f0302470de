"""Who did what: entries, sealed into one hash chain per organization."""

from typing import Protocol, Self

from django.db import models

from apps.accounts.models.organization import Organization
from apps.common.db import Row


class AuditReader(Protocol):
    """Who looks at entries: `accounts.permissions.Actor`, which stands above the tables."""

    @property
    def organization(self) -> Organization:
        """Return the active organization."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Reads of audit entries."""

    def visible_to(self, actor: AuditReader) -> Self:
        """Narrow to the active organization's."""
        return self.filter(organization=actor.organization)

    def unsealed(self) -> Self:
        """Narrow to those that have no place in a chain yet."""
        return self.filter(sequence__isnull=True)


class AuditEntry(Row):
    """One act. Without an organization it belongs to the installation.

    `sequence` and `hash` are given by the sealing; labels, address and agent stay outside the hash, so that
    an erasure can blank them without breaking the chain.
    """

    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="audit_entries"
    )
    sequence = models.PositiveBigIntegerField(null=True, blank=True)
    actor_type = models.CharField(max_length=20)
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
            models.UniqueConstraint(
                fields=["organization", "sequence"],
                name="accounts_audit_entry_sequence",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="accounts_audit_entry_newest"),
            models.Index(
                fields=["created_at", "id"],
                condition=models.Q(sequence__isnull=True),
                name="accounts_audit_entry_unsealed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_label or self.actor_type}"


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

    class Meta:
        db_table = "accounts_audit_head"
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], nulls_distinct=False, name="accounts_audit_head_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.sequence}"
