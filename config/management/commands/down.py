"""Stop the installation that runs in this folder."""

import contextlib
import os
import signal
import time
from argparse import ArgumentParser
from typing import Any

from config.embedded.state import UpLock
from config.management.launcher import EXIT_FAILED, Launcher, LaunchFailed

POLL_S = 0.1


class Command(Launcher):
    """End the holder of the lock."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--timeout", type=float, default=35.0, help="seconds to wait")

    def handle(self, *_args: str, **options: Any) -> None:
        """Ask it to stop and wait until it has."""
        lock = UpLock(self.var_dir)
        holder = lock.holder()
        if holder is None:
            self.say("Sextant is not running.")
            return
        if holder.pid is not None:
            # It may end by itself at this very moment.
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder.pid, signal.SIGTERM)
        deadline = time.monotonic() + options["timeout"]
        while lock.holder():
            if time.monotonic() > deadline:
                raise LaunchFailed(f"Process {holder.pid} is still stopping.", returncode=EXIT_FAILED)
            time.sleep(POLL_S)
        self.say("Stopped.")
