"""Notices by mail: one by one up to a limit, then one mail an hour with the rest."""

import datetime as dt
import uuid
from typing import Final

from django.db import models, transaction
from django.utils import timezone

from apps.accounts.letters import page_address
from apps.accounts.models import Mail, Notification, User
from apps.accounts.services.mails import ORDINARY, send_mail
from apps.common.locks import lock_in_transaction
from apps.common.notices import find_notice

MAILS_PER_HOUR: Final = 20
DIGEST_EVERY: Final = dt.timedelta(hours=1)
DIGEST_ITEMS: Final = 50
NOTICE_TEMPLATE: Final = "notice"
DIGEST_TEMPLATE: Final = "digest"
NOTICES_PATH: Final = "/notifications/"
PREFERENCES_PATH: Final = "/notifications/preferences/"


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
            send_notice(notice, is_urgent=False)


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
        send_notice(due[0], is_urgent=False)
        return True
    lines = [f"* {notice.title}" for notice in due[:DIGEST_ITEMS]]
    if len(due) > DIGEST_ITEMS:
        lines.append(f"* and {len(due) - DIGEST_ITEMS} more")
    context = {"count": str(len(due)), "lines": "\n".join(lines), **_links()}
    user = due[0].user
    send_mail(to=user.email, template=DIGEST_TEMPLATE, context=context, user=user, is_urgent=False)
    return True


def send_notice(notice: Notification, *, is_urgent: bool) -> None:
    """Write the mail of one notice, in the caller's transaction."""
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
