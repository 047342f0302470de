"""`manage.py prune`: drop what is past its time, by the rules of every app."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.common.keeping import Pruned, prune


class Command(BaseCommand):
    """Exit 0 when every rule ran, 1 when one failed; the log says why."""

    help = "Drop what is past its time, by the rules of every app."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Prune and print what each rule dropped."""
        dry_run = options["dry_run"]
        pruned = prune(now=timezone.now(), dry_run=dry_run)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": dry_run, "rules": [asdict(each) for each in pruned]}))
        else:
            for each in pruned:
                self.stdout.write(_line(each, dry_run=dry_run))
        if any(each.failed for each in pruned):
            sys.exit(1)


def _line(each: Pruned, *, dry_run: bool) -> str:
    if each.failed:
        return f"{each.rule}\tFAILED"
    return f"{each.rule}\t{each.count} {'would go' if dry_run else 'gone'}"
