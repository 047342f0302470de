"""What a user hears live about their notices, in whatever organization they are; after the commit."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from apps.accounts import queries
from apps.accounts.models import Notification
from apps.accounts.topics import NOTIFICATIONS
from apps.common import live
from apps.common.serializers import rfc3339


def notice_data(notice: Notification) -> dict[str, Any]:
    """Return a notice as the API answers it."""
    organization = notice.organization
    target = {"type": notice.target_type, "id": notice.target_id} if notice.target_type else None
    return {
        "id": str(notice.pk),
        "kind": notice.kind,
        "level": notice.level,
        "title": notice.title,
        "body": notice.body,
        "organization": organization
        and {"id": str(organization.pk), "name": organization.name, "slug": organization.slug},
        "target": target,
        "page": notice.page or None,
        "read_at": notice.read_at and rfc3339(notice.read_at),
        "created_at": rfc3339(notice.created_at),
    }


def announce_created(notice: Notification) -> None:
    """Publish a new notice."""
    _publish(notice.user_id, "notification.created", notice_data(notice))


def announce_read(user_id: uuid.UUID, ids: Sequence[uuid.UUID], read_at: dt.datetime | None) -> None:
    """Publish that notices were read, or (without a time) are unread again."""
    ids_sent = [str(notice_id) for notice_id in ids]
    _publish(user_id, "notification.read", {"ids": ids_sent, "read_at": read_at and rfc3339(read_at)})


def announce_deleted(user_id: uuid.UUID, notice_id: uuid.UUID) -> None:
    """Publish that a notice was taken away."""
    _publish(user_id, "notification.deleted", {"ids": [str(notice_id)]})


def _publish(user_id: uuid.UUID, type_: str, data: dict[str, Any]) -> None:
    live.publish(user_id=user_id, topic=NOTIFICATIONS, type=type_, data=data)
    transaction.on_commit(lambda: _publish_count(user_id), robust=True)


def _publish_count(user_id: uuid.UUID) -> None:
    """Publish the number of unread notices, counted after the commit so that others' changes are in it."""
    count = queries.count_unread(user_id)
    data = {"count": count.number, "count_capped": count.is_capped}
    live.publish(user_id=user_id, topic=NOTIFICATIONS, type="notification.unread_count", data=data)
