"""Pipelines: what a run, or a whole graph, still lacks on its way to signals."""

from itertools import groupby

import structlog
from django.conf import settings

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, require, system_actor
from apps.common.errors import Conflict
from apps.signals.errors import RunState
from apps.signals.hydrating.queueing import queue_hydration, queue_next
from apps.signals.models import DbtBuild, Graph, Hydration, Run, RunLoad
from apps.signals.services.builds import start_build
from apps.signals.services.hydrations import start_hydration
from apps.signals.services.loads import start_load
from apps.signals.states import RUN_MOVES, HydrationTrigger, RunStatus
from apps.signals.tasks import build_loaded

UNLOADED = RUN_MOVES["gate"] | RUN_MOVES["load"]
UNBUILT = frozenset({RunStatus.LOADED, RunStatus.BUILD_FAILED})

logger = structlog.get_logger(__name__)


def start_pipeline(*, actor: Actor, run: Run) -> RunLoad | DbtBuild | Hydration:
    """Start what brings a run from where it stands to signals.

    Raises RunState, GateNotPassed, HydrationRunning.
    """
    require(actor, "signals.run")
    run.refresh_from_db()
    if run.status in UNLOADED:
        return start_load(actor=actor, run=run, whole_pipeline=True)
    if run.status in UNBUILT:
        return start_build(actor=actor, runs=[run], hydrate=True)
    if run.status in RUN_MOVES["hydrate"]:
        return start_hydration(actor=actor, run=run, trigger=HydrationTrigger.API)
    raise RunState(f"The run is {run.status}.", extra={"status": run.status})


def advance_pipelines() -> None:
    """Start what runs still lack: loads, one build an organization, the next hydration of each graph.

    That is for graphs with `auto_pipeline` every run within their number; for others what somebody has asked
    for and a death has cut short. Repeatable.
    """
    graphs = Graph.objects.select_related("organization").order_by("organization", "pk")
    for organization, group in groupby(graphs, key=lambda graph: graph.organization):
        scopes = {graph: runs_in_scope(graph) for graph in group}
        _start_loads(organization, [run for runs in scopes.values() for run in runs])
        loaded = [run.pk for runs in scopes.values() for run in runs if run.status == RunStatus.LOADED]
        build_loaded(organization, loaded)
        for graph, runs in scopes.items():
            _hydrate_next(graph, runs)


def runs_in_scope(graph: Graph) -> list[Run]:
    """Return the runs that the clock brings on by itself, in run order: the newest ones, each once.

    INSIGHT_GRAPH_RUN leaves the one run that it names.
    """
    if not graph.auto_pipeline:
        return []
    newest = Run.objects.filter(graph=graph).order_by("run_id", "-revision").distinct("run_id")
    runs = list(Run.objects.filter(pk__in=newest.values("pk")).select_related("graph").in_run_order())
    if settings.INSIGHT_GRAPH_RUN:
        return [run for run in runs if f"{graph.name}/{run.run_id}" == settings.INSIGHT_GRAPH_RUN]
    return runs[-graph.retention_runs :]


def _start_loads(organization: Organization, runs: list[Run]) -> None:
    for run in runs:
        if run.status == RunStatus.READY:
            try:
                start_load(actor=system_actor(organization), run=run, whole_pipeline=True)
            except Conflict as error:
                # Being loaded already, or changed since the gate: the next tick sees it as it is.
                logger.info("signals_load_not_started", run=str(run.pk), reason=error.detail)


def _hydrate_next(graph: Graph, runs: list[Run]) -> None:
    """Queue the graph's next hydration, unless one is live; its end asks for the following one."""
    if queue_next(graph.pk) is not None:
        return
    built = next((run for run in runs if run.status == RunStatus.BUILT), None)
    if built is not None:
        try:
            queue_hydration(
                built,
                trigger=HydrationTrigger.CLOCK,
                initiator={"created_by": None, "initiator_key_id": None},
            )
        except Conflict as error:
            logger.info("signals_hydration_not_started", run=str(built.pk), reason=error.detail)
