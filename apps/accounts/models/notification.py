"""What people are told: notices in the product, and what they want by mail."""

from typing import Self

from django.db import models

from apps.accounts.models.organization import Organization
from apps.accounts.models.user import User
from apps.common.db import Row, status_check
from apps.common.notices import Level


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Reads of notices."""

    def unread(self) -> Self:
        """Narrow to what its user has not read."""
        return self.filter(read_at__isnull=True)

    def in_app(self) -> Self:
        """Narrow to what is shown in the product."""
        return self.filter(is_in_app=True)

    def mail_pending(self) -> Self:
        """Narrow to what is to go by mail and has not gone."""
        return self.filter(mail_due_at__isnull=False, emailed_at__isnull=True)

    def of_user(self, user: User) -> Self:
        """Narrow to one user's, in all of their organizations."""
        return self.filter(user=user)


class Notification(Row):
    """One notice to one user. `dedupe_key` makes telling twice the same a no-op."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(max_length=80)
    level = models.TextField(choices=Level.choices, default=Level.INFO)
    title = models.CharField(max_length=160)
    body = models.CharField(max_length=1_000, default="", blank=True)
    target_type = models.CharField(max_length=80, default="", blank=True)
    target_id = models.CharField(max_length=80, default="", blank=True)
    # The path of the page that shows more, for links in the product and in mails.
    page = models.CharField(max_length=300, default="", db_default="", blank=True)
    dedupe_key = models.CharField(max_length=200)
    # Without it the notice goes by mail alone.
    is_in_app = models.BooleanField(default=True, db_default=True)
    read_at = models.DateTimeField(null=True, blank=True)
    # When it is due by mail, alone or in a digest; empty for one that does not go by mail.
    mail_due_at = models.DateTimeField(null=True, blank=True)
    emailed_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        db_table = "accounts_notification"
        constraints = [
            models.UniqueConstraint(fields=["user", "dedupe_key"], name="accounts_notification_unique"),
            status_check("accounts_notification_level", "level", Level),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="accounts_notification_newest"),
            models.Index(
                fields=["user"],
                condition=models.Q(read_at__isnull=True),
                name="accounts_notification_unread",
            ),
            models.Index(fields=["created_at"], name="accounts_notification_age"),
            models.Index(
                fields=["mail_due_at"],
                condition=models.Q(mail_due_at__isnull=False, emailed_at__isnull=True),
                name="accounts_notification_mail_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}"


class NotificationPreference(Row):
    """What one user wants of one kind; without a row the kind's defaults hold."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notification_preferences")
    kind = models.CharField(max_length=80)
    in_app = models.BooleanField(default=True)
    email = models.BooleanField(default=False)
    sms = models.BooleanField(default=False)

    class Meta:
        db_table = "accounts_notification_preference"
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="accounts_notification_preference_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"
