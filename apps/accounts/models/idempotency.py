"""Answers that were given to a request with an Idempotency-Key."""

from django.db import models

from apps.common.db import Row


class IdempotencyRecord(Row):
    """The stored 2xx answer of one key, written in the transaction of the effect."""

    actor = models.CharField(max_length=80)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField(max_length=65_536)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "accounts_idempotency_record"
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "method", "path", "key"], name="accounts_idempotency_record_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
