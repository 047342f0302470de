"""The jobs of signals, and what follows when one ends.

A worker may die between the end of a job and what follows: the rows are the truth, and the clock asks again.
"""

import uuid
from collections.abc import Iterable

from apps.accounts.models import Organization
from apps.common.db import JobStatus
from apps.signals.building.claiming import release_abandoned
from apps.signals.building.job import run_build
from apps.signals.building.queueing import queue_build
from apps.signals.hydrating.job import run_hydration, settle_abandoned
from apps.signals.hydrating.queueing import queue_next
from apps.signals.loading.job import run_load
from apps.signals.loading.settling import settle_load, settle_lost_loads
from apps.signals.models import DbtBuild, Hydration, Run, RunLoad
from apps.signals.models.run import LIVE
from apps.signals.states import RunStatus

__all__ = ["build_loaded", "repair_stages", "run_build", "run_hydration", "run_load"]


@run_load.on_end
def follow_load(row: RunLoad) -> None:
    """Settle the run of a load that did not succeed; let a build follow the loads of whole pipelines."""
    settle_load(row)
    if row.whole_pipeline:
        build_loaded(row.organization)


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


def build_loaded(organization: Organization, also: Iterable[uuid.UUID] = ()) -> DbtBuild | None:
    """Queue one build, with hydrations after it, of an organization's runs that are to become signals.

    These are the loaded ones whose load was of a whole pipeline, and `also`. None while another such load is
    live, whose end asks again, and if no run waits that no live build has. Repeatable.
    """
    loads = RunLoad.objects.filter(organization=organization, whole_pipeline=True)
    if loads.filter(LIVE).exists():
        return None
    newest = loads.filter(status=JobStatus.SUCCEEDED).order_by("-created_at", "-pk").first()
    asked = set(loads.filter(status=JobStatus.SUCCEEDED).values_list("run", flat=True))
    wanted = Run.objects.filter(
        organization=organization, status=RunStatus.LOADED, pk__in=asked | set(also)
    ).exclude(pk__in=_in_live_builds(organization))
    run_ids = list(wanted.in_run_order().values_list("pk", flat=True))
    if not run_ids:
        return None
    initiates = None
    if newest is not None and newest.run_id in run_ids:
        initiates = {"created_by": newest.created_by, "initiator_key_id": newest.initiator_key_id}
    return queue_build(organization=organization, run_ids=run_ids, hydrate_after=run_ids, initiates=initiates)


def _in_live_builds(organization: Organization) -> set[uuid.UUID]:
    live = DbtBuild.objects.filter(LIVE, organization=organization)
    return {run_id for run_ids in live.values_list("run_ids", flat=True) for run_id in run_ids}


def repair_stages() -> int:
    """Let no run stay in a stage that nobody works on; returns how many did."""
    return settle_lost_loads() + release_abandoned() + settle_abandoned()
