"""The runs of a build: which can be built, and what becomes of those that are."""

import uuid
from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.common.db import JobStatus
from apps.signals.announcing import announce_run
from apps.signals.models import DbtBuild, Run
from apps.signals.states import RUN_MOVES, RunStatus

LIVE: Final = (JobStatus.QUEUED, JobStatus.WAITING, JobStatus.RUNNING)
# What a build waits for instead of leaving it out.
BUSY: Final = frozenset({RunStatus.LOADING, RunStatus.HYDRATING})
# A run in `building` is this build's, from before a kill: whoever holds the lock is alone.
CLAIMABLE: Final = RUN_MOVES["build"] | {RunStatus.BUILDING}


def busy_runs(build: DbtBuild) -> bool:
    """Tell whether a load or a hydration works on a run of the build just now."""
    return Run.objects.filter(pk__in=build.run_ids, status__in=BUSY).exists()


def claim_runs(build: DbtBuild) -> list[Run]:
    """Move the build's runs to building; returns those that can be built still, in run order.

    Call with the lock of the build.
    """
    release_abandoned()
    claimable = Run.objects.filter(pk__in=build.run_ids, status__in=CLAIMABLE)
    move_runs(claimable.values_list("pk", flat=True), RunStatus.BUILDING)
    return list(Run.objects.filter(pk__in=build.run_ids, status=RunStatus.BUILDING).in_run_order())


def move_runs(
    run_ids: Iterable[uuid.UUID], status: RunStatus, *, error_code: str = "", error_detail: str = ""
) -> int:
    """Move runs that may be built, or are being built, to a status and tell who watches; returns how many."""
    wanted = list(run_ids)
    with transaction.atomic():
        # Conditional: a prune may take a run away at this moment.
        moved = Run.objects.filter(pk__in=wanted, status__in=CLAIMABLE).update(
            status=status,
            error_code=error_code,
            error_detail=error_detail[:500],
            updated_at=timezone.now(),
        )
        for run in Run.objects.filter(pk__in=wanted, status=status):
            announce_run(run)
    return moved


def fail_runs(run_ids: Iterable[uuid.UUID], *, error_code: str, error_detail: str) -> int:
    """Move those runs that are still in `building` to build_failed; returns how many."""
    building = Run.objects.filter(pk__in=list(run_ids), status=RunStatus.BUILDING)
    return move_runs(
        building.values_list("pk", flat=True),
        RunStatus.BUILD_FAILED,
        error_code=error_code,
        error_detail=error_detail,
    )


def release_abandoned() -> int:
    """Fail runs that are building while no build names them: its worker died before its last word."""
    named = {
        run_id
        for run_ids in DbtBuild.objects.filter(status__in=LIVE).values_list("run_ids", flat=True)
        for run_id in run_ids
    }
    stuck = Run.objects.filter(status=RunStatus.BUILDING).exclude(pk__in=named)
    return fail_runs(
        stuck.values_list("pk", flat=True), error_code="job.worker_lost", error_detail="The build was lost."
    )
