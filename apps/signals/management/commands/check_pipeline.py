"""Check that what is stored of a hydrated run agrees with its files, from lines to an answer of the API."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.accounts.models import Organization
from apps.signals.checking.findings import Check
from apps.signals.checking.pipeline import check_run
from apps.signals.management import foreground
from apps.signals.models import Run
from apps.signals.states import RunStatus

SAMPLE: Final = 1_000
HYDRATED: Final = (RunStatus.HYDRATED, RunStatus.GUARDED)


class Command(BaseCommand):
    """Exit 0 when all agrees, 1 if a check fails, 2 usage, 3 nothing hydrated."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        foreground.add_common(parser)
        parser.add_argument(
            "--run", help="GRAPH/RUN, its newest revision that is hydrated; default: the newest hydrated run"
        )
        parser.add_argument("--statistics", action="store_true", help="recompute every figure of the files")
        parser.add_argument(
            "--sample", type=int, default=SAMPLE, help="signals whose keys and content to compare"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        """Check and report."""
        run = _chosen_run(foreground.organization_of(options), options["run"])
        named = f"{run.graph.name}/{run.run_id}"
        checks = []
        if not options["json"]:
            self.stdout.write(f"{named} revision {run.revision}")
        for check in check_run(run, statistics=options["statistics"], sample=max(options["sample"], 0)):
            checks.append(check)
            if not options["json"]:
                self._tell(check)
        if options["json"]:
            found = [asdict(check) | {"ok": check.is_fine} for check in checks]
            self.stdout.write(json.dumps({"run": named, "revision": run.revision, "checks": found}))
        if not all(check.is_fine for check in checks):
            sys.exit(foreground.FAILED)

    def _tell(self, check: Check) -> None:
        outcome = f"skipped, {check.skipped}" if check.skipped else "ok" if check.is_fine else "FAILED"
        self.stdout.write(f"{check.name:12} {check.checked:>10,} checked: {outcome}")
        for problem in check.problems:
            self.stdout.write(f"  {problem}")
        if check.problem_count > len(check.problems):
            self.stdout.write(f"  and {check.problem_count - len(check.problems):,} more")


def _chosen_run(organization: Organization, named: str | None) -> Run:
    """Return the run that is meant, ending the command if nothing of it is hydrated.

    Of a named one the newest hydrated revision counts: files that changed since have made another, which is
    still on its way.
    """
    if named:
        run = foreground.run_named(organization, named, preferred=HYDRATED)
    else:
        hydrated = Run.objects.filter(organization=organization, status__in=HYDRATED)
        found = hydrated.select_related("graph", "organization").in_run_order().last()
        run = found or foreground.refuse("There is no run that is hydrated.", foreground.NOTHING_TO_DO)
    if run.status not in HYDRATED:
        reason = f"Revision {run.revision} of the run is {run.status}, none is hydrated."
        foreground.refuse(reason, foreground.NOTHING_TO_DO)
    return run
