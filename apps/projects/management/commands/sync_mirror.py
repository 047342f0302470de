"""Sync the mirror of a project: queue it, or run it here and see its stages."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from apps.accounts.permissions import system_actor
from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.common.jobs import execute
from apps.projects.management import reporting
from apps.projects.models import MirrorRun
from apps.projects.services.mirrors import start_sync
from apps.projects.states import RunOutcome, RunTrigger
from apps.projects.tasks import run_sync

HELD: Final = 3
LOCKED: Final = 4
POLL_S: Final = 0.5


class Command(BaseCommand):
    """Exit 0 done, 1 failed, 2 no such project, 3 held, 4 another run has the mirror."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("project", help="id, or name")
        parser.add_argument("--force", action="store_true", help="fetch though no ref differs")
        parser.add_argument("--wait", action="store_true", help="run here")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Queue the run; with --wait run it."""
        project = reporting.project_named(options["project"])
        try:
            run, joined = start_sync(
                actor=system_actor(project.organization),
                project=project,
                is_override=options["force"],
                trigger=RunTrigger.COMMAND,
            )
        except DomainError as error:
            self.stderr.write(error.explain())
            sys.exit(reporting.FAILED)
        if options["wait"] and not joined:
            self._run_here(run, is_quiet=options["json"])
        run.refresh_from_db()
        self._report(run, as_json=options["json"])
        sys.exit(LOCKED if joined else self._code_of(run, waited=options["wait"]))

    def _run_here(self, run: MirrorRun, *, is_quiet: bool) -> None:
        """Run it in this process, or follow the worker that was faster."""
        seen = {""}

        def tell(row: MirrorRun) -> None:
            if row.pk == run.pk and row.stage not in seen and not is_quiet:
                seen.add(row.stage)
                self.stdout.write(row.stage)

        run_sync.on_change(tell)
        try:
            execute(run_sync.kind, run.pk)
            run.refresh_from_db()
            while not JobStatus(run.status).is_final:
                time.sleep(POLL_S)
                execute(run_sync.kind, run.pk)
                run.refresh_from_db()
                tell(run)
        finally:
            run_sync.change_hooks.remove(tell)

    def _report(self, run: MirrorRun, *, as_json: bool) -> None:
        facts = {
            "run": str(run.pk),
            "kind": run.kind,
            "status": run.status,
            "outcome": run.outcome,
            "commit": run.commit_after,
            "error": run.error_code,
        }
        said = " ".join(str(value) for value in facts.values() if value)
        self.stdout.write(json.dumps(facts) if as_json else said)

    @staticmethod
    def _code_of(run: MirrorRun, *, waited: bool) -> int:
        if run.outcome == RunOutcome.HELD:
            return HELD
        return 0 if run.status == JobStatus.SUCCEEDED or not waited else reporting.FAILED
