"""What leaves when its time is over, and what goes with an organization.

A pruned run loses its raw and mart rows; observations, nodes and edges stay, so a signal's history does.
Every function may be killed anywhere and be run again. Nothing here decides when: `periodic.py` does.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.errors import Conflict
from apps.common.keeping import KeepingRule, delete_rows, row_rule
from apps.signals.models import (
    DbtBuild,
    DbtModel,
    DbtResult,
    Event,
    Graph,
    Hydration,
    HydrationDiff,
    Observation,
    Run,
    RunLoad,
    Signal,
)
from apps.signals.states import LOADED_STATES, RunStatus
from apps.signals.storage import raw
from apps.signals.storage.dbt_files import discard_artifacts
from apps.signals.storage.marts import delete_mart_rows

DIFFS_KEPT_FOR: Final = dt.timedelta(days=7)
BUILDS_KEPT: Final = 50
# What a prune that was killed left behind is looked for so long.
LEFTOVERS_FOR: Final = dt.timedelta(days=7)
AT_WORK: Final = frozenset({RunStatus.LOADING, RunStatus.BUILDING, RunStatus.HYDRATING})
# Only what was loaded has rows to lose.
PRUNABLE: Final = LOADED_STATES - AT_WORK
LIVE: Final = (JobStatus.QUEUED, JobStatus.WAITING, JobStatus.RUNNING)

logger = structlog.get_logger(__name__)


class StillWorking(Conflict):
    """A stage of the pipeline of this organization is still running."""

    code = "signals.still_working"


def prune_run(run_id: uuid.UUID) -> bool:
    """Move a run to pruned and remove its raw and mart rows; False if its state forbids that.

    A graph's current run stays. Rows that somebody reads just now go the next night.
    """
    is_current = Exists(Graph.objects.filter(current_run=OuterRef("pk")))
    idle = Run.objects.filter(~is_current, pk=run_id, status__in=PRUNABLE)
    # Conditional: a build or a hydration may claim the run at this moment.
    if not idle.update(status=RunStatus.PRUNED, updated_at=timezone.now()):
        return False
    clear_run(run_id)
    return True


def clear_run(run_id: uuid.UUID) -> bool:
    """Remove a run's raw and mart rows; False if some are left because somebody reads them."""
    try:
        raw.drop_run(run_id)
    except raw.RawTablesBusy:
        logger.warning("signals_run_not_cleared", run=str(run_id))
        return False
    with transaction.atomic():
        delete_mart_rows(run_id)
    return True


def prune_superseded(graph_id: uuid.UUID) -> int:
    """Prune the revisions of a graph's runs that a newer one has taken the place of; returns how many."""
    former = Run.objects.filter(graph=graph_id, superseded_at__isnull=False, status__in=PRUNABLE)
    return sum(prune_run(run_id) for run_id in former.values_list("pk", flat=True))


def past_runs(_now: dt.datetime) -> list[uuid.UUID]:
    """Return the runs beyond their graph's number, and superseded revisions; never a current run."""
    return [run_id for graph in Graph.objects.order_by("pk") for run_id in _past_runs_of(graph)]


def _past_runs_of(graph: Graph) -> Iterator[uuid.UUID]:
    runs = Run.objects.filter(graph=graph, status__in=LOADED_STATES).exclude(pk=graph.current_run_id)
    newest_first = runs.order_by("-started_at", "-run_id", "-revision")
    yield from runs.filter(superseded_at__isnull=False).values_list("pk", flat=True)
    kept = graph.retention_runs - (1 if graph.current_run_id is not None else 0)
    standing = newest_first.filter(superseded_at__isnull=True)
    yield from standing.values_list("pk", flat=True)[kept:]


def drop_past_runs(now: dt.datetime) -> int:
    """Prune what `past_runs` finds, and finish what was killed or in use before; returns how many runs."""
    pruned = sum(prune_run(run_id) for run_id in past_runs(now))
    for run_id in leftovers(now):
        clear_run(run_id)
    return pruned


def leftovers(now: dt.datetime) -> list[uuid.UUID]:
    """Return the runs pruned of late: what a killed prune has left of them goes with the next one."""
    rows = Run.objects.filter(status=RunStatus.PRUNED, updated_at__gt=now - LEFTOVERS_FOR)
    return list(rows.values_list("pk", flat=True))


def past_diffs(now: dt.datetime) -> QuerySet[HydrationDiff]:
    """Return the diffs of hydrations of a week ago."""
    return HydrationDiff.objects.filter(hydration__created_at__lt=now - DIFFS_KEPT_FOR)


def past_results(_now: dt.datetime) -> QuerySet[DbtResult]:
    """Return what dbt said of its nodes in builds older than the newest fifty of their organization."""
    return DbtResult.objects.exclude(build__in=_newest_builds())


def _newest_builds() -> list[uuid.UUID]:
    organizations = DbtBuild.objects.order_by().values_list("organization", flat=True).distinct()
    return [
        build_id
        for organization_id in organizations
        for build_id in DbtBuild.objects.filter(organization=organization_id)
        .order_by("-created_at", "-pk")
        .values_list("pk", flat=True)[:BUILDS_KEPT]
    ]


def purge_signals(organization_id: uuid.UUID) -> None:
    """Remove what signals keep of an organization; raises StillWorking.

    Raw tables hold their runs back by a foreign key, and mart rows belong to no key at all.
    """
    _stop_work(organization_id)
    for run_id in Run.objects.filter(organization=organization_id).values_list("pk", flat=True):
        if not clear_run(run_id):
            raise StillWorking
    discard_artifacts(organization_id)
    # Many rows each: in batches here, the rest goes with the organization.
    for model in (HydrationDiff, Event, Observation, Signal, DbtResult, DbtModel):
        delete_rows(model.objects.filter(organization=organization_id))


def _stop_work(organization_id: uuid.UUID) -> None:
    for model in (RunLoad, DbtBuild, Hydration):
        live = model.objects.filter(organization=organization_id, status__in=LIVE)
        live.filter(status=JobStatus.RUNNING, cancel_requested_at__isnull=True).update(
            cancel_requested_at=timezone.now()
        )
        live.exclude(status=JobStatus.RUNNING).update(status=JobStatus.CANCELLED, finished_at=timezone.now())
        if live.exists():
            raise StillWorking


RULES: Final = (
    KeepingRule("signals.runs", count=lambda now: len(past_runs(now)), drop=drop_past_runs),
    row_rule("signals.hydration_diffs", past_diffs),
    row_rule("signals.dbt_results", past_results),
)
