"""Compact what waits in shards here and now, without a worker."""

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from apps.metrics.compaction import Compacted, compact_everything
from apps.metrics.management.options import DIFFERENCES, add_common, organization_of


class Command(BaseCommand):
    """Exit 0 also when nothing was due, 2 usage, 3 if some segments cannot be read."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_common(parser)
        parser.add_argument("--all", action="store_true", help="also shards that are not due")
        parser.add_argument("--until-empty", action="store_true", help="go on with what comes in meanwhile")

    def handle(self, *_args: str, **options: Any) -> None:
        """Compact and report."""
        began_s = time.monotonic()
        done = compact_everything(
            organization_of(options), force=options["all"], until_empty=options["until_empty"]
        )
        self._report(done, time.monotonic() - began_s, as_json=options["json"])
        if any(each.skipped for each in done):
            sys.exit(DIFFERENCES)

    def _report(self, done: list[Compacted], seconds: float, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"compacted": [asdict(each) for each in done]}))
            return
        for each in done:
            self.stdout.write(
                f"shard {each.shard_id}: {each.points:,} points of {each.segments:,} segments into"
                f" {each.parts:,} parts, {each.merged_parts:,} parts merged, {each.skipped:,} unreadable"
            )
        points = sum(each.points for each in done)
        self.stdout.write(f"{points:,} points in {seconds:.1f} s")
