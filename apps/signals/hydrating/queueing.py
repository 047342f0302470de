"""Rows of hydrations: made by services for people, by the pipeline for what follows a build."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.common.logs import current_request_id
from apps.signals.errors import RunState
from apps.signals.hydrating.job import run_hydration
from apps.signals.models import DbtBuild, Hydration, Run
from apps.signals.states import RUN_MOVES, HydrationTrigger, RunStatus


class HydrationRunning(Conflict):
    """Another hydration of this graph is queued or running."""

    code = "signals.hydration_running"


# One that is hydrating without a live hydration was left by a worker that died.
HYDRATABLE = RUN_MOVES["hydrate"] | {RunStatus.HYDRATING}


@transaction.atomic
def queue_hydration(
    run: Run,
    *,
    trigger: HydrationTrigger,
    initiator: Mapping[str, Any],
    facilities: Sequence[str] = (),
    limit: int | None = None,
    dry_run: bool = False,
    force: bool = False,
) -> Hydration:
    """Make and enqueue the row of a hydration; `initiator` are the columns that say who asked.

    Raises RunState, and HydrationRunning if the graph has a live one.
    """
    try:
        with transaction.atomic():
            row = Hydration.objects.create(
                organization_id=run.organization_id,
                graph_id=run.graph_id,
                run=run,
                trigger=trigger,
                dry_run=dry_run,
                partial=bool(facilities) or limit is not None,
                force=force,
                facilities=list(facilities),
                limit=limit,
                request_id=current_request_id(),
                **initiator,
                **run_hydration.columns(),
            )
    except IntegrityError as error:
        if "signals_hydration_live" in str(error):
            raise HydrationRunning from error
        raise
    # Looked at only now: with our row in place nobody else hydrates the graph.
    run.refresh_from_db(fields=["status"])
    if run.status not in HYDRATABLE:
        raise RunState(f"The run is {run.status}.", extra={"status": run.status})
    run_hydration.enqueue(row.pk)
    return row


def queue_next(graph_id: uuid.UUID) -> Hydration | None:
    """Queue the hydration of a graph's earliest run that is built and was to be hydrated after its build.

    None if there is none, or if one is live: its end asks again. The rows of builds are the truth, so this
    may be asked at any time: after a build, after a hydration, by the clock.
    """
    built = Run.objects.filter(graph=graph_id, status=RunStatus.BUILT).in_run_order()
    for run in built:
        builds = DbtBuild.objects.filter(run_ids__contains=[run.pk], status=JobStatus.SUCCEEDED)
        build = builds.order_by("-finished_at", "-pk").first()
        if build is None or run.pk not in build.hydrate_after:
            continue
        initiator = {"created_by": build.created_by, "initiator_key_id": build.initiator_key_id}
        trigger = HydrationTrigger.CLOCK if build.created_by is None else HydrationTrigger.API
        try:
            return queue_hydration(run, trigger=trigger, initiator=initiator)
        except (HydrationRunning, RunState):
            return None
    return None


def graphs_with_runs_to_hydrate() -> list[uuid.UUID]:
    """Return the graphs that `queue_next` may find something for."""
    return list(
        Run.objects.filter(status=RunStatus.BUILT)
        .order_by("graph")
        .values_list("graph", flat=True)
        .distinct()
    )
