"""What becomes of a run whose load ended without success, or was lost."""

from contextlib import suppress
from typing import Final

from django.utils import timezone

from apps.common.db import JobStatus
from apps.signals.announcing import announce_run
from apps.signals.models import Run, RunLoad
from apps.signals.models.run import LIVE
from apps.signals.states import RunStatus
from apps.signals.storage import raw

CANCELLED: Final = "job.cancelled"


def settle_load(row: RunLoad) -> int:
    """Let a run follow its load that ended without success; returns how many runs did. Repeatable."""
    if row.status == JobStatus.SUCCEEDED:
        return 0
    loading = Run.objects.filter(pk=row.run_id, status=RunStatus.LOADING)
    failed = loading.update(
        status=RunStatus.LOAD_FAILED,
        error_code=row.error_code or CANCELLED,
        error_detail=row.error_detail,
        updated_at=timezone.now(),
    )
    if failed:
        # What somebody still holds is dropped by the next claim.
        with suppress(raw.RawTablesBusy):
            raw.drop_run(row.run_id)
        announce_run(Run.objects.get(pk=row.run_id))
    return failed


def settle_lost_loads() -> int:
    """Settle the runs that are loading while no load is live: their worker died before its last word."""
    live = RunLoad.objects.filter(LIVE)
    lost = Run.objects.filter(status=RunStatus.LOADING).exclude(pk__in=live.values("run"))
    loads = (RunLoad.objects.filter(run=run).order_by("-created_at", "-pk").first() for run in lost)
    return sum(settle_load(row) for row in loads if row is not None)
