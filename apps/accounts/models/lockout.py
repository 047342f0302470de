"""Failed sign-ins, counted per scope. In PostgreSQL, so that no loss of a cache opens a door."""

from django.db import models


class LoginFailure(models.Model):
    """The failures of one scope: an address with an IP, an address, or an IP, each as a keyed hash."""

    scope_hash = models.BinaryField(max_length=32, primary_key=True)
    window_start = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "accounts_login_failure"
        indexes = [models.Index(fields=["window_start"], name="accounts_login_failure_window")]

    def __str__(self) -> str:
        return f"{self.failures} failures since {self.window_start}"
