"""Clean up previews now: stages of sessions, objects without a row, rows past their time."""

import json
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.common.arguments import natural
from apps.previews.cleaning.planning import EVERYTHING, Work
from apps.previews.services import run_cleanup

STAGES: Final = (Work.EXPIRED, Work.SOFT_DELETED, Work.PURGED, Work.ORPHANS)


class Command(BaseCommand):
    """Exit 0 done, 1 when something failed."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="list what a run would do, and do nothing")
        parser.add_argument("--stage", choices=[str(stage) for stage in STAGES], help="only this stage")
        parser.add_argument("--limit", type=natural, help="at most so many of each stage")
        parser.add_argument("--json", action="store_true", help="ids, counts and bytes as JSON")

    def handle(self, *_args: str, **options: Any) -> None:
        """Clean up and report."""
        works = [Work(options["stage"])] if options["stage"] else EVERYTHING
        report = run_cleanup(dry_run=options["dry_run"], works=works, limit=options["limit"])
        stages = report.by_work()
        failed = [item.id for item in report.failed]
        if options["json"]:
            facts = {"dry_run": report.dry_run, "skipped": report.is_skipped, "stages": stages}
            self.stdout.write(json.dumps(facts | {"failed": failed}))
        else:
            for name, found in stages.items():
                self.stdout.write(f"{name}: {found['count']}, {found['bytes']:,} bytes")
                self.stdout.write("".join(f"  {each}\n" for each in found["ids"]), ending="")
            self.stdout.write("Another run is going on." if report.is_skipped else f"failed: {len(failed)}")
        if failed:
            sys.exit(1)
