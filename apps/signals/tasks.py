"""The jobs of signals, and what follows when one ends."""

from apps.common.db import JobStatus
from apps.signals.building.job import run_build
from apps.signals.building.queueing import queue_build
from apps.signals.hydrating.job import run_hydration
from apps.signals.hydrating.queueing import queue_next
from apps.signals.loading.job import run_load, settle_load
from apps.signals.models import DbtBuild, Hydration, Run, RunLoad

__all__ = ["run_build", "run_hydration", "run_load"]


@run_load.on_end
def follow_load(row: RunLoad) -> None:
    """Settle the run of a load that failed; let build and hydration follow one of a whole pipeline."""
    settle_load(row)
    if row.whole_pipeline and row.status == JobStatus.SUCCEEDED:
        queue_build(organization=row.organization, run_ids=[row.run_id], hydrate_after=[row.run_id])


@run_build.on_end
def follow_build(row: DbtBuild) -> None:
    """Let the first run of each graph be hydrated that a build was to lead to; the others follow in turn."""
    if row.status == JobStatus.SUCCEEDED and row.hydrate_after:
        runs = Run.objects.filter(pk__in=row.hydrate_after)
        for graph_id in runs.order_by("graph").values_list("graph", flat=True).distinct():
            queue_next(graph_id)


@run_hydration.on_end
def follow_hydration(row: Hydration) -> None:
    """Let the graph's next run be hydrated, if one was built to be."""
    queue_next(row.graph_id)
