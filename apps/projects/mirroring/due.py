"""Which mirrors are due, and queueing them: by time, at most two at once of an organization."""

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.projects.mirroring.queueing import kind_for, queue_run
from apps.projects.models import Mirror, MirrorRun
from apps.projects.models.mirror import LIVE, WRITING_KINDS
from apps.projects.states import RunTrigger

AT_ONCE: Final = 2
LIMIT: Final = 50
# So that one organization with many due mirrors does not hide those of others.
LOOKED_AT: Final = 1_000


def due_mirrors() -> QuerySet[Mirror]:
    """Return the mirrors that are due and may be looked at, the longest due first."""
    living = Q(
        unlinked_at__isnull=True,
        paused_at__isnull=True,
        project__deleted_at__isnull=True,
        project__archived_at__isnull=True,
        organization__deleted_at__isnull=True,
        organization__suspended_at__isnull=True,
    )
    rows: QuerySet[Mirror] = Mirror.objects.filter(living, next_due_at__lte=Now())
    return rows.select_related("project").order_by("next_due_at", "pk")


def choose_due(limit: int = LIMIT) -> Iterator[Mirror]:
    """Yield the due mirrors that there is room for now."""
    live = MirrorRun.objects.filter(LIVE, kind__in=WRITING_KINDS)
    at_work = Counter[uuid.UUID](live.values_list("organization_id", flat=True))
    busy = set(live.values_list("mirror_id", flat=True))
    chosen = 0
    for mirror in due_mirrors()[:LOOKED_AT]:
        if mirror.pk in busy or at_work[mirror.organization_id] >= AT_ONCE:
            continue
        at_work[mirror.organization_id] += 1
        chosen += 1
        yield mirror
        if chosen == limit:
            return


def queue_due(limit: int = LIMIT) -> list[MirrorRun]:
    """Queue a run for every due mirror that there is room for; return those that were not live before."""
    queued = [
        queue_run(mirror, kind_for(mirror), trigger=RunTrigger.SCHEDULE) for mirror in choose_due(limit)
    ]
    return [run for run, was_live in queued if not was_live]
