"""Whether an organization's shards still take points: looked at every few seconds, by each process."""

import threading
import time
import uuid
from typing import Final

from django.conf import settings

from apps.metrics.errors import Overloaded
from apps.metrics.storage import writing

LOOK_EVERY_S: Final = 5.0
RETRY_AFTER_S: Final = 1

_lock = threading.Lock()
_looked: dict[uuid.UUID, tuple[float, bool]] = {}


def refuse_overload(organization_id: uuid.UUID) -> None:
    """Raise Overloaded while a shard has PENDING_POINTS waiting for compaction.

    Without a worker nothing is lost and all is answered; what must not happen is that it goes on for ever.
    """
    now_s = time.monotonic()
    with _lock:
        looked_s, is_full = _looked.get(organization_id, (-LOOK_EVERY_S, False))
        is_due = now_s - looked_s >= LOOK_EVERY_S
        if is_due:
            # Marked before the query: the others go on by the last answer meanwhile.
            _looked[organization_id] = (now_s, is_full)
    if is_due:
        is_full = writing.pending_points(organization_id) >= settings.METRICS_PENDING_POINTS
        _looked[organization_id] = (now_s, is_full)
    if is_full:
        raise Overloaded(retry_after_s=RETRY_AFTER_S)


def forget() -> None:
    """Look again with the next write."""
    _looked.clear()
