"""The job `signals.hydrate`: a run's rows become signals, and its graph moves on to it."""

from typing import Final

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.queries import initiator
from apps.common import jobs
from apps.common.jobs import Listing, job
from apps.signals.announcing import announce_hydration, announce_run
from apps.signals.errors import RunState
from apps.signals.faults import fault
from apps.signals.hydrating.dry_run import rehearse
from apps.signals.hydrating.revisions import supersede_former
from apps.signals.hydrating.scope import Scope
from apps.signals.hydrating.stages import Outcome, count_rows, hydrate_rows, settle_signals
from apps.signals.hydrating.vanishing import Outlook, VanishGuard
from apps.signals.models import Graph, Hydration, Run, RunFinding
from apps.signals.pruning import prune_superseded
from apps.signals.states import RUN_MOVES, FindingSeverity, RunStatus

SKIPPED: Final = "hydrate.row_skipped"
# After so many written rows the planner should hear of them before somebody reads, and lists that are read
# from an index alone need its visibility map.
TIDIED_FROM: Final = 1_000
ANALYZE: Final = """
ANALYZE signals_signal, signals_workflow (signal_id, status),
        signals_observation (organization_id, signal_id, run_id),
        signals_event (organization_id, signal_id, dedupe_key)
"""
# The rows take most of the time; the rest is nodes, edges, and what vanishes.
ROWS_SHARE: Final = 0.9


def initiator_may(row: Hydration) -> bool:
    """Tell whether whoever started the hydration still may; the installation itself always may."""
    actor = initiator(row, row.organization)
    needed = ["signals.run", "signals.configure"] if row.force else ["signals.run"]
    return actor is not None and all(actor.may(permission) for permission in needed)


@job(
    kind="signals.hydrate",
    model="signals.Hydration",
    listing=Listing(
        permission="signals.view",
        target_type="signals.run",
        target_path="run_id",
        target_url_name="signals-run-detail",
    ),
    may_run=initiator_may,
    is_resumable=True,
)
def run_hydration(run: jobs.Run[Hydration]) -> None:
    """Hydrate a run, a part of it, or neither: a dry run tells what it would change."""
    hydration = run.row
    if hydration.dry_run or hydration.partial:
        _require_built(hydration.run)
    else:
        _claim_run(hydration.run)
    scope = Scope.of(hydration)
    outcome = rehearse(run, scope) if hydration.dry_run else _carry_out(run, scope)
    if outcome.guarded is not None:
        raise VanishGuard(_explained(outcome.guarded, scope))


@run_hydration.on_end
def settle(row: Hydration) -> None:
    """Say that the hydration has ended; a run that it failed on says so as well."""
    failed = Run.objects.filter(pk=row.run_id, status=RunStatus.HYDRATING)
    if not row.dry_run and not row.partial:
        # A guarded run, and one that succeeded, has its status from the hydration's own transaction.
        failed.update(
            status=RunStatus.HYDRATE_FAILED,
            error_code=row.error_code or "job.cancelled",
            error_detail=row.error_detail,
            updated_at=timezone.now(),
        )
        announce_run(Run.objects.get(pk=row.run_id))
    announce_hydration(row)


def settle_abandoned() -> int:
    """Fail the runs that are hydrating while no hydration is: their worker died before its last word."""
    live = Hydration.objects.filter(status__in=["queued", "waiting", "running"], dry_run=False, partial=False)
    stuck = Run.objects.filter(status=RunStatus.HYDRATING).exclude(pk__in=live.values("run"))
    return stuck.update(status=RunStatus.HYDRATE_FAILED, updated_at=timezone.now())


def _require_built(run: Run) -> None:
    if run.status not in RUN_MOVES["hydrate"]:
        raise RunState(f"The run is {run.status}.", extra={"status": run.status})


def _claim_run(run: Run) -> None:
    """Move the run to hydrating; raises RunState.

    One that is hydrating is ours: a graph has one live hydration, so whoever moved it has died.
    """
    claimable = Run.objects.filter(pk=run.pk, status__in=[*RUN_MOVES["hydrate"], RunStatus.HYDRATING])
    columns = {"status": RunStatus.HYDRATING, "error_code": "", "error_detail": ""}
    if not claimable.update(**columns, updated_at=timezone.now()):
        run.refresh_from_db(fields=["status"])
        raise RunState(f"The run is {run.status}.", extra={"status": run.status})
    run.refresh_from_db()
    announce_run(run)


def _carry_out(run: jobs.Run[Hydration], scope: Scope) -> Outcome:
    total = count_rows(scope)

    def step(done: int) -> None:
        run.progress(ROWS_SHARE * done / max(total, 1), stage=f"{done:,}/{total:,} rows")

    def hold() -> None:
        # Locks the job's row until the batch is written: whoever takes the job over waits for that, and
        # afterwards this worker, should it still live, writes no batch beside the next one.
        run.write(heartbeat_at=Now())

    outcome = hydrate_rows(scope, step=step, hold=hold, sink=None)
    with transaction.atomic():
        now = timezone.now()
        settle_signals(scope, outcome, now=now, sink=None)
        if not scope.is_partial:
            _note_skipped(scope, outcome)
            _move_on(scope, is_guarded=outcome.guarded is not None)
        fault("hydrate.closing")
        if outcome.guarded is None:
            run.succeed(**outcome.counts.columns())
        else:
            run.write(**outcome.counts.columns())
    fault("hydrate.closed")
    if outcome.counts.created + outcome.counts.changed >= TIDIED_FROM:
        _tidy()
    if not scope.is_partial and outcome.guarded is None:
        prune_superseded(scope.run.graph_id)
    return outcome


def _move_on(scope: Scope, *, is_guarded: bool) -> None:
    """Let the graph stand at this run unless it stood at a newer one, and the run say how it ended."""
    run, now = scope.run, timezone.now()
    if not scope.is_late:
        Graph.objects.filter(pk=run.graph_id).update(current_run=run, updated_at=now)
    if not is_guarded:
        supersede_former(run, now=now)
    status = RunStatus.GUARDED if is_guarded else RunStatus.HYDRATED
    error_code = VanishGuard.code if is_guarded else ""
    Run.objects.filter(pk=run.pk).update(status=status, error_code=error_code, updated_at=now)


def _tidy() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ANALYZE)
        if not connection.in_atomic_block:
            cursor.execute("VACUUM (SKIP_LOCKED) signals_signal")


def _note_skipped(scope: Scope, outcome: Outcome) -> None:
    """Replace the run's findings about rows that were skipped by those of now."""
    RunFinding.objects.filter(run=scope.run, code=SKIPPED).delete()
    RunFinding.objects.bulk_create(
        RunFinding(
            organization_id=scope.run.organization_id,
            run=scope.run,
            severity=FindingSeverity.WARN,
            code=SKIPPED,
            message=f"A row was not hydrated: {reason}.",
            count=count,
        )
        for reason, count in sorted(outcome.skipped.items())
    )


def _explained(outlook: Outlook, scope: Scope) -> str:
    return (
        f"{outlook.gone:,} of {outlook.present:,} signals would vanish, "
        f"more than {scope.policy.vanish_guard:.0%}; none did."
    )
