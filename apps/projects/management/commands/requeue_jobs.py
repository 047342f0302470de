"""Put stuck or dead jobs of projects and previews back to their queues."""

import datetime as dt
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.common.arguments import natural
from apps.projects.management import reporting
from apps.projects.services.requeueing import requeue_jobs


class Command(BaseCommand):
    """Exit 0 all that was found was queued, 1 not."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--kind", default="", help="projects.sync, previews.cleanup, ...")
        parser.add_argument("--older-than", type=natural, default=600, metavar="SECONDS")
        parser.add_argument("--dead", action="store_true", help="dead letters, too")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Queue them, or only say which they are."""
        try:
            found = requeue_jobs(
                kind=options["kind"],
                older_than=dt.timedelta(seconds=options["older_than"]),
                with_dead=options["dead"],
                dry_run=options["dry_run"],
            )
        except KeyError:
            self.stderr.write(f"There is no kind {options['kind']} of projects or previews.")
            sys.exit(reporting.FAILED)
        rows = [
            {"kind": each.kind, "id": str(each.id), "was": each.status, "queued": each.is_done}
            for each in found
        ]
        reporting.report(self.stdout, rows, as_json=options["json"])
        sys.exit(0 if all(each.is_done for each in found) else reporting.FAILED)
