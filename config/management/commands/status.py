"""Show the processes of the installation that runs in this folder."""

import sys
from argparse import ArgumentParser
from typing import Any

from config.embedded.state import RUNNING, Holder, ProcessState, UpLock, as_json, read_processes
from config.management.launcher import Launcher

EXIT_DEGRADED = 1
EXIT_NOT_RUNNING = 3
MEBIBYTE = 1024 * 1024


class Command(Launcher):
    """Report each process; the exit code is 1 if one is not running, 3 if none is."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: str, **options: Any) -> None:
        """Print the table."""
        holder = UpLock(self.var_dir).holder()
        processes = read_processes(self.var_dir) if holder else []
        if options["json"]:
            self.say(as_json(holder, processes))
        elif holder:
            self.print_table(holder, processes)
        else:
            self.say("Sextant is not running.")
        if holder is None:
            sys.exit(EXIT_NOT_RUNNING)
        if any(process.state != RUNNING for process in processes):
            sys.exit(EXIT_DEGRADED)

    def print_table(self, holder: Holder, processes: list[ProcessState]) -> None:
        """Print a line per process."""
        self.say(f"Sextant is running at {holder.address} (pid {holder.pid})")
        self.say(f"{'process':<12}{'pid':>8}  {'state':<10}{'up (s)':>8}{'restarts':>10}{'memory (MB)':>13}")
        for one in processes:
            memory = one.memory_bytes / MEBIBYTE
            line = f"{one.name:<12}{one.pid or '-':>8}  {one.state:<10}{one.uptime_s:>8}{one.restarts:>10}"
            self.say(f"{line}{memory:>13.1f}")
