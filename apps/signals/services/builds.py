"""Builds that people ask for."""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common.errors import FieldError, Invalid
from apps.signals.building.queueing import queue_build
from apps.signals.errors import RunState
from apps.signals.models import DbtBuild, Run
from apps.signals.states import RUN_MOVES, RunStatus

# What can be built, or can be once somebody else has done with it: the build waits for that.
BUILDABLE: Final = RUN_MOVES["build"] | {RunStatus.BUILDING, RunStatus.HYDRATING}
SELECT_CHARS: Final = 1_000


@transaction.atomic
def start_build(
    *,
    actor: Actor,
    runs: Sequence[Run],
    full_refresh: bool = False,
    select: str = "",
    hydrate: bool = False,
) -> DbtBuild:
    """Queue a dbt build of loaded runs, or let them join the one that waits; hydrations follow if `hydrate`.

    `select` builds some models alone, as dbt's option says. `full_refresh` makes all tables anew and needs
    the permission to configure. Raises RunState, Invalid.
    """
    require(actor, "signals.run")
    if full_refresh:
        require(actor, "signals.configure")
    _check_select(select)
    _check_runs(runs)
    run_ids = [run.pk for run in runs]
    row = queue_build(
        organization=actor.organization,
        run_ids=run_ids,
        hydrate_after=run_ids if hydrate else [],
        select=select,
        full_refresh=full_refresh,
        initiates=actor.initiates(),
    )
    facts = {"runs": [str(run_id) for run_id in run_ids], "full_refresh": full_refresh, "select": select}
    record_audit(actor=actor, verb="signals.build_started", target=row, changes=facts)
    return row


def _check_runs(runs: Sequence[Run]) -> None:
    if not runs:
        raise RunState("There is no run to build.")
    for run in runs:
        run.refresh_from_db()
        if run.status not in BUILDABLE:
            raise RunState(f"The run {run.run_id} is {run.status}.", extra={"status": run.status})


def _check_select(select: str) -> None:
    # Passed on as arguments of a command, each word by itself: none may look like an option.
    if len(select) > SELECT_CHARS or any(word.startswith("-") for word in select.split()):
        detail = f"Name models in at most {SELECT_CHARS:,} characters; no options."
        raise Invalid(errors=[FieldError(detail, pointer="/select")])
