"""Load months of a source here, in their order; one that fails stops no other."""

import json
import sys
from argparse import ArgumentParser
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.common.viewsets import UUID_PATTERN
from apps.datasets.local_import import run_here
from apps.datasets.models import Import, Source
from apps.datasets.models.sources import month_text
from apps.datasets.source_services import asked_months, run_source

FAILED: Final = 1
USAGE: Final = 2


class Command(BaseCommand):
    """Exit 0 all loaded or unchanged (with --queue: queued), 1 any failed or waits, 2 usage."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("source", help="id of the source")
        parser.add_argument("--organization", required=True, help="slug")
        parser.add_argument("--month", action="append", default=[], help="YYYY-MM, repeatable")
        parser.add_argument("--from", dest="first", help="first month of a range")
        parser.add_argument("--to", dest="last", help="last month of a range")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--queue", action="store_true", help="leave the work to the workers")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Load and report."""
        rows = self._queued(options)
        if not options["queue"]:
            rows = [run_here(row) for row in rows]
        for row in rows:
            self.stdout.write(json.dumps(_facts(row)) if options["json"] else _line(row))
        if not options["queue"] and any(row.status != JobStatus.SUCCEEDED for row in rows):
            sys.exit(FAILED)

    def _queued(self, options: dict[str, Any]) -> list[Import]:
        organization = Organization.objects.living().filter(slug=options["organization"]).first()
        if organization is None:
            self._refuse(f"There is no organization {options['organization']}.")
        actor = system_actor(organization)
        sources = Source.objects.visible_to(actor).select_related("dataset", "profile")
        is_id = UUID_PATTERN.fullmatch(options["source"])
        source = sources.filter(pk=options["source"]).first() if is_id else None
        if source is None:
            self._refuse(f"There is no source {options['source']}.")
        try:
            months = asked_months(options["month"], options["first"], options["last"])
            return run_source(
                actor=actor, source=source, months=months, dry_run=options["dry_run"], force=options["force"]
            )
        except DomainError as error:
            self._refuse(error.explain())

    def _refuse(self, reason: str) -> NoReturn:
        raise CommandError(reason, returncode=USAGE)


def _facts(row: Import) -> dict[str, Any]:
    names = ("rows_read", "accepted", "rejected", "duplicates", "error_code", "error_detail")
    return {
        "import": str(row.pk),
        "month": month_text(row.month) if row.month else None,
        "status": row.status,
        "outcome": row.outcome,
        **{name: getattr(row, name) for name in names},
    }


def _line(row: Import) -> str:
    month = month_text(row.month) if row.month else "all"
    return f"{month}: {row.outcome or row.status}, {row.accepted:,} rows {row.error_detail}".rstrip()
