"""Mails on their way: the outbox, whose rows are jobs."""

from django.db import models

from apps.accounts.models.user import User
from apps.common.db import JobState, JobStatus, Row, status_check


class Mail(Row, JobState):
    """One mail. Its context may hold single-use links, so it is kept encrypted and blanked when sent."""

    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="mails")
    to = models.EmailField(max_length=254)
    template = models.CharField(max_length=80)
    context = models.BinaryField(default=bytes, blank=True)

    class Meta:
        db_table = "accounts_mail"
        constraints = [status_check("accounts_mail_status", "status", JobStatus)]
        indexes = [
            models.Index(
                fields=["run_after"],
                condition=models.Q(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
                name="accounts_mail_due",
            ),
            models.Index(fields=["user", "created_at"], name="accounts_mail_of_user"),
        ]

    @property
    def context_place(self) -> str:
        """Return the name under which the context is sealed: for this mail and no other."""
        return f"accounts.mail.context:{self.pk}"

    def __str__(self) -> str:
        return f"{self.template} to {self.to}"
