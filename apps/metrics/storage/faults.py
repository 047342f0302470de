"""Points at which a process of metrics can be made to die, for tests and for trying it out.

METRICS_FAULT names one: `compact.claimed`, or `compact.claimed:3` for the third time it is reached. Read only
with DEBUG.
"""

import os
import signal
from collections import Counter
from typing import Final

from django.conf import settings

POINTS: Final = frozenset(
    {
        "write.before_commit",
        "write.committed",
        "spool.claimed",
        "compact.claimed",
        "compact.encoded",
        "compact.before_commit",
        "compact.committed",
        "delete.mid",
    }
)
_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """Die here by SIGKILL if METRICS_FAULT says so: nothing is rolled back or closed by this process."""
    if not settings.DEBUG or not settings.METRICS_FAULT:
        return
    name, _, at = settings.METRICS_FAULT.partition(":")
    if name != point:
        return
    _reached[point] += 1
    if _reached[point] == int(at or 1):
        os.kill(os.getpid(), signal.SIGKILL)
