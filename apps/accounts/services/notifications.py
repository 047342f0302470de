"""Notices: told in the transaction of what they tell of, once per user and `dedupe_key`."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import DatabaseError, models, transaction
from django.utils import timezone

from apps.accounts.letters import page_address
from apps.accounts.models import Level, Mail, Notification, NotificationPreference, Organization, User
from apps.accounts.services.mails import ORDINARY, send_mail
from apps.common.errors import DomainError
from apps.common.locks import lock_in_transaction
from apps.common.notices import NoticeKind, find_notice

logger = structlog.get_logger(__name__)

TITLE_CHARS: Final = 160
BODY_CHARS: Final = 1_000
MAILS_PER_HOUR: Final = 20
DIGEST_EVERY: Final = dt.timedelta(hours=1)
DIGEST_ITEMS: Final = 50
NOTICE_TEMPLATE: Final = "notice"
DIGEST_TEMPLATE: Final = "digest"
NOTICES_PATH: Final = "/notifications/"
PREFERENCES_PATH: Final = "/notifications/preferences/"


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
    dedupe_key: str,
) -> None:
    """Tell a user something, in the caller's transaction; telling twice by one `dedupe_key` is a no-op.

    `kind` is registered in `common.notices`, and gives the level if none is named. What is too long is cut.
    A notice that cannot be written fails nothing: it is logged, and the transaction goes on. Raises KeyError
    for a kind that nobody registered.
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
        dedupe_key=dedupe_key,
    )
    try:
        with transaction.atomic():  # a savepoint: what fails in here leaves the caller's transaction sound
            _tell(notice, declared)
    except (DatabaseError, DomainError):
        logger.exception("notice_failed", kind=kind, user_id=str(user.pk))


def mail_notice(notice_id: uuid.UUID) -> None:
    """Send one notice by mail, or leave it to the digest if its user has had enough mails this hour."""
    with transaction.atomic():
        notice = Notification.objects.select_related("user", "organization").filter(pk=notice_id).first()
        if notice is None:
            return
        _lock_mails_of(notice.user_id)
        now = timezone.now()
        pending = Notification.objects.of_user(notice.user).mail_pending()
        waiting = pending.filter(mail_due_at__gt=now).aggregate(due=models.Min("mail_due_at"))["due"]
        if waiting is None and _mails_last_hour(notice.user, now) >= MAILS_PER_HOUR:
            waiting = now + DIGEST_EVERY
        if waiting is not None:
            pending.filter(pk=notice.pk).update(mail_due_at=waiting)
        # Whoever marks it sends it: the clock may have been faster.
        elif pending.filter(pk=notice.pk).update(emailed_at=now):
            _mail_one(notice, is_urgent=False)


def mail_due_notices() -> int:
    """Send each user one mail of all notices whose time by mail has come; return how many mails.

    These are the digests, and what a process that died left between its commit and its mail.
    """
    due = Notification.objects.mail_pending().filter(mail_due_at__lte=timezone.now())
    user_ids = list(due.order_by("user_id").values_list("user_id", flat=True).distinct())
    return sum(_mail_digest(user_id) for user_id in user_ids)


@transaction.atomic
def _mail_digest(user_id: uuid.UUID) -> bool:
    _lock_mails_of(user_id)
    now = timezone.now()
    pending = Notification.objects.mail_pending().filter(user_id=user_id, mail_due_at__lte=now)
    due = list(pending.select_related("user", "organization").order_by("created_at", "pk"))
    if not due:
        return False
    pending.filter(pk__in=[notice.pk for notice in due]).update(emailed_at=now)
    if len(due) == 1:
        _mail_one(due[0], is_urgent=False)
        return True
    lines = [f"* {notice.title}" for notice in due[:DIGEST_ITEMS]]
    if len(due) > DIGEST_ITEMS:
        lines.append(f"* and {len(due) - DIGEST_ITEMS} more")
    context = {"count": str(len(due)), "lines": "\n".join(lines), **_links()}
    user = due[0].user
    send_mail(to=user.email, template=DIGEST_TEMPLATE, context=context, user=user, is_urgent=False)
    return True


def _tell(notice: Notification, declared: NoticeKind) -> None:
    """Write the notice unless it was told before, and set its mail going."""
    channels = _channels(notice, declared)
    if not channels.in_app and not channels.email:
        return
    now = timezone.now()
    notice.is_in_app = channels.in_app
    notice.mail_due_at = now if channels.email else None
    notice.emailed_at = now if channels.email and declared.is_security else None
    # ON CONFLICT DO NOTHING: of two that tell the same at once, the second waits for the first and finds it.
    Notification.objects.bulk_create([notice], ignore_conflicts=True)
    if not Notification.objects.filter(pk=notice.pk).exists():
        return
    if declared.is_security:
        _mail_one(notice, is_urgent=True)
    elif channels.email:
        transaction.on_commit(lambda: mail_notice(notice.pk), robust=True)


def _channels(notice: Notification, declared: NoticeKind) -> Channels:
    """Return the ways for one notice: what its user chose, else the defaults."""
    if declared.is_security:
        return Channels(in_app=True, email=True)
    chosen = NotificationPreference.objects.filter(user_id=notice.user_id, kind=notice.kind).first()
    if chosen is not None:
        return Channels(in_app=chosen.in_app, email=chosen.email)
    return Channels(in_app=True, email=notice.level == Level.CRITICAL)


def _mail_one(notice: Notification, *, is_urgent: bool) -> None:
    context = {
        "title": notice.title,
        "body": notice.body,
        "organization": notice.organization.name if notice.organization else "",
        "is_security": "yes" if find_notice(notice.kind).is_security else "",
        **_links(),
    }
    send_mail(
        to=notice.user.email,
        template=NOTICE_TEMPLATE,
        context=context,
        user=notice.user,
        is_urgent=is_urgent,
    )


def _links() -> dict[str, str]:
    return {"link": page_address(NOTICES_PATH), "preferences_link": page_address(PREFERENCES_PATH)}


def _mails_last_hour(user: User, now: dt.datetime) -> int:
    """Return how many mails of notices the user got lately; those they wait for or that warn count apart."""
    recent = Mail.objects.filter(user=user, created_at__gt=now - DIGEST_EVERY)
    return recent.filter(template__in=[NOTICE_TEMPLATE, DIGEST_TEMPLATE], queue=ORDINARY).count()


def _lock_mails_of(user_id: uuid.UUID) -> None:
    """Keep two processes from both finding room under the limit; held for one short transaction."""
    lock_in_transaction(f"notice-mails:{user_id}")


def _cut(text: str, limit: int) -> str:
    clean = text.replace("\0", "").strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
