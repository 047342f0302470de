"""How long rows of accounts are kept, and the end of deleted organizations."""

import datetime as dt
from typing import Final

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session as PageSession
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import (
    AccountRequest,
    AuditHead,
    IdempotencyRecord,
    LoginFailure,
    Mail,
    Notification,
    Organization,
    Session,
    User,
)
from apps.accounts.models.organization import SYSTEM_SLUG
from apps.accounts.services.audit import record_audit
from apps.accounts.services.organizations import DELETED_KEPT_FOR
from apps.accounts.services.sealing import count_prunable, prune_audit, prune_chain, seal_chain
from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.common.keeping import KeepingRule, purge_products, row_rule

# After their end, so that "where was I signed in" has an answer.
SESSIONS_KEPT_FOR: Final = dt.timedelta(days=30)
LOCKOUTS_KEPT_FOR: Final = dt.timedelta(days=1)
# Ten times as long as their link is good; afterwards the address is free again.
UNCONFIRMED_KEPT_FOR: Final = dt.timedelta(days=30)
ENDED: Final = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

logger = structlog.get_logger(__name__)


def past_registrations(now: dt.datetime) -> QuerySet[User]:
    """Return those who registered long ago and never confirmed their address: they never got in."""
    users: QuerySet[User] = User.objects.filter(
        created_at__lt=now - UNCONFIRMED_KEPT_FOR,
        email_verified_at__isnull=True,
        is_staff=False,
        memberships__isnull=True,
    )
    return users


def past_answers(now: dt.datetime) -> QuerySet[IdempotencyRecord]:
    """Return the stored answers whose key is free again."""
    return IdempotencyRecord.objects.filter(expires_at__lt=now)


def past_sessions(now: dt.datetime) -> QuerySet[Session]:
    """Return the sessions that ended long ago, however they did."""
    past = now - SESSIONS_KEPT_FOR
    return Session.objects.filter(Q(revoked_at__lt=past) | Q(expires_at__lt=past) | Q(ends_at__lt=past))


def past_page_sessions(now: dt.datetime) -> QuerySet[PageSession]:
    """Return Django's sessions that have expired."""
    return PageSession.objects.filter(expire_date__lt=now)


def past_lockouts(now: dt.datetime) -> QuerySet[LoginFailure]:
    """Return the counts of failed sign-ins that lock nobody any more."""
    is_open = Q(locked_until__isnull=True) | Q(locked_until__lt=now)
    return LoginFailure.objects.filter(is_open, window_start__lt=now - LOCKOUTS_KEPT_FOR)


def past_notifications(now: dt.datetime) -> QuerySet[Notification]:
    """Return the notices of long ago, read or not."""
    return Notification.objects.filter(created_at__lt=now - dt.timedelta(days=settings.NOTIFICATION_DAYS))


def past_mails(now: dt.datetime) -> QuerySet[Mail]:
    """Return the mails whose jobs ended long ago."""
    return Mail.objects.filter(status__in=ENDED, finished_at__lt=now - dt.timedelta(days=settings.JOB_DAYS))


def past_requests(now: dt.datetime) -> QuerySet[AccountRequest]:
    """Return what was asked for by an address and answered a day ago."""
    return AccountRequest.objects.filter(status__in=ENDED, finished_at__lt=now - LOCKOUTS_KEPT_FOR)


def audit_limit(now: dt.datetime) -> dt.datetime:
    """Return the instant before which the audit is not kept."""
    return now - dt.timedelta(days=settings.AUDIT_DAYS)


RULES: Final = (
    row_rule("accounts.stored_answers", past_answers),
    row_rule("accounts.sessions", past_sessions),
    row_rule("accounts.page_sessions", past_page_sessions),
    row_rule("accounts.lockouts", past_lockouts),
    row_rule("accounts.notifications", past_notifications),
    row_rule("accounts.mails", past_mails),
    row_rule("accounts.account_requests", past_requests),
    row_rule("accounts.registrations", past_registrations),
    KeepingRule(
        "accounts.audit",
        count=lambda now: count_prunable(before=audit_limit(now)),
        drop=lambda now: prune_audit(before=audit_limit(now)),
    ),
)


def purge_organizations(*, now: dt.datetime) -> int:
    """Remove the organizations deleted 30 days ago; return how many. One that fails stops no other."""
    deleted = Organization.objects.filter(deleted_at__lt=now - DELETED_KEPT_FOR).exclude(slug=SYSTEM_SLUG)
    purged = 0
    for organization in deleted.order_by("deleted_at", "pk"):
        try:
            purge_organization(organization)
            purged += 1
        except (DatabaseError, DomainError, OSError):
            logger.exception("organization_not_purged", organization_id=str(organization.pk))
    return purged


def purge_organization(organization: Organization) -> None:
    """Remove an organization with everything it has, now and for good; what was begun can be begun again.

    What remains is one entry in the installation's audit, with the end of the organization's own chain.
    """
    # First, so that nobody enters any more, and so that the database lets go of its audit.
    now = timezone.now()
    Organization.objects.filter(pk=organization.pk, deleted_at__isnull=True).update(deleted_at=now)
    purge_products(organization.pk)
    seal_chain(organization.pk)
    prune_chain(organization.pk)
    with transaction.atomic():
        head = AuditHead.objects.of_chain(organization.pk).first()
        chain = {"sequence": head.sequence, "hash": bytes(head.hash).hex()} if head else None
        facts = {"slug": organization.slug, "audit_head": chain}
        record_audit(actor=None, verb="accounts.organization_purged", target=organization, changes=facts)
        organization.delete()
