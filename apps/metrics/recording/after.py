"""What follows a commit of points: whoever listens is told, and a full shard is compacted before its time."""

import threading
import uuid
from collections import Counter
from collections.abc import Sequence

from django.conf import settings

from apps.metrics import compaction
from apps.metrics.recording.outcomes import Recorded
from apps.metrics.recording.tail import tail

_lock = threading.Lock()
_since_nudge: Counter[int] = Counter()


def after_commit(organization_id: uuid.UUID, outcomes: Sequence[object]) -> None:
    """Hand committed points on; never fails."""
    for outcome in outcomes:
        if isinstance(outcome, Recorded) and outcome.accepted and not outcome.is_repeated:
            tail.offer(organization_id, outcome.batch)
            _count(outcome)


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
