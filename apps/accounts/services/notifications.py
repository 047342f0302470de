"""Notices: told in the transaction of what they tell of, once per user and `dedupe_key`."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import DatabaseError, models, transaction
from django.utils import timezone

from apps.accounts.models import Level, Notification, NotificationPreference, Organization, User
from apps.accounts.services import notice_events, notice_mails
from apps.common.errors import DomainError
from apps.common.notices import NoticeKind, find_notice

logger = structlog.get_logger(__name__)

TITLE_CHARS: Final = 160
BODY_CHARS: Final = 1_000
KEY_CHARS: Final = 200
BATCH_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Channels:
    """By which ways a user hears of a notice."""

    in_app: bool
    email: bool


def notify(
    *,
    user: User,
    kind: str,
    title: str,
    body: str = "",
    level: Level | None = None,
    organization: Organization | None = None,
    target: models.Model | None = None,
    page: str = "",
    dedupe_key: str,
) -> None:
    """Tell a user something, in the caller's transaction; telling twice by one `dedupe_key` is a no-op.

    `kind` is registered in `common.notices`, and gives the level if none is named. `page` is the path of the
    page that shows more. What is too long is cut. Never put a secret into a notice. One that cannot be
    written fails nothing: it is logged, and the transaction goes on. Raises KeyError for a kind that nobody
    registered.
    """
    declared = find_notice(kind)
    notice = Notification(
        user=user,
        organization=organization,
        kind=kind,
        level=level or declared.level,
        title=_cut(title, TITLE_CHARS),
        body=_cut(body, BODY_CHARS),
        target_type=target._meta.label_lower if target is not None else "",  # noqa: SLF001 - Django's public name
        target_id=str(target.pk) if target is not None else "",
        page=page,
        dedupe_key=_short_key(dedupe_key),
    )
    try:
        with transaction.atomic():  # a savepoint: what fails in here leaves the caller's transaction sound
            _tell(notice, declared)
    except (DatabaseError, DomainError):
        logger.exception("notice_failed", kind=kind, user_id=str(user.pk))


@transaction.atomic
def set_read(*, user: User, notice: Notification, is_read: bool) -> Notification:
    """Mark one notice of a user as read or unread; repeatable, the first time of reading stays."""
    if (notice.read_at is not None) != is_read:
        notice.read_at = timezone.now() if is_read else None
        Notification.objects.of_user(user).filter(pk=notice.pk).update(read_at=notice.read_at)
        notice_events.announce_read(user.pk, [notice.pk], notice.read_at)
    return notice


@transaction.atomic
def read_notices(*, user: User, ids: Sequence[uuid.UUID]) -> int:
    """Mark these notices as read; return how many were unread. Those of others are as good as unknown."""
    return _read(user, Notification.objects.filter(pk__in=ids))


def read_all_notices(*, user: User, before: dt.datetime | None = None) -> int:
    """Mark all notices told before an instant (by default now) as read; return how many were unread."""
    told = Notification.objects.filter(created_at__lt=before or timezone.now())
    total = 0
    while marked := _read(user, told, limit=BATCH_ROWS):
        total += marked
    return total


@transaction.atomic
def delete_notice(*, user: User, notice: Notification) -> None:
    """Take a notice away. What it told is not told again: see `dedupe_key`."""
    # The row stays until it is pruned, so that telling the same again is still a no-op.
    if (
        Notification.objects.of_user(user)
        .in_app()
        .filter(pk=notice.pk)
        .update(is_in_app=False, mail_due_at=None)
    ):
        notice_events.announce_deleted(user.pk, notice.pk)


@transaction.atomic
def _read(user: User, rows: models.QuerySet[Notification], *, limit: int = BATCH_ROWS) -> int:
    now = timezone.now()
    unread = rows.filter(user=user, is_in_app=True, read_at__isnull=True).order_by("-created_at", "-pk")
    # Locked, so that two that mark the same at once do not both count it.
    ids = list(unread.select_for_update().values_list("pk", flat=True)[:limit])
    if ids:
        Notification.objects.filter(pk__in=ids).update(read_at=now)
        notice_events.announce_read(user.pk, ids, now)
    return len(ids)


def _tell(notice: Notification, declared: NoticeKind) -> None:
    """Write the notice unless it was told before, and set its mail going."""
    channels = _channels(notice, declared)
    if not notice.user.is_active or not (channels.in_app or channels.email):
        return
    now = timezone.now()
    notice.is_in_app = channels.in_app
    notice.mail_due_at = now if channels.email else None
    notice.emailed_at = now if channels.email and declared.is_security else None
    # ON CONFLICT DO NOTHING: of two that tell the same at once, the second waits for the first and finds it.
    Notification.objects.bulk_create([notice], ignore_conflicts=True)
    if not Notification.objects.filter(pk=notice.pk).exists():
        return
    if notice.is_in_app:
        notice_events.announce_created(notice)
    if declared.is_security:
        notice_mails.send_notice(notice, is_urgent=True)
    elif channels.email:
        transaction.on_commit(lambda: notice_mails.mail_notice(notice.pk), robust=True)


def _channels(notice: Notification, declared: NoticeKind) -> Channels:
    """Return the ways for one notice: what its user chose, else the defaults."""
    if declared.is_security:
        return Channels(in_app=True, email=True)
    chosen = NotificationPreference.objects.filter(user_id=notice.user_id, kind=notice.kind).first()
    if chosen is not None:
        return Channels(in_app=chosen.in_app, email=chosen.email)
    return Channels(in_app=True, email=notice.level == Level.CRITICAL)


def _cut(text: str, limit: int) -> str:
    clean = text.replace("\0", "").strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _short_key(key: str) -> str:
    return key if len(key) <= KEY_CHARS else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
