"""How signals are, for /healthz."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from django.db.models import Max, Min, QuerySet
from django.utils import timezone

from apps.common.db import JobStatus
from apps.common.probes import Degraded, Probe
from apps.signals.models import DbtBuild, Hydration, Run, RunLoad
from apps.signals.states import RunStatus
from apps.signals.storage.sizes import mart_bytes, raw_bytes

# The clock looks every minute: what waits for so long is stuck.
WAITING_MAX_S: Final = 3_600.0
# Stages that failed of late; what has failed long ago is known.
FAILED_WITHIN: Final = dt.timedelta(days=1)
STAGES: Final[dict[str, Callable[[], QuerySet[Any]]]] = {
    "load": RunLoad.objects.all,
    "build": DbtBuild.objects.all,
    "hydrate": Hydration.objects.all,
}


def probe_signals() -> dict[str, Any]:
    """Return what waits, fails and lies there; raises Degraded if a run waits long or a stage failed."""
    now = timezone.now()
    waiting_s = oldest_waiting_s(now)
    failed = failed_stages(now)
    facts = {
        "oldest_waiting_run_s": round(waiting_s, 1),
        "failed_stages": failed,
        "last_hydration_age_s": last_hydration_age_s(now),
        "raw_bytes": raw_bytes(),
        "mart_bytes": mart_bytes(),
    }
    if waiting_s > WAITING_MAX_S or any(failed.values()):
        raise Degraded(facts)
    return facts


def oldest_waiting_s(now: dt.datetime) -> float:
    """Return since when the oldest run waits for its files or to be loaded, 0 if none does."""
    waiting = Run.objects.filter(status__in=[RunStatus.WAITING, RunStatus.READY])
    found = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    return (now - found).total_seconds() if found else 0.0


def failed_stages(now: dt.datetime) -> dict[str, int]:
    """Return how many jobs of each stage failed within a day and were not discarded."""
    since = now - FAILED_WITHIN
    return {
        name: rows()
        .filter(status=JobStatus.FAILED, finished_at__gte=since, discarded_at__isnull=True)
        .count()
        for name, rows in STAGES.items()
    }


def last_hydration_age_s(now: dt.datetime) -> float | None:
    """Return how long ago a hydration succeeded, None if none ever did."""
    real = Hydration.objects.filter(status=JobStatus.SUCCEEDED, dry_run=False)
    found = real.aggregate(newest=Max("finished_at"))["newest"]
    return round((now - found).total_seconds(), 1) if found else None


PROBE: Final = Probe("signals", probe_signals)
