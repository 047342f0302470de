"""What the commands of signals have in common: options, exit codes, and jobs run in this process."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Collection
from typing import Any, Final, NoReturn, TypeVar

from django.conf import settings
from django.core.management.base import CommandError

from apps.accounts.models import Organization
from apps.accounts.models.organization import SYSTEM_SLUG
from apps.common import jobs
from apps.common.db import JobState, JobStatus
from apps.common.errors import DomainError
from apps.signals.errors import GateNotPassed, RunState
from apps.signals.models import Run
from apps.signals.states import RunStatus

FAILED: Final = 1
USAGE: Final = 2
NOTHING_TO_DO: Final = 3
GUARDED: Final = 4
BUSY: Final = 5
BUSY_STATES: Final = frozenset({RunStatus.LOADING, RunStatus.BUILDING, RunStatus.HYDRATING})
POLL_S: Final = 0.5
BAR_CELLS: Final = 30

R = TypeVar("R", bound=JobState)


def add_common(parser: ArgumentParser) -> None:
    """Declare the options of every command."""
    parser.add_argument("--organization", help="slug; default: the only one, or SIGNALS_DEFAULT_ORGANIZATION")
    parser.add_argument("--json", action="store_true")


def organization_of(options: dict[str, Any]) -> Organization:
    """Return the organization that is meant; ends the command with 2 if none is, or there is no such one."""
    living = Organization.objects.living()
    slug = options["organization"] or settings.SIGNALS_DEFAULT_ORGANIZATION
    if slug:
        found = living.filter(slug=slug).first()
        return found or refuse(f"There is no organization {slug}.")
    only = list(living.exclude(slug=SYSTEM_SLUG).order_by("pk")[:2])
    return only[0] if len(only) == 1 else refuse("Which organization? Say --organization.")


def run_named(organization: Organization, named: str, *, preferred: Collection[RunStatus] = ()) -> Run:
    """Return the newest revision of the run `GRAPH/RUN`; ends the command with 2 if there is none.

    Of the revisions in a `preferred` status, where there are some.
    """
    graph, _, run_id = named.partition("/")
    runs = Run.objects.filter(organization=organization, graph__name=graph, run_id=run_id)
    newest = runs.select_related("graph", "organization").order_by("-revision")
    found = newest.filter(status__in=preferred).first() or newest.first()
    return found or refuse(f"There is no run {named}; name it GRAPH/RUN.")


def refuse(reason: str, code: int = USAGE) -> NoReturn:
    """End the command with a reason on the standard error output."""
    raise CommandError(reason, returncode=code)


def give_up(error: DomainError) -> NoReturn:
    """End the command that a service has refused: 3 gate not passed, 5 busy, else 1."""
    refuse(error.explain(), exit_code_of(error))


def exit_code_of(error: DomainError) -> int:
    """Return the exit code of a refusal. RunState is busy where its `extra` names a status of work."""
    if isinstance(error, GateNotPassed):
        return NOTHING_TO_DO
    is_busy = isinstance(error, RunState) and error.extra.get("status") in BUSY_STATES
    return BUSY if is_busy or error.code == "signals.hydration_running" else FAILED


def run_here(kind: jobs.JobKind[R], row: R, tell: Callable[[R], None] | None = None) -> R:
    """Run a queued job in this process, or follow the worker that was faster; returns its row, ended.

    `tell` is called with the row after each of its changes.
    """
    hook = kind.on_change(lambda changed: tell(changed) if tell and changed.pk == row.pk else None)
    try:
        while True:
            jobs.execute(kind.kind, row.pk)
            row.refresh_from_db()
            if JobStatus(row.status).is_final:
                return row
            if tell:
                tell(row)
            time.sleep(POLL_S)
    finally:
        kind.change_hooks.remove(hook)


def draw_bar(row: JobState) -> None:
    """Draw a job's progress over the last line of the standard error output."""
    filled = round(row.progress * BAR_CELLS)
    bar = "#" * filled + "." * (BAR_CELLS - filled)
    sys.stderr.write(f"\r[{bar}] {row.stage[:60]:60}")
    if JobStatus(row.status).is_final:
        sys.stderr.write("\n")
    sys.stderr.flush()


def end_with(row: JobState, codes: dict[str, int] | None = None) -> None:
    """End the command as its job ended: 0 succeeded, else by `codes` of the error's code, else 1."""
    if row.status != JobStatus.SUCCEEDED:
        sys.exit((codes or {}).get(row.error_code, FAILED))
