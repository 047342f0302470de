"""Compare what is stored with what is said about it; exit 1 with findings."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from apps.datasets.models import Dataset
from apps.datasets.verification import (
    Finding,
    repair_orphans,
    repair_rollups,
    verify_datasets,
    verify_orphans,
)

FINDINGS: Final = 1
USAGE: Final = 2


class Command(BaseCommand):
    """Exit 0 when all agrees, 1 with findings, 2 for a dataset that is not there."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--dataset", help="id or name")
        which.add_argument("--all", action="store_true")
        parser.add_argument("--organization", help="slug")
        parser.add_argument("--sample", type=int, default=1_000, help="rows of a segment to check cells of")
        parser.add_argument(
            "--repair", action="store_true", help="drop what belongs to nobody, build wrong rollups anew"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Verify and report."""
        chosen = chosen_datasets(options)
        findings = [*verify_datasets(chosen, sample=options["sample"]), *verify_orphans()]
        repaired = repair_orphans() + repair_rollups(chosen) if options["repair"] else 0
        self._report(findings, repaired, as_json=options["json"])
        if findings:
            sys.exit(FINDINGS)

    def _report(self, findings: list[Finding], repaired: int, *, as_json: bool) -> None:
        if as_json:
            found = {"findings": [asdict(finding) for finding in findings], "repaired": repaired}
            self.stdout.write(json.dumps(found))
            return
        for finding in findings:
            self.stdout.write(f"{finding.subject}: {finding.code}: {finding.detail}")
        self.stdout.write(f"{len(findings)} findings, {repaired} repaired")


def chosen_datasets(options: dict[str, Any]) -> QuerySet[Dataset]:
    """Return the datasets that `--dataset` and `--organization` name; ends with 2 for none."""
    datasets = Dataset.objects.living()
    if options["organization"]:
        datasets = datasets.filter(organization__slug=options["organization"])
    if not options["dataset"]:
        return datasets
    wanted = options["dataset"]
    ids = [dataset.pk for dataset in datasets if wanted.lower() in {str(dataset.pk), dataset.name.lower()}]
    if not ids:
        raise CommandError(f"There is no dataset {wanted}.", returncode=USAGE)
    return datasets.filter(pk__in=ids)
