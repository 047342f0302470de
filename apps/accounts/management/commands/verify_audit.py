"""Check the audit of all organizations, or of one; exit 1 with the sequence where a chain is broken."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts import queries
from apps.accounts.verification import ChainReport, verify_chain, verify_chains
from apps.common.errors import NotFound


class Command(BaseCommand):
    """Exit 0 when every chain is whole; `system` is the installation's own."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--organization", default="", help="id or short name; default all")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: str, **options: Any) -> None:
        """Verify and report."""
        reports = _reports(options["organization"])
        is_valid = all(report.valid for report in reports)
        if options["json"]:
            chains = [asdict(report) for report in reports]
            self.stdout.write(json.dumps({"valid": is_valid, "chains": chains}, indent=2))
        else:
            for report in reports:
                self.stdout.write(_line(report))
        if not is_valid:
            sys.exit(1)


def _reports(named: str) -> list[ChainReport]:
    if not named:
        return list(verify_chains())
    try:
        return [verify_chain(queries.find_organization(named))]
    except NotFound as error:
        raise CommandError(error.detail) from error


def _line(report: ChainReport) -> str:
    found = "valid" if report.valid else f"BROKEN at {report.broken_at}"
    head = f"head {report.head.sequence} {report.head.hash}"
    return f"{report.organization}\t{found}\t{report.entries} entries\t{head}"
