"""Run the test suite on servers of its own."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from config.embedded.processes import StartFailed
from config.embedded.testing import run_tests
from config.management.launcher import EXIT_FAILED, Launcher, LaunchFailed


class Command(Launcher):
    """Run pytest; every argument but --strict is pytest's."""

    help = __doc__

    def parse(self, argv: list[str]) -> Namespace:
        """Take our own option and leave all others, -v and -h among them, to pytest."""
        parser = ArgumentParser(prog=f"{argv[0]} {argv[1]}", add_help=False, allow_abbrev=False)
        parser.add_argument("--strict", action="store_true")
        options, rest = parser.parse_known_args(argv[2:])
        options.pytest_arguments = rest
        return options

    def handle(self, *_args: str, **options: Any) -> None:
        """Run the tests and end with pytest's exit code."""
        try:
            sys.exit(run_tests(self.var_dir / "test", options["pytest_arguments"], strict=options["strict"]))
        except StartFailed as error:
            raise LaunchFailed(str(error), returncode=EXIT_FAILED) from error
