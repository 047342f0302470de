"""Pipelines: what a run, or a whole graph, still lacks on its way to signals."""

import structlog
from django.conf import settings

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, require, system_actor
from apps.common.errors import Conflict
from apps.signals.errors import RunState
from apps.signals.models import DbtBuild, Graph, Hydration, Run, RunLoad
from apps.signals.services.builds import start_build
from apps.signals.services.hydrations import start_hydration
from apps.signals.services.loads import start_load
from apps.signals.states import RUN_MOVES, HydrationTrigger, RunStatus

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
