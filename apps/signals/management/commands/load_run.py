"""Load a run's files into the raw tables, here and now."""

import json
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.common.errors import DomainError
from apps.signals.discovery.gating import gate_run
from apps.signals.discovery.registering import register_all
from apps.signals.errors import GateNotPassed
from apps.signals.management import foreground
from apps.signals.models import Run, RunFinding, RunLoad
from apps.signals.services import start_load
from apps.signals.states import LOADED_STATES, RunStatus
from apps.signals.tasks import run_load


class Command(BaseCommand):
    """Exit 0 loaded, 1 failed, 2 usage, 3 nothing to do or gate not passed, 5 busy."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("run", nargs="?", help="GRAPH/RUN; default: the newest run")
        parser.add_argument("--accept-validation", action="store_true", help="load despite failed layers")
        parser.add_argument("--allow-rejected", type=int, default=0, metavar="N", help="lines without a row")
        foreground.add_common(parser)

    def handle(self, *_args: str, **options: Any) -> None:
        """Register, load and report."""
        organization = foreground.organization_of(options)
        register_all(organization)
        run = self._chosen(organization, options["run"])
        if run.status in LOADED_STATES | {RunStatus.PRUNED}:
            run = self._revised(run)
        if run.status in LOADED_STATES:
            self._report_nothing(run, as_json=options["json"])
        began_s = time.monotonic()
        row = self._loaded(run, options)
        self._report(row, time.monotonic() - began_s, as_json=options["json"])
        foreground.end_with(row, {GateNotPassed.code: foreground.NOTHING_TO_DO})

    def _chosen(self, organization: Organization, named: str | None) -> Run:
        if named:
            return foreground.run_named(organization, named)
        newest = Run.objects.filter(organization=organization).in_run_order().last()
        return newest or foreground.refuse("There are no runs below RUNS_ROOT.", foreground.NOTHING_TO_DO)

    def _revised(self, run: Run) -> Run:
        """Return the run's next revision if its files are others by now, else the run itself."""
        with suppress(OSError):
            gate_run(run)
        revisions = Run.objects.filter(graph=run.graph_id, run_id=run.run_id).select_related("graph")
        return revisions.order_by("-revision").first() or run

    def _loaded(self, run: Run, options: dict[str, Any]) -> RunLoad:
        try:
            row = start_load(
                actor=system_actor(run.organization),
                run=run,
                accept_validation=options["accept_validation"],
                allow_rejected=options["allow_rejected"],
            )
        except DomainError as error:
            foreground.give_up(error)
        return foreground.run_here(run_load, row, None if options["json"] else foreground.draw_bar)

    def _report_nothing(self, run: Run, *, as_json: bool) -> None:
        facts = {"run": _name(run), "status": run.status, "outcome": "nothing to do"}
        self.stdout.write(json.dumps(facts) if as_json else f"{_name(run)} is {run.status}: nothing to do")
        sys.exit(foreground.NOTHING_TO_DO)

    def _report(self, row: RunLoad, seconds: float, *, as_json: bool) -> None:
        run = Run.objects.select_related("graph").get(pk=row.run_id)
        findings = RunFinding.objects.filter(run=run).order_by("severity", "code", "file", "line", "pk")
        if as_json:
            self.stdout.write(json.dumps(_facts(row, run, seconds, list(findings))))
            return
        self.stdout.write(f"{_name(run)}: {row.status} {row.error_detail}".rstrip())
        for table, count in row.rows.items():
            self.stdout.write(f"  {table:26} {count:>12,}")
        self.stdout.write(f"{run.line_count:,} lines in {seconds:.1f} s, {run.line_count / seconds:,.0f}/s")
        for each in findings:
            place = f" {each.file}:{each.line}" if each.line else f" {each.file}".rstrip()
            self.stdout.write(f"{each.severity:5} {each.code} x{each.count}{place}: {each.message}")


def _name(run: Run) -> str:
    return f"{run.graph.name}/{run.run_id} r{run.revision}"


def _facts(row: RunLoad, run: Run, seconds: float, findings: list[RunFinding]) -> dict[str, Any]:
    names = ("severity", "code", "message", "file", "line", "count")
    return {
        "run": _name(run),
        "run_status": run.status,
        "status": row.status,
        "rows": row.rows,
        "lines": run.line_count,
        "bytes": row.bytes_read,
        "seconds": round(seconds, 3),
        "lines_per_s": round(run.line_count / seconds, 1),
        "rejected": run.rejected_count,
        "findings": [{name: getattr(each, name) for name in names} for each in findings],
        "error_code": row.error_code,
        "error_detail": row.error_detail,
    }
