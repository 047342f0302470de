"""Queue the mirrors that are due, as the clock does every minute."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.common.arguments import natural
from apps.projects.management import reporting
from apps.projects.mirroring.due import LIMIT, choose_due, queue_due


class Command(BaseCommand):
    """Print what is queued and why it is due."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--limit", type=natural, default=LIMIT)
        parser.add_argument("--dry-run", action="store_true", help="queue nothing")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Queue them, or only say which they are."""
        chosen = list(choose_due(options["limit"]))
        reasons = {mirror.pk: mirror.due_reason for mirror in chosen}
        names = {mirror.pk: mirror.project.name for mirror in chosen}
        if options["dry_run"]:
            found = [(mirror.pk, "") for mirror in chosen]
        else:
            found = [(run.mirror_id, str(run.pk)) for run in queue_due(options["limit"])]
        rows = [
            {"project": names.get(pk, ""), "reason": reasons.get(pk, ""), "run": run_id}
            for pk, run_id in found
        ]
        reporting.report(self.stdout, rows, as_json=options["json"])
