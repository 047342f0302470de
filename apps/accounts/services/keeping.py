"""How long rows of accounts are kept."""

import datetime as dt
from typing import Any

from django.contrib.sessions.models import Session as PageSession
from django.db.models import Q, QuerySet

from apps.accounts.models import IdempotencyRecord, Session

SESSION_KEPT_FOR = dt.timedelta(days=30)
BATCH_ROWS = 5_000


def prune(*, now: dt.datetime) -> dict[str, int]:
    """Delete what is past its time, in batches; return the numbers of rows by kind.

    Stored answers go when their key is free again, sessions 30 days after their end, so that "where was I
    signed in" has an answer.
    """
    past = now - SESSION_KEPT_FOR
    ended = Q(revoked_at__lt=past) | Q(expires_at__lt=past) | Q(ends_at__lt=past)
    return {
        "idempotency_records": _delete(IdempotencyRecord.objects.filter(expires_at__lt=now)),
        "sessions": _delete(Session.objects.filter(ended)),
        "page_sessions": _delete(PageSession.objects.filter(expire_date__lt=now)),
    }


def _delete(rows: QuerySet[Any]) -> int:
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:BATCH_ROWS]):
        deleted += rows.model._base_manager.filter(pk__in=ids).delete()[0]  # noqa: SLF001
    return deleted
