"""Hydrate a run here: its mart rows become signals."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common.errors import DomainError
from apps.signals.management import foreground
from apps.signals.models import Hydration, HydrationDiff, Run
from apps.signals.services import start_hydration
from apps.signals.states import RUN_MOVES, HydrationTrigger
from apps.signals.tasks import run_hydration

COUNTERS: Final = (
    "incoming",
    "created",
    "changed",
    "unchanged",
    "skipped",
    "vanished",
    "returned",
    "reopened",
    "auto_resolved",
    "events",
)


class Command(BaseCommand):
    """Exit 0 hydrated, 1 failed, 2 usage, 3 nothing built, 4 stopped by the vanish guard, 5 busy."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        foreground.add_common(parser)
        parser.add_argument("--run", help="GRAPH/RUN; default: the newest that is built")
        parser.add_argument("--facility", action="append", default=[], help="only its rows; repeatable")
        parser.add_argument("--limit", type=int, help="only so many rows")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would change, and change nothing"
        )
        parser.add_argument("--force", action="store_true", help="let signals vanish past the guard")

    def handle(self, *_args: str, **options: Any) -> None:
        """Hydrate and report."""
        run = _chosen_run(foreground.organization_of(options), options["run"])
        try:
            row = start_hydration(
                actor=system_actor(run.organization),
                run=run,
                facilities=options["facility"],
                limit=options["limit"],
                dry_run=options["dry_run"],
                force=options["force"],
                trigger=HydrationTrigger.COMMAND,
            )
        except DomainError as error:
            foreground.give_up(error)
        tell = None if options["json"] else foreground.draw_bar
        ended = foreground.run_here(run_hydration, row, tell)
        self._report(run, ended, as_json=options["json"])
        foreground.end_with(ended, {"signals.vanish_guard": foreground.GUARDED})

    def _report(self, run: Run, row: Hydration, *, as_json: bool) -> None:
        counts = {name: getattr(row, name) for name in COUNTERS}
        diff = HydrationDiff.objects.filter(hydration=row).order_by("kind", "pk")
        if as_json:
            facts = {
                "hydration": str(row.pk),
                "run": f"{run.graph.name}/{run.run_id}",
                "status": row.status,
                "dry_run": row.dry_run,
                **counts,
                "error_code": row.error_code,
                "error_detail": row.error_detail,
            }
            if row.dry_run:
                facts["diff"] = [_as_json(item) for item in diff.iterator()]
            self.stdout.write(json.dumps(facts))
            return
        figures = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
        self.stdout.write(f"{run.graph.name}/{run.run_id}: {figures}")
        if row.error_detail:
            self.stdout.write(row.error_detail)
        for item in diff.iterator() if row.dry_run else ():
            self.stdout.write(f"{item.kind} {item.signal_key} {'; '.join(_changes(item))}".rstrip())


def _chosen_run(organization: Organization, named: str | None) -> Run:
    if named:
        return foreground.run_named(organization, named)
    built = Run.objects.filter(organization=organization, status__in=RUN_MOVES["hydrate"])
    run = built.select_related("graph", "organization").in_run_order().last()
    return run or foreground.refuse("There is no run that is built.", foreground.NOTHING_TO_DO)


def _as_json(item: HydrationDiff) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "signal_key": str(item.signal_key),
        "before": item.before,
        "after": item.after,
    }


def _changes(item: HydrationDiff) -> Iterator[str]:
    """Yield what changes in a signal that is there already; of a new one everything would be news."""
    if item.before is None:
        return
    before, after = item.before, item.after or {}
    for column in sorted(after):
        yield f"{column}: {json.dumps(before.get(column))} -> {json.dumps(after[column])}"
