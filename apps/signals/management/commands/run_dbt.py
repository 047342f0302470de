"""Build runs here: dbt turns their raw rows into marts."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common.errors import DomainError
from apps.signals.management import foreground
from apps.signals.models import DbtBuild, DbtResult, Run
from apps.signals.services import start_build
from apps.signals.states import RunStatus
from apps.signals.tasks import run_build

# Loaded and not built; one that is being built at this moment is waited for, and built again.
UNBUILT: Final = (RunStatus.LOADED, RunStatus.BUILD_FAILED, RunStatus.BUILDING)


class Command(BaseCommand):
    """Exit 0 built, 1 failed, 2 usage, 3 nothing to build, 5 busy."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        foreground.add_common(parser)
        parser.add_argument("--run", help="GRAPH/RUN; default: all that are loaded and not built")
        parser.add_argument("--select", default="", help="some models alone, as dbt's option says")
        parser.add_argument("--full-refresh", action="store_true", help="make all tables anew")

    def handle(self, *_args: str, **options: Any) -> None:
        """Build and report."""
        organization = foreground.organization_of(options)
        try:
            row = start_build(
                actor=system_actor(organization),
                runs=_chosen_runs(organization, options["run"]),
                select=options["select"],
                full_refresh=options["full_refresh"],
            )
        except DomainError as error:
            foreground.give_up(error)
        ended = foreground.run_here(run_build, row, None if options["json"] else foreground.draw_bar)
        self._report(ended, as_json=options["json"])
        foreground.end_with(ended)

    def _report(self, row: DbtBuild, *, as_json: bool) -> None:
        facts = _facts(row)
        if as_json:
            self.stdout.write(json.dumps(facts))
            return
        self.stdout.write(
            f"{facts['runs']} runs: {facts['nodes']} nodes, {facts['tests']} tests, "
            f"{facts['warnings']} warnings, {facts['failed']} failed, {facts['seconds']:.1f} s"
        )
        if row.error_detail:
            self.stdout.write(f"{row.error_code}: {row.error_detail}")


def _chosen_runs(organization: Organization, named: str | None) -> list[Run]:
    if named:
        return [foreground.run_named(organization, named)]
    runs = Run.objects.filter(organization=organization, status__in=UNBUILT, superseded_at=None)
    found = list(runs.in_run_order())
    return found or foreground.refuse("There is no run to build.", foreground.NOTHING_TO_DO)


def _facts(row: DbtBuild) -> dict[str, Any]:
    results = DbtResult.objects.filter(build=row).values_list("resource_type", "status")
    kinds = Counter(kind for kind, _ in results)
    statuses = Counter(status for _, status in results)
    took = row.finished_at - row.started_at if row.finished_at and row.started_at else None
    return {
        "build": str(row.pk),
        "runs": len(row.run_ids),
        "status": row.status,
        "nodes": sum(kinds.values()),
        "tests": kinds["test"],
        "warnings": statuses["warn"],
        "failed": statuses["error"] + statuses["fail"],
        "seconds": took.total_seconds() if took else 0.0,
        "error_code": row.error_code,
        "error_detail": row.error_detail,
    }
