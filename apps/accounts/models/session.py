"""Sessions: a signed-in browser, or the family of tokens of one API login."""

from typing import Self

from django.db import models
from django.db.models.functions import Now

from apps.accounts.models.user import User
from apps.common.db import Row, status_check


class SessionKind(models.TextChoices):
    """How the session was opened."""

    PAGE = "page"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret


class SessionQuerySet(models.QuerySet["Session"]):
    """Reads of sessions."""

    def live(self) -> Self:
        """Narrow to the sessions that are neither revoked nor past their end."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=Now(), ends_at__gt=Now())


class Session(Row):
    """One sign-in. A refresh token is good only while its jti is the session's current one (or just was)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    kind = models.TextField(choices=SessionKind.choices)
    django_key = models.CharField(max_length=40, default="", blank=True)
    label = models.CharField(max_length=120, default="", blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=400, default="", blank=True)
    current_jti = models.UUIDField(null=True, blank=True)
    previous_jti = models.UUIDField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reauthenticated_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=60, default="", blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        db_table = "accounts_session"
        constraints = [status_check("accounts_session_kind", "kind", SessionKind)]
        indexes = [
            models.Index(
                fields=["user", "-created_at"],
                name="accounts_session_live",
                condition=models.Q(revoked_at__isnull=True),
            ),
            models.Index(fields=["django_key"], name="accounts_session_django_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} session {self.pk}"
