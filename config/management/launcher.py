"""The base of the commands that make what the settings need, or only watch processes."""

import sys
from argparse import Namespace

from django.core.management.base import BaseCommand, CommandError

from config.bootstrap import VAR_DIR

EXIT_FAILED = 1
EXIT_USAGE = 2


class Launcher(BaseCommand):
    """A command that runs without settings, apps and checks."""

    requires_system_checks = []
    var_dir = VAR_DIR

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as Django does, but without checks and connections, which need the settings."""
        # As Django does it: a wrong option is then told with the usage and ends with code 2.
        self._called_from_command_line = True
        try:
            self.handle(**vars(self.parse(argv)))
        except CommandError as error:
            self.stderr.write(str(error))
            sys.exit(error.returncode)
        except PermissionError as error:
            self.stderr.write(f"{error}\nThe data folder {self.var_dir} belongs to another user.")
            sys.exit(EXIT_FAILED)

    def parse(self, argv: list[str]) -> Namespace:
        """Return the options of a command line."""
        return self.create_parser(argv[0], argv[1]).parse_args(argv[2:])

    def say(self, text: str) -> None:
        """Print a line at once, also into a pipe."""
        self.stdout.write(text)
        self.stdout.flush()
