"""The schedule on the rows: what decides for a mirror, and writing down when it is due."""

import datetime as dt
import random
from typing import Any

from django.conf import settings
from django.db import connection

from apps.projects.mirroring.schedule import Plan, Standing, plan_next
from apps.projects.models import Mirror


def database_now() -> dt.datetime:
    """Return the database's time, by which all workers agree. Issues one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        row = cursor.fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM has one row
    now: dt.datetime = row[0]
    return now


def standing_of(mirror: Mirror) -> Standing:
    """Return what decides when a mirror is due; it was read with project and organization."""
    project = mirror.project
    return Standing(
        mode=project.sync_mode,
        state=mirror.state,
        interval_s=project.sync_interval_s,
        failures=mirror.failures,
        last_changed_at=mirror.last_changed_at,
        recloned_at=mirror.recloned_at,
        is_archived=project.archived_at is not None,
        is_suspended=mirror.paused_at is not None or project.organization.suspended_at is not None,
        shortest_s=settings.PROJECTS_SYNC_MIN_S,
        longest_s=settings.PROJECTS_SYNC_MAX_S,
    )


def plan_of(mirror: Mirror, *, now: dt.datetime) -> Plan:
    """Return when a mirror is due next, counted from now."""
    return plan_next(standing_of(mirror), now=now, spread=random.uniform(-1.0, 1.0))  # noqa: S311 - jitter


def due_columns(mirror: Mirror, *, now: dt.datetime) -> dict[str, Any]:
    """Return the columns that say when a mirror is due next."""
    plan = plan_of(mirror, now=now)
    return {"next_due_at": plan.due_at, "due_reason": plan.reason.value}


def reschedule(mirror: Mirror) -> None:
    """Write down anew when a mirror is due, after its project, state or pause changed."""
    columns = due_columns(mirror, now=database_now())
    Mirror.objects.filter(pk=mirror.pk, unlinked_at__isnull=True).update(**columns)
