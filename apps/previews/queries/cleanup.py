"""What clean-up did, in numbers."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Count

from apps.previews.models import CleanupEvent, CleanupRun
from apps.previews.states import Stage

DAY: Final = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CleanupSummary:
    """How many sessions entered each stage within a day, and the newest run that was no dry one."""

    expired: int
    soft_deleted: int
    purged: int
    last_run: CleanupRun | None


def summarize_cleanup(now: dt.datetime) -> CleanupSummary:
    """Return what happened of late, over the whole installation. Issues two queries."""
    events = CleanupEvent.objects.filter(at__gte=now - DAY).order_by()
    counts = dict(events.values_list("stage").annotate(number=Count("pk")))
    return CleanupSummary(
        expired=counts.get(Stage.EXPIRED, 0),
        soft_deleted=counts.get(Stage.SOFT_DELETED, 0),
        purged=counts.get(Stage.PURGED, 0),
        last_run=CleanupRun.objects.filter(dry_run=False).order_by("-at", "-pk").first(),
    )
