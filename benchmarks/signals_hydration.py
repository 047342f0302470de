"""Hydration of a built run: all new, unchanged, changed; beside the ORM's update_or_create, row by row."""

import time
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from apps.common import jobs
from apps.signals.models import (
    CONTENT_COLUMNS,
    Event,
    Graph,
    Hydration,
    HydrationDiff,
    Observation,
    Run,
    Signal,
    Workflow,
)
from apps.signals.services import start_build, start_hydration, start_load
from apps.signals.states import HydrationTrigger, RunStatus
from apps.signals.storage.mart_schema import FCT_SIGNALS
from apps.signals.storage.marts import mart
from benchmarks.results import Goal, Row
from benchmarks.signals_ground import Ground
from benchmarks.stage import Stage

ENTITIES: Final = 6_000
ENTITIES_QUICK: Final = 1_000
ORM_ROWS: Final = 500
ORM: Final = "update_or_create"
FIRST: Final = "the first hydration"


def hydration_rows(stage: Stage, ground: Ground) -> Sequence[Row]:
    """Hydrate a run, the same again, then the next, as often as there are rounds."""
    first, second = built_runs(stage, ground)
    rows = 0
    seconds: dict[str, list[float]] = {"created": [], "unchanged": [], "changed": []}
    rates: dict[str, list[float]] = {"created": [], "changed": [], ORM: []}
    for _round in range(stage.rounds):
        forget(first.graph_id)
        for run, kind in ((first, "created"), (first, "unchanged"), (second, "changed")):
            if kind == "changed":
                rates[ORM].append(by_orm(run))
            took_s, row = hydrate(ground, run)
            rows = row.incoming
            seconds[kind].append(took_s)
            if kind in rates:
                rates[kind].append(rows / took_s)
        stage.say(", ".join(f"{kind} {values[-1]:.2f} s" for kind, values in seconds.items()))
    return [
        Row("signals hydrated, all new", "per s", rates["created"]),
        Row(
            "signals hydrated, all changed",
            "per s",
            rates["changed"],
            {ORM: rates[ORM]},
            [Goal(at_least=3_000), Goal(ORM, at_least=20)],
        ),
        Row(f"hydration of {rows:,} changed signals", "s", seconds["changed"], goals=[Goal(at_most=2)]),
        Row(
            f"hydration of {rows:,} unchanged signals",
            "s",
            seconds["unchanged"],
            {FIRST: seconds["created"]},
            [Goal(FIRST, at_most=0.15), Goal(at_most=0.3)],
        ),
    ]


def built_runs(stage: Stage, ground: Ground) -> list[Run]:
    """Return two runs, loaded and built."""
    runs = ground.runs(ENTITIES_QUICK if stage.quick else ENTITIES, 2)
    for run in runs:
        jobs.execute("signals.load", start_load(actor=ground.actor, run=run).pk)
    jobs.execute("signals.build", start_build(actor=ground.actor, runs=runs).pk)
    return list(Run.objects.filter(pk__in=[run.pk for run in runs]).in_run_order())


def hydrate(ground: Ground, run: Run) -> tuple[float, Hydration]:
    """Hydrate a run here; returns the seconds and the hydration's row."""
    row = start_hydration(actor=ground.actor, run=run, trigger=HydrationTrigger.COMMAND)
    began_s = time.monotonic()
    jobs.execute("signals.hydrate", row.pk)
    took_s = time.monotonic() - began_s
    row.refresh_from_db()
    if row.status != "succeeded":
        raise RuntimeError(f"The hydration has failed: {row.error_code} {row.error_detail}")
    return took_s, row


def forget(graph_id: Any) -> None:
    """Remove all that hydrations have left of a graph."""
    Graph.objects.filter(pk=graph_id).update(current_run=None)
    Run.objects.filter(graph=graph_id).update(status=RunStatus.BUILT)
    for model in (Event, Observation, Workflow):
        model.objects.filter(signal__graph=graph_id).delete()
    HydrationDiff.objects.filter(hydration__graph=graph_id).delete()
    Signal.objects.filter(graph=graph_id).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "VACUUM (ANALYZE) signals_signal, signals_observation, signals_workflow, signals_event"
        )


def by_orm(run: Run) -> float:
    """Change some signals to what the run says as the ORM would; returns how many a second. Undone."""
    rows = mart_rows(run)
    with transaction.atomic():
        began_s = time.monotonic()
        for row in rows:
            write_by_orm(run, row)
        took_s = time.monotonic() - began_s
        transaction.set_rollback(True)
    return len(rows) / took_s


def mart_rows(run: Run) -> list[dict[str, Any]]:
    """Return some rows of the mart."""
    names = (*CONTENT_COLUMNS, "signal_key", "content_hash", "aggregate_file_id", "aggregate_line")
    statement = SQL("SELECT {} FROM {} WHERE run_id = %s ORDER BY signal_key LIMIT %s").format(
        SQL(", ").join(map(Identifier, names)), mart(FCT_SIGNALS)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [run.pk, ORM_ROWS])
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def write_by_orm(run: Run, row: dict[str, Any]) -> None:
    """Write one signal with its observation and workflow row."""
    content = {name: row[name] for name in CONTENT_COLUMNS}
    signal, _ = Signal.objects.update_or_create(
        organization_id=run.organization_id,
        signal_key=row["signal_key"],
        defaults={
            **content,
            "graph_id": run.graph_id,
            "first_run": run,
            "content_run": run,
            "content_hash": row["content_hash"],
            "first_detected_at": run.started_at,
            "last_changed_at": run.started_at,
        },
    )
    Observation.objects.update_or_create(
        organization_id=run.organization_id,
        signal=signal,
        run=run,
        defaults={
            "metric_value": row["metric_value"],
            "signal_type": row["signal_type"],
            "severity": row["severity"],
            "content_hash": row["content_hash"],
            "aggregate_file_id": row["aggregate_file_id"],
            "aggregate_line": row["aggregate_line"],
        },
    )
    Workflow.objects.get_or_create(organization_id=run.organization_id, signal=signal)
