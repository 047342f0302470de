"""What somebody without a session asks for by mail address; answered by a job, so that nobody can time it."""

from django.db import models

from apps.common.db import JobState, JobStatus, Row, status_check


class RequestAction(models.TextChoices):
    """What is asked for."""

    REGISTER = "register"
    VERIFY = "verify"
    RESET = "reset"


class AccountRequest(Row, JobState):
    """One request. Its payload holds an address, perhaps a password's hash: sealed, blanked when answered."""

    action = models.TextField(choices=RequestAction.choices)
    payload = models.BinaryField(default=bytes, blank=True)

    class Meta:
        db_table = "accounts_account_request"
        constraints = [
            status_check("accounts_account_request_status", "status", JobStatus),
            status_check("accounts_account_request_action", "action", RequestAction),
        ]
        indexes = [
            models.Index(
                fields=["run_after"],
                condition=models.Q(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
                name="accounts_account_request_due",
            ),
        ]

    @property
    def payload_place(self) -> str:
        """Return the name under which the payload is sealed: for this row and no other."""
        return f"accounts.account_request.payload:{self.pk}"

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"
