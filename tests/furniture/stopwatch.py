"""How long a thread waited for something else than a processor: what a limit of time is about.

On a machine that others use a thread that does not wait at all may stand in the processor's queue for as long
as the wait that a test looks for would take. Linux tells the two apart.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RAN_AND_QUEUED = Path("/proc/thread-self/schedstat")


def seconds_waited(call: Callable[[], Any]) -> float:
    """Return the seconds that a call makes its thread sleep; all that it takes elsewhere than on Linux."""
    began_s = _asleep_s()
    call()
    return _asleep_s() - began_s


def _asleep_s() -> float:
    """Return a clock that stands still while this thread runs or could run."""
    now_s = time.monotonic()
    try:
        ran_ns, queued_ns, _ = map(int, RAN_AND_QUEUED.read_text().split())
    except FileNotFoundError:
        return now_s
    return now_s - (ran_ns + queued_ns) / 1e9
