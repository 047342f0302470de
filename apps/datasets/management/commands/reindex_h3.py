"""Compute the cells of all events anew; where some differ, publish a version in which they are right."""

import json
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.common.db import JobStatus
from apps.datasets.management.commands.verify_dataset import chosen_datasets
from apps.datasets.upkeep_services import reindex_here

FAILED: Final = 1


class Command(BaseCommand):
    """Exit 0 when the cells of all are right now, 1 when a dataset failed, 2 for one that is not there."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dataset", help="id or name; else all")
        parser.add_argument("--organization", help="slug")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Compute, publish and report."""
        failed = False
        for dataset in chosen_datasets(options).order_by("no"):
            before = dataset.current_version_id
            row = reindex_here(dataset)
            dataset.refresh_from_db()
            failed |= row.status != JobStatus.SUCCEEDED
            version = dataset.current_version
            facts = {
                "dataset": dataset.name,
                "status": row.status,
                "version": version.number if version and version.pk != before else None,
                "error": row.error_detail,
            }
            line = facts["error"] or (f"version {facts['version']}" if facts["version"] else "all agree")
            self.stdout.write(json.dumps(facts) if options["json"] else f"{dataset.name}: {line}")
        if failed:
            sys.exit(FAILED)
