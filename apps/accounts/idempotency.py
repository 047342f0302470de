"""The table behind Idempotency-Key; `common.idempotency` says when which method is called."""

import datetime as dt
import hashlib

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import IdempotencyRecord
from apps.common.idempotency import Answer, RequestKey

KEPT_FOR = dt.timedelta(hours=24)
BODY_MAX_BYTES = 65_536
PATH_MAX_LENGTH = 500


class AnswerTable:
    """Stored answers as rows of accounts_idempotency_record."""

    def lock(self, key: RequestKey) -> bool:
        """Take the key's advisory lock until the transaction ends; False if somebody else holds it."""
        text = f"{key.actor}\0{key.method}\0{key.path}\0{key.key}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
            return bool(cursor.fetchone()[0])

    def find(self, key: RequestKey) -> Answer | None:
        """Return the stored answer unless it is over 24 hours old."""
        record = _rows(key).filter(expires_at__gt=timezone.now()).first()
        if record is None:
            return None
        return Answer(
            request_hash=bytes(record.request_hash),
            status=record.status,
            headers=record.headers,
            body=bytes(record.body),
        )

    def keep(self, key: RequestKey, answer: Answer) -> None:
        """Store the answer in place of one that has expired; of a body over 64 KiB only the headers."""
        _rows(key).delete()
        IdempotencyRecord.objects.create(
            actor=key.actor,
            method=key.method,
            path=key.path[:PATH_MAX_LENGTH],
            key=key.key,
            request_hash=answer.request_hash,
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body if len(answer.body) <= BODY_MAX_BYTES else b"",
            expires_at=timezone.now() + KEPT_FOR,
        )


def _rows(key: RequestKey) -> QuerySet[IdempotencyRecord]:
    return IdempotencyRecord.objects.filter(
        actor=key.actor, method=key.method, path=key.path[:PATH_MAX_LENGTH], key=key.key
    )
