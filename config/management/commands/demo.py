"""Make the sample organization: four people, a city, metrics, analytics runs, a project; repeatable."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import demo


class Command(BaseCommand):
    """Add what is missing; `--remove` takes everything away again, `--reset` does both."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--remove", action="store_true", help="remove the organization and its people")
        how.add_argument("--reset", action="store_true", help="remove, then make anew")

    def handle(self, *_args: str, **options: Any) -> None:
        """Bring the sample data into the wanted state."""
        if options["remove"] or options["reset"]:
            demo.remove()
        if not options["remove"]:
            demo.make()
