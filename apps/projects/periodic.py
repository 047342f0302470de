"""The clocks of projects; `config/schedule.py` says when each ticks. Two at once do no harm."""

import datetime as dt
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.projects.mirroring.due import queue_due
from apps.projects.mirroring.generations import sweep
from apps.projects.mirroring.queueing import queue_verification
from apps.projects.models import Mirror, MirrorRun
from apps.projects.proposing.settling import settle_lost as settle_lost_proposals
from apps.projects.services.credentials import tell_expiring
from apps.projects.states import RunKind, RunOutcome
from apps.projects.tasks import follow_publication

# Mirrors

# So long readers may still be at what was published before.
LEFT_FOR: Final = dt.timedelta(minutes=10)
# A sweep that was missed is made up for by the next publication, and every night.
SWEPT_FOR: Final = dt.timedelta(minutes=30)
VERIFIED_EVERY: Final = dt.timedelta(days=7)
VERIFIED_AT_ONCE: Final = 20
# What fails after a publication is not asked for again at once.
FOLLOWED_AGAIN: Final = dt.timedelta(hours=1)


def sync_due() -> None:
    """Queue the mirrors that are due."""
    queue_due()


def sweep_mirrors() -> None:
    """Remove old snapshots and generations of what was published ten minutes ago."""
    now = timezone.now()
    published = MirrorRun.objects.filter(
        outcome__in=[RunOutcome.CHANGED, RunOutcome.EMPTY],
        finished_at__range=(now - SWEPT_FOR, now - LEFT_FOR),
    )
    # Who published again since has readers of what was there just before.
    again = MirrorRun.objects.filter(mirror=OuterRef("mirror"), finished_at__gt=now - LEFT_FOR)
    quiet = published.exclude(Exists(again.filter(outcome=RunOutcome.CHANGED)))
    for mirror in Mirror.objects.filter(pk__in=quiet.values("mirror"), unlinked_at__isnull=True):
        sweep(mirror)


def verify_mirrors() -> None:
    """Queue a look for missing objects in mirrors that had none for a week."""
    for mirror in unverified(timezone.now())[:VERIFIED_AT_ONCE]:
        queue_verification(mirror)


def unverified(now: dt.datetime) -> QuerySet[Mirror]:
    """Return the mirrors that were not verified for a week, the longest ago first."""
    long_ago = Q(verified_at__isnull=True) | Q(verified_at__lt=now - VERIFIED_EVERY)
    rows: QuerySet[Mirror] = Mirror.objects.filter(
        long_ago, unlinked_at__isnull=True, generation__gt=0, project__deleted_at__isnull=True
    )
    return rows.order_by(F("verified_at").asc(nulls_first=True), "pk")


def follow_publications() -> None:
    """Let follow what a worker that died has published without another word."""
    asked = MirrorRun.objects.filter(
        mirror=OuterRef("pk"), kind=RunKind.INDEX, created_at__gt=timezone.now() - FOLLOWED_AGAIN
    )
    unfollowed = Mirror.objects.filter(
        ~Exists(asked), unlinked_at__isnull=True, project__deleted_at__isnull=True, generation__gt=0
    ).exclude(index_commit=F("head_commit"))
    for project_id in unfollowed.values_list("project_id", flat=True):
        follow_publication(project_id)


# Credentials


def tell_expiring_credentials() -> None:
    """Tell those in charge of credentials that expire within 14 and within 2 days."""
    tell_expiring(now=timezone.now())


# Proposals


def settle_proposals() -> None:
    """Settle the proposals of which a worker died between the end of a job and what follows."""
    settle_lost_proposals()
