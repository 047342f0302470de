"""Hydrations that people ask for, and the end of runs."""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import FieldError, Invalid
from apps.signals.announcing import announce_run
from apps.signals.errors import RunState
from apps.signals.hydrating.queueing import HydrationRunning, queue_hydration
from apps.signals.models import Hydration, Run
from apps.signals.pruning import prune_run as remove_rows
from apps.signals.states import HydrationTrigger

FACILITIES_MAX: Final = 500
FACILITY_CHARS: Final = 255
LIMIT_MAX: Final = 10_000_000

__all__ = ["HydrationRunning", "prune_run", "start_hydration"]


@transaction.atomic
def start_hydration(
    *,
    actor: Actor,
    run: Run,
    facilities: Sequence[str] = (),
    limit: int | None = None,
    dry_run: bool = False,
    force: bool = False,
    trigger: HydrationTrigger,
) -> Hydration:
    """Queue the hydration of a built run; with `facilities` or `limit` of a part of it.

    `force` lets signals vanish past the guard and needs the permission to configure. Raises RunState,
    HydrationRunning, Invalid.
    """
    require(actor, "signals.run")
    if force:
        require(actor, "signals.configure")
    _check_part(facilities, limit)
    row = queue_hydration(
        run,
        trigger=trigger,
        initiator=actor.initiates(),
        facilities=list(dict.fromkeys(facilities)),
        limit=limit,
        dry_run=dry_run,
        force=force,
    )
    verb = "signals.hydration_forced" if force else "signals.hydration_started"
    facts = {"hydration": str(row.pk), "facilities": row.facilities, "limit": limit, "dry_run": dry_run}
    record_audit(actor=actor, verb=verb, target=run, changes=facts)
    return row


def prune_run(*, actor: Actor, run: Run) -> Run:
    """Remove a run's raw and mart rows; what was observed stays. Raises RunState, also for a current run."""
    require(actor, "signals.configure")
    with transaction.atomic():
        if not remove_rows(run.pk):
            run.refresh_from_db()
            reason = "current in its graph" if run.graph.current_run_id == run.pk else run.status
            raise RunState(f"The run is {reason}.", extra={"status": run.status})
        run.refresh_from_db()
        record_audit(actor=actor, verb="signals.run_pruned", target=run)
        announce_run(run)
    return run


def _check_part(facilities: Sequence[str], limit: int | None) -> None:
    if len(facilities) > FACILITIES_MAX or any(not 0 < len(name) <= FACILITY_CHARS for name in facilities):
        detail = f"Name at most {FACILITIES_MAX} facilities of 1 to {FACILITY_CHARS} characters."
        raise Invalid(errors=[FieldError(detail, pointer="/facility_id")])
    if limit is not None and not 1 <= limit <= LIMIT_MAX:
        raise Invalid(errors=[FieldError(f"Give 1 to {LIMIT_MAX:,}.", pointer="/limit")])
