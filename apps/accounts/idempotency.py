"""The table behind Idempotency-Key; `common.idempotency` says when which method is called."""

import datetime as dt
import hashlib
from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import IdempotencyRecord
from apps.common.db import uuid7
from apps.common.idempotency import Answer, RequestKey

BODY_MAX_BYTES = 65_536
PATH_MAX_LENGTH = 500

# In key order, so that two transactions that claim the same requests never wait both ways.
CLAIM = """
INSERT INTO accounts_idempotency_record AS record
    (id, actor, method, path, key, request_hash, status, headers, body, expires_at, created_at, updated_at)
SELECT id, actor, method, path, key, '', 204, '{}', '', now() + make_interval(secs => %s), now(), now()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS new (id, actor, method, path, key)
ORDER BY actor, path, key
ON CONFLICT (actor, method, path, key) DO UPDATE SET expires_at = EXCLUDED.expires_at
    WHERE record.expires_at <= now()
RETURNING actor, method, path, key
"""


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
        """Return the stored answer unless its time has passed."""
        record = _rows(key).filter(expires_at__gt=timezone.now()).first()
        if record is None:
            return None
        return Answer(
            request_hash=bytes(record.request_hash),
            status=record.status,
            headers=record.headers,
            body=bytes(record.body),
        )

    def claim(self, keys: Sequence[RequestKey], kept_for: dt.timedelta) -> list[bool]:
        """Insert a row for each key that has none in force; of equal keys the first counts as new."""
        distinct = dict.fromkeys(keys)
        columns = zip(
            *((uuid7(), key.actor, key.method, _stored(key.path), key.key) for key in distinct), strict=True
        )
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [kept_for.total_seconds(), *map(list, columns)])
            fresh = set(cursor.fetchall())
        found = []
        for key in keys:
            row = (key.actor, key.method, _stored(key.path), key.key)
            found.append(row in fresh)
            fresh.discard(row)
        return found

    def keep(self, key: RequestKey, answer: Answer, kept_for: dt.timedelta) -> None:
        """Store the answer in place of one that has expired; of a body over 64 KiB only the headers."""
        _rows(key).delete()
        IdempotencyRecord.objects.create(
            actor=key.actor,
            method=key.method,
            path=_stored(key.path),
            key=key.key,
            request_hash=answer.request_hash,
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body if len(answer.body) <= BODY_MAX_BYTES else b"",
            expires_at=timezone.now() + kept_for,
        )


def _rows(key: RequestKey) -> QuerySet[IdempotencyRecord]:
    return IdempotencyRecord.objects.filter(
        actor=key.actor, method=key.method, path=_stored(key.path), key=key.key
    )


def _stored(path: str) -> str:
    return path[:PATH_MAX_LENGTH]
