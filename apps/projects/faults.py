"""Points at which a process of projects can be made to die, for tests and for trying it out.

PROJECTS_FAULT names one: `sync.fetched`, or `sync.fetched:3` for the third time it is reached. Read only with
DEBUG. Each stage names its own points.
"""

import os
import signal
from collections import Counter
from typing import Final

from django.conf import settings

_reached: Final[Counter[str]] = Counter()


def fault(point: str) -> None:
    """Die here by SIGKILL if PROJECTS_FAULT says so: nothing is rolled back or closed by this process."""
    if not settings.DEBUG or not settings.PROJECTS_FAULT:
        return
    name, _, at = settings.PROJECTS_FAULT.partition(":")
    if name != point:
        return
    _reached[point] += 1
    if _reached[point] == int(at or 1):
        os.kill(os.getpid(), signal.SIGKILL)
