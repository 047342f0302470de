"""Compute rollups anew from raw points where these are kept, and report the rows that differed."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.metrics.compaction.rebuilding import Rebuilt, rebuild_rollups
from apps.metrics.compaction.reports import described_bucket, keys_of
from apps.metrics.management.options import DIFFERENCES, add_scope, scope_of


class Command(BaseCommand):
    """Exit 0 when all rows are right, 2 usage, 3 if some differed, whether or not they were written anew."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_scope(parser)
        parser.add_argument("--dry-run", action="store_true", help="report only")

    def handle(self, *_args: str, **options: Any) -> None:
        """Rebuild and report."""
        found = rebuild_rollups(scope=scope_of(options), now=timezone.now(), dry_run=options["dry_run"])
        self._report(found, options)
        if found:
            sys.exit(DIFFERENCES)

    def _report(self, found: list[Rebuilt], options: dict[str, Any]) -> None:
        keys = keys_of(each.number for each in found)
        rows = [{"metric": keys.get(each.number), **described_bucket(each.bucket)} for each in found]
        if options["json"]:
            self.stdout.write(json.dumps({"differing": rows, "written": not options["dry_run"]}))
            return
        for row in rows:
            self.stdout.write(f"{row['metric']} {row['bucket']} {row['width_s']} s")
        self.stdout.write(f"{len(rows)} rows {'differ' if options['dry_run'] else 'written anew'}")
