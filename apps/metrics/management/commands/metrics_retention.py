"""Drop points and rollups that are past, as the clock does at 03:15 UTC."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.metrics.compaction.retention import run_retention
from apps.metrics.management.options import FAILED, add_common, organization_of


class Command(BaseCommand):
    """Exit 0 when all that is past has gone, 1 if some partition was in use for too long, 2 usage."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_common(parser)
        parser.add_argument("--dry-run", action="store_true", help="count only")

    def handle(self, *_args: str, **options: Any) -> None:
        """Run and report."""
        report = run_retention(
            now=timezone.now(), organization_id=organization_of(options), dry_run=options["dry_run"]
        )
        total = report.total()
        if options["json"]:
            facts = {
                "partitions": report.partitions,
                "postponed": report.postponed,
                "chunks": asdict(total.chunks),
                "rollups": asdict(total.rollups),
            }
            self.stdout.write(json.dumps(facts))
        else:
            verb = "would go" if options["dry_run"] else "went"
            for name in report.partitions:
                self.stdout.write(f"partition {name} {verb}")
            self.stdout.write(
                f"{total.chunks.rows:,} chunks with {total.chunks.points:,} points"
                f" ({total.chunks.size_bytes:,} bytes) and {total.rollups.rows:,} rollups {verb}"
            )
        if report.postponed:
            sys.exit(FAILED)
