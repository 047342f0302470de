"""Loads of runs."""

from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.signals.artifacts.gate import look_at
from apps.signals.errors import GateNotPassed, RunState
from apps.signals.models import Run, RunLoad
from apps.signals.states import RUN_MOVES, RunStatus
from apps.signals.storage.gating import record_look
from apps.signals.storage.places import folder_of
from apps.signals.tasks import run_load


def start_load(
    *,
    actor: Actor,
    run: Run,
    accept_validation: bool = False,
    allow_rejected: int = 0,
    whole_pipeline: bool = False,
) -> RunLoad:
    """Queue the load of a run, with build and hydration after it if `whole_pipeline`.

    A waiting or rejected run is looked at first, without waiting for a second scan; its lines are counted by
    the job. Raises RunState, GateNotPassed.
    """
    require(actor, "signals.run")
    run.refresh_from_db()
    if run.status in RUN_MOVES["gate"]:
        check_gate(run, accept_validation=accept_validation)
    elif run.status not in RUN_MOVES["load"]:
        raise RunState(f"The run is {run.status}.", extra={"status": run.status})
    allowances = {"accept_validation": accept_validation, "allow_rejected": allow_rejected}
    return _queue_load(actor, run, allowances, whole_pipeline=whole_pipeline)


def check_gate(run: Run, *, accept_validation: bool) -> None:
    """Look at a run's listing and control files and note what is wrong; raises GateNotPassed."""
    try:
        look = look_at(folder_of(run), accept_validation=accept_validation)
    except OSError as error:
        raise GateNotPassed("The run's folder is gone.") from error
    if look.blocking:
        record_look(run, look)
        raise GateNotPassed(run.error_detail or None)


@transaction.atomic
def _queue_load(actor: Actor, run: Run, allowances: dict[str, Any], *, whole_pipeline: bool) -> RunLoad:
    try:
        with transaction.atomic():
            row = RunLoad.objects.create(
                organization_id=run.organization_id,
                run=run,
                allowances=allowances,
                whole_pipeline=whole_pipeline,
                **actor.initiates(),
                **run_load.columns(),
            )
    except IntegrityError as error:
        raise RunState("The run is being loaded.", extra={"status": RunStatus.LOADING}) from error
    record_audit(actor=actor, verb="signals.load_started", target=run, changes=allowances)
    run_load.enqueue(row.pk)
    return row
