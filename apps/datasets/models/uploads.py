"""Resumable uploads: files that arrive in pieces and wait for an import to take them."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization, User
from apps.accounts.permissions import Actor
from apps.common.db import Row, status_check
from apps.datasets.states import UploadState


class UploadQuerySet(models.QuerySet["Upload"]):
    """Reads of uploads."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's own uploads: nobody else sees them."""
        return self.filter(organization=actor.organization, owner=actor.person, owner__isnull=False)

    def open_of(self, owner: User, now: datetime) -> Self:
        """Narrow to the uploads of a person that still wait for bytes."""
        return self.filter(owner=owner, state=UploadState.OPEN, expires_at__gt=now)


class Upload(Row):
    """One file of `length` bytes, of which `offset` are durable in `storage_name`.

    `sha256` is what the sender promised, empty if nothing; of a complete upload what it is. The
    row expires some time after its last byte. An upload is complete as soon as its offset is its length.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255, default="", blank=True)
    media_type = models.CharField(max_length=255, default="", blank=True)
    storage_name = models.CharField(max_length=255, default="", blank=True)
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, default="", blank=True)
    state = models.TextField(choices=UploadState.choices, default=UploadState.OPEN)
    expires_at = models.DateTimeField()

    objects = UploadQuerySet.as_manager()

    class Meta:
        db_table = "datasets_upload"
        constraints = [
            models.CheckConstraint(
                condition=Q(offset__gte=0, offset__lte=F("length")), name="datasets_upload_offset"
            ),
            status_check("datasets_upload_state", "state", UploadState),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="datasets_upload_by_owner"),
            models.Index(fields=["expires_at"], name="datasets_upload_expiry"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.pk)

    def is_expired(self, now: datetime) -> bool:
        """Tell whether its time is over, whether or not the clock has looked at it since."""
        return self.state == UploadState.EXPIRED or self.expires_at <= now
