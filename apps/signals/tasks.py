"""The jobs of signals, and what follows when one ends."""

from apps.signals.building.job import run_build
from apps.signals.hydrating.job import run_hydration
from apps.signals.hydrating.queueing import queue_next
from apps.signals.loading.job import run_load, settle_load
from apps.signals.models import Hydration, RunLoad

__all__ = ["run_build", "run_hydration", "run_load"]


@run_load.on_end
def follow_load(row: RunLoad) -> None:
    """Settle the run of a load that did not succeed."""
    settle_load(row)


@run_hydration.on_end
def follow_hydration(row: Hydration) -> None:
    """Let the graph's next run be hydrated, if one was built to be."""
    queue_next(row.graph_id)
