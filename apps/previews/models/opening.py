"""Who may open a session, and who did: tokens, devices, the access log."""

from django.db import models

from apps.accounts.models import Organization
from apps.common.db import Row, status_check
from apps.previews.agents import name_of_agent
from apps.previews.models.bundle import Bundle
from apps.previews.models.session import Session, SessionPartQuerySet
from apps.previews.states import AccessKind, TokenKind


class Device(Row):
    """A device that holds, or held until `ended_at`, a slot of a session; its own id is kept hashed."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="devices")
    device_hash = models.BinaryField()
    label = models.CharField(max_length=80, default="", blank=True)
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SessionPartQuerySet.as_manager()

    class Meta:
        db_table = "previews_device"
        constraints = [
            models.UniqueConstraint(fields=["session", "device_hash"], name="previews_device_unique"),
        ]

    def __str__(self) -> str:
        return self.label or str(self.pk)


class Token(Row):
    """A secret of a session: the owner's token, or the grant of one download of one bundle."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="tokens")
    kind = models.TextField(choices=TokenKind.choices)
    hash = models.BinaryField(unique=True)
    prefix = models.CharField(max_length=8)
    device = models.ForeignKey(Device, null=True, blank=True, on_delete=models.CASCADE, related_name="tokens")
    bundle = models.ForeignKey(Bundle, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = SessionPartQuerySet.as_manager()

    class Meta:
        db_table = "previews_token"
        constraints = [status_check("previews_token_kind", "kind", TokenKind)]

    def __str__(self) -> str:
        return f"{self.kind} of {self.session_id}"


class AccessEntry(Row):
    """One line of the access log: who did what, as far as a network and an agent tell."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="accesses")
    at = models.DateTimeField()
    kind = models.TextField(choices=AccessKind.choices)
    device = models.ForeignKey(Device, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    network = models.CharField(max_length=64, default="", blank=True)
    agent = models.CharField(max_length=200, default="", blank=True)
    bytes = models.PositiveBigIntegerField(default=0)

    objects = SessionPartQuerySet.as_manager()

    class Meta:
        db_table = "previews_access"
        constraints = [status_check("previews_access_kind", "kind", AccessKind)]
        indexes = [
            models.Index(fields=["organization", "session", "at"], name="previews_access_by_session"),
            models.Index(fields=["at"], name="previews_access_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.session_id}"

    @property
    def program(self) -> str:
        """Return the short name of what was used."""
        return name_of_agent(self.agent)
