"""The base of the commands that make what the settings need, or only watch processes."""

import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from typing import Any

from config.bootstrap import VAR_DIR

EXIT_FAILED = 1
EXIT_USAGE = 2


class LaunchFailed(Exception):
    """The command ends here, with a message and an exit code."""

    def __init__(self, message: str, *, returncode: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.returncode = returncode


class Launcher(ABC):
    """A command that runs without settings, apps and checks.

    It looks like Django's BaseCommand to `manage.py help`, and is none: the process that watches all others
    stays for as long as they do, and would hold 8 MB for what it never needs.
    """

    help: str | None = None
    var_dir = VAR_DIR

    def add_arguments(self, parser: ArgumentParser) -> None:  # noqa: B027 - a hook; some commands have no options
        """Declare the options; none by default."""

    @abstractmethod
    def handle(self, *args: str, **options: Any) -> None:
        """Do it."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run, and tell what went wrong by a line and the exit code."""
        try:
            self.handle(**vars(self.parse(argv)))
        except LaunchFailed as error:
            self.complain(str(error))
            sys.exit(error.returncode)
        except PermissionError as error:
            self.complain(f"{error}\nThe data folder {self.var_dir} belongs to another user.")
            sys.exit(EXIT_FAILED)

    def parse(self, argv: list[str]) -> Namespace:
        """Return the options of a command line; a wrong one ends the process with the usage and code 2."""
        return self.create_parser(argv[0], argv[1]).parse_args(argv[2:])

    def create_parser(self, prog_name: str, subcommand: str) -> ArgumentParser:
        """Return the parser of the options."""
        parser = ArgumentParser(prog=f"{prog_name} {subcommand}", description=self.help)
        self.add_arguments(parser)
        return parser

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the usage, for `manage.py help <command>`."""
        self.create_parser(prog_name, subcommand).print_help()

    def say(self, text: str) -> None:
        """Print a line at once, also into a pipe."""
        print(text, flush=True)

    def complain(self, text: str) -> None:
        """Print a line where errors go."""
        print(text, file=sys.stderr, flush=True)
