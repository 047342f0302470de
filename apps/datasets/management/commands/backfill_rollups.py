"""Build the rollups that are missing, compare the sums of all with the events; exit 1 where they differ."""

import json
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.datasets.management.commands.verify_dataset import chosen_datasets
from apps.datasets.verification import backfill_rollups

DIFFER: Final = 1


class Command(BaseCommand):
    """Exit 0 when all sums agree, 1 when some differ, 2 for a dataset that is not there."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dataset", help="id or name; else all")
        parser.add_argument("--organization", help="slug")
        parser.add_argument("--rebuild", action="store_true", help="build those anew that are there")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Build, compare and report."""
        different = 0
        for segment, findings in backfill_rollups(chosen_datasets(options), rebuild=options["rebuild"]):
            different += bool(findings)
            facts = {"segment": segment.no, "dataset": segment.dataset.name, "rollups": segment.rollups}
            facts["differ"] = [finding.detail for finding in findings]
            levels = ", ".join(map(str, segment.rollups)) or "none"
            line = f"{segment.dataset.name} {segment}: {levels}{', they differ' if findings else ''}"
            self.stdout.write(json.dumps(facts) if options["json"] else line)
        if different:
            sys.exit(DIFFER)
