"""What happens in the tests of hydration: a run is hydrated, and what that left."""

from typing import Any

from django.db import connection

from apps.common import jobs
from apps.signals.hydrating.job import run_hydration
from apps.signals.models import Event, Hydration, Run
from apps.signals.states import HydrationTrigger

COUNTERS = (
    "incoming",
    "created",
    "changed",
    "unchanged",
    "skipped",
    "vanished",
    "returned",
    "reopened",
    "auto_resolved",
)
TABLES = ("signals_signal", "signals_observation", "signals_workflow", "signals_event")


def hydrate(run: Run, **fields: Any) -> Hydration:
    """Run a hydration's job here and return its row."""
    partial = bool(fields.get("facilities")) or fields.get("limit") is not None
    row = Hydration.objects.create(
        organization=run.organization,
        graph=run.graph,
        run=run,
        trigger=HydrationTrigger.COMMAND,
        partial=partial,
        **run_hydration.columns(),
        **fields,
    )
    jobs.execute(run_hydration.kind, row.pk)
    row.refresh_from_db()
    run.refresh_from_db()
    run.graph.refresh_from_db()
    return row


def counted(row: Hydration) -> dict[str, int]:
    """Return the counters that are not 0."""
    return {name: getattr(row, name) for name in COUNTERS if getattr(row, name)}


def told(run: Run) -> dict[str, int]:
    """Return how many events of each type a run brought about."""
    found: dict[str, int] = {}
    for event in Event.objects.filter(run=run):
        found[event.event_type] = found.get(event.event_type, 0) + 1
    return found


def row_versions() -> dict[str, set[tuple[Any, ...]]]:
    """Return id and xmin of every row that a second hydration must leave alone."""
    found = {}
    for table in TABLES:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, xmin::text FROM {table}")
            found[table] = set(cursor.fetchall())
    return found
