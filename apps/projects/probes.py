"""How mirrors and code jobs are, for /healthz. Facts hold no names of projects or hosts."""

import os
import secrets
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone

from apps.common import ai
from apps.common.probes import Degraded, Probe
from apps.projects.git.processes import run_git
from apps.projects.models import Mirror
from apps.projects.queries.projects import TROUBLED

FREE_MIN_PERCENT: Final = 15.0
# The clock looks every minute, and each organization syncs two at a time.
OVERDUE_MAX_S: Final = 900.0


def probe_git() -> dict[str, Any]:
    """Return git's version; raises GitMissing."""
    return {"version": run_git(None, "version").decode("ascii", "replace").split()[2]}


def probe_mirror_store() -> dict[str, Any]:
    """Write, read and delete a file where mirrors lie; raises Degraded where little room is left."""
    folder = Path(settings.PROJECTS_DATA_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, content = folder / f"probe-{secrets.token_hex(8)}", secrets.token_bytes(64)
    try:
        file.write_bytes(content)
        if file.read_bytes() != content:
            raise OSError("read something else than was written")
    finally:
        file.unlink(missing_ok=True)
    found = os.statvfs(folder)
    facts = {
        "free_percent": _percent(found.f_bavail, found.f_blocks),
        # Some file systems count no inodes.
        "free_inodes_percent": _percent(found.f_favail, found.f_files) if found.f_files else 100.0,
    }
    if min(facts.values()) < FREE_MIN_PERCENT:
        raise Degraded(facts)
    return facts


def probe_mirrors() -> dict[str, Any]:
    """Return how late the oldest due mirror is; raises Degraded if that is long."""
    now = timezone.now()
    living = Mirror.objects.filter(
        unlinked_at__isnull=True, project__deleted_at__isnull=True, project__archived_at__isnull=True
    )
    found = living.aggregate(
        mirrors=Count("pk"), troubled=Count("pk", filter=Q(state__in=TROUBLED)), due=Min("next_due_at")
    )
    overdue_s = max((now - found["due"]).total_seconds(), 0.0) if found["due"] else 0.0
    facts = {
        "mirrors": found["mirrors"],
        "troubled": found["troubled"],
        "oldest_due_s": round(overdue_s, 1),
    }
    if overdue_s > OVERDUE_MAX_S:
        raise Degraded(facts)
    return facts


def probe_ai() -> dict[str, Any]:
    """Return which provider answers code jobs; raises Degraded while it is left alone after failures."""
    facts = {
        "provider": settings.AI_PROVIDER,
        "tokens_a_day": settings.AI_DAILY_TOKENS,
        "is_left_alone": ai.is_left_alone(),
    }
    if facts["is_left_alone"]:
        raise Degraded(facts)
    return facts


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


PROBES: Final = (
    Probe("git", probe_git),
    Probe("mirror_store", probe_mirror_store),
    Probe("mirrors", probe_mirrors),
    Probe("ai", probe_ai),
)
