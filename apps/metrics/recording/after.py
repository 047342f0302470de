"""What follows a commit of points: who listens is told, a full shard is compacted, admins hear of a limit."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Organization
from apps.common.errors import DomainError
from apps.metrics import compaction
from apps.metrics.errors import SeriesLimit
from apps.metrics.notices import tell_series_limit
from apps.metrics.recording.outcomes import Recorded
from apps.metrics.recording.tail import tail
from apps.metrics.topics import CREATED, announce_metric

_lock = threading.Lock()
_since_nudge: Counter[int] = Counter()
_told_s: dict[uuid.UUID, float] = {}
TELL_EVERY_S: Final = 3_600.0


def after_commit(organization_id: uuid.UUID, outcomes: Sequence[object]) -> None:
    """Hand committed points on, and tell of what no room was left for."""
    if any(map(_met_limit, outcomes)):
        _tell_limit(organization_id)
    for outcome in outcomes:
        if isinstance(outcome, Recorded) and outcome.accepted and not outcome.is_repeated:
            tail.offer(organization_id, outcome.batch)
            _announce(organization_id, outcome)
            _count(outcome)


def _announce(organization_id: uuid.UUID, recorded: Recorded) -> None:
    """Tell who watches the catalogue of new metrics, of the first hundred of a request."""
    if not recorded.created:
        return
    metrics = dict(zip(recorded.batch.keys, recorded.metrics, strict=True))
    for key in recorded.created:
        made = metrics[key]
        announce_metric(
            CREATED, organization_id=organization_id, id=made.id, metric=key, type=made.type.value
        )


def _met_limit(outcome: object) -> bool:
    """Tell whether a new metric was refused because there are as many as there may be."""
    if isinstance(outcome, Recorded):
        return any(refusal.code == SeriesLimit.code for refusal in outcome.refusals)
    return isinstance(outcome, DomainError) and SeriesLimit.code in {
        outcome.code,
        *(fault.code for fault in outcome.errors),
    }


def _tell_limit(organization_id: uuid.UUID) -> None:
    """Tell the admins; the notice is told once a day, and this process tries once an hour."""
    now_s = time.monotonic()
    with _lock:
        if now_s - _told_s.get(organization_id, -TELL_EVERY_S) < TELL_EVERY_S:
            return
        _told_s[organization_id] = now_s
    with transaction.atomic():
        tell_series_limit(Organization.objects.get(pk=organization_id), now=timezone.now())


def _count(recorded: Recorded) -> None:
    """Nudge the compaction of a shard when this process has written enough for it."""
    shard_id = recorded.metrics[0].shard_id
    with _lock:
        _since_nudge[shard_id] += recorded.accepted
        is_due = _since_nudge[shard_id] >= settings.METRICS_COMPACT_POINTS
        if is_due:
            del _since_nudge[shard_id]
    if is_due:
        compaction.nudge(shard_id)
