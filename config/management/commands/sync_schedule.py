"""`manage.py sync_schedule`: bring the table of clocks in line with the code."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import schedule


class Command(BaseCommand):
    """Create missing clocks, switch off those gone from code; an operator's edits stay."""

    help = "Bring the table of clocks in line with the code; an operator's edits stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Sync and print what changed."""
        created, switched_off = schedule.sync()
        if options["json"]:
            self.stdout.write(json.dumps({"created": created, "switched_off": switched_off}))
            return
        self.stdout.write(f"created: {', '.join(created) or 'none'}")
        self.stdout.write(f"switched off: {', '.join(switched_off) or 'none'}")
