"""Deaths on demand: proofs let a real worker die at a named point. Without the variable nothing happens."""

import os
import signal
from typing import Final

VARIABLE: Final = "SEXTANT_DIE_AT"


def reach(point: str) -> None:
    """Kill this process, as an operator's `kill -9` would, if the environment names this point."""
    if os.environ.get(VARIABLE) == point:
        os.kill(os.getpid(), signal.SIGKILL)
