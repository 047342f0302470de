"""Measure what is promised, beside its peers, on servers of its own."""

import sys
from argparse import ArgumentParser
from typing import Any

from config.embedded.benching import run_benchmarks
from config.embedded.processes import StartFailed
from config.management.launcher import EXIT_FAILED, Launcher, LaunchFailed


class Command(Launcher):
    """Run benchmarks; without a name all of them."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="files of benchmarks/; default: all")
        parser.add_argument("--quick", action="store_true", help="only see that nothing is broken")
        parser.add_argument("--json", action="store_true", help="print the tables as JSON")

    def handle(self, *_args: str, **options: Any) -> None:
        """Run them and end with their exit code."""
        chosen = [f"--{name}" for name in ("quick", "json") if options[name]]
        try:
            sys.exit(run_benchmarks(self.var_dir / "bench", [*options["names"], *chosen]))
        except StartFailed as error:
            raise LaunchFailed(str(error), returncode=EXIT_FAILED) from error
