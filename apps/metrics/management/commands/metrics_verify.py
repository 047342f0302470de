"""Compare what is stored with itself: payloads, counts, ends, owners, and rollups bit for bit."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.metrics.compaction.reports import described_findings, finding_line
from apps.metrics.compaction.verification import Verified, verify
from apps.metrics.management.options import DIFFERENCES, add_scope, scope_of


class Command(BaseCommand):
    """Exit 0 when all agrees, 2 usage, 3 if differences were found, whether or not they were repaired."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_scope(parser)
        parser.add_argument("--sample", type=int, help="so many metric-days at random")
        parser.add_argument("--rewrite", action="store_true", help="compute differing rollups anew")

    def handle(self, *_args: str, **options: Any) -> None:
        """Verify and report."""
        verified = verify(
            scope=scope_of(options), now=timezone.now(), sample=options["sample"], rewrite=options["rewrite"]
        )
        self._report(verified, as_json=options["json"])
        if verified.findings:
            sys.exit(DIFFERENCES)

    def _report(self, verified: Verified, *, as_json: bool) -> None:
        findings = described_findings(verified.findings)
        counts = {
            "metric_days": verified.metric_days,
            "segments": verified.segments,
            "rewritten": verified.rewritten,
        }
        if as_json:
            self.stdout.write(json.dumps({"findings": findings, **counts}))
            return
        for finding in findings:
            self.stdout.write(finding_line(finding))
        self.stdout.write(
            f"{len(findings)} findings in {counts['metric_days']:,} metric-days and"
            f" {counts['segments']:,} segments, {counts['rewritten']:,} rollups written anew"
        )
