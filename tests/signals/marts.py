"""Runs as a build leaves them, without files and without dbt: rows of the marts written by hand."""

import datetime as dt
import hashlib
import json
import uuid
from typing import Any, Final

from django.conf import settings
from django.db import connection
from psycopg.sql import SQL, Composable, Identifier
from psycopg.types.json import Jsonb

from apps.accounts.models import Organization
from apps.signals.keys import signal_key
from apps.signals.models import Graph, Run, RunFile
from apps.signals.raw_schema import BY_NAME, partition_name
from apps.signals.states import RunStatus
from apps.signals.storage import raw
from apps.signals.storage.mart_schema import CONTENT, FCT_SIGNALS, MARTS
from apps.signals.storage.marts import mart

FACILITY_NODE: Final = "losIndex__medicareId__aggregate_time_period"
LINE_NODE: Final = "losIndex__medicareId_serviceLine__aggregate_time_period"
MONTH: Final = "losIndex__medicareId__dischargeMonth"
EDGES: Final[dict[str, list[dict[str, str]]]] = {
    FACILITY_NODE: [
        {"canonical_child_node_id": LINE_NODE, "edge_type": "segments_into"},
        {"canonical_child_node_id": MONTH, "edge_type": "trends_to"},
    ]
}
NODES: Final = (FACILITY_NODE, LINE_NODE)
PLAIN: Final[dict[str, Any]] = {
    "temporal_node_id": None,
    "metric_id": "losIndex",
    "domain": "Efficiency",
    "dimensions": [],
    "groupby_label": "Facility-wide",
    "group_value": "Facility-wide",
    "metric_value": 1.1,
    "percentile_rank": 60.0,
    "encounters": 500.0,
    "timeline": [{"period": "2026-01-01", "value": 1.1, "encounters": 500.0}],
    "monthly_z_scores": [0.5, None, 0.7],
    "anomaly_labels": {"simple_zscore": "normal"},
    "signal_type": "baseline",
    "severity": 35,
    "severity_calculation": {"base": 35, "refinements": [], "final": 35},
    "polarity": "lower_is_better",
    "quality_flags": [],
    "rules_version": 1,
    "description": "LOS index is as usual.",
}


def make_marts() -> None:
    """Make the schema and the empty tables as dbt would."""
    with connection.cursor() as cursor:
        schema = Identifier(f"{settings.SIGNALS_DBT_SCHEMA}_marts")
        cursor.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        for table in MARTS:
            columns = [SQL("{} {}").format(Identifier(name), SQL(kind)) for name, kind in table.columns]
            key = SQL(", ").join(map(Identifier, table.key))
            statement = SQL("CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}))")
            cursor.execute(statement.format(mart(table), SQL(", ").join(columns), key))


def make_run(
    graph: Graph,
    number: int,
    *,
    nodes: tuple[str, ...] = NODES,
    status: RunStatus = RunStatus.BUILT,
    revision: int = 1,
) -> Run:
    """Make the run of the month `number` of 2026, loaded and built, whose index holds `nodes`."""
    run = Run.objects.create(
        organization=graph.organization,
        graph=graph,
        run_id=f"2026{number:02}15120000",
        revision=revision,
        status=status,
        started_at=dt.datetime(2026, number, 15, 12, tzinfo=dt.UTC),
        data_period=month_before(number),
    )
    RunFile.objects.create(
        organization=graph.organization, run=run, path="results/nodes/all.jsonl", role="node", bytes=1
    )
    _fill_raw(run, nodes)
    return run


def month_before(number: int) -> dt.date:
    """Return the newest month of data in the run of a month of 2026."""
    return dt.date(2026, number - 1, 1) if number > 1 else dt.date(2025, 12, 1)


def put(run: Run, facility: str = "FAC001", line: str | None = None, **content: Any) -> uuid.UUID:
    """Write a row of the mart and return its key: facility-wide, or of a service line."""
    dimensions = [["serviceLine", line]] if line else []
    node_id = content.setdefault("node_id", LINE_NODE if line else FACILITY_NODE)
    values = {
        **dict.fromkeys(name for name, _ in CONTENT),
        **PLAIN,
        "facility_id": facility,
        "facility_name": f"Hospital {facility}",
        "service_line": line,
        "dimensions": dimensions,
        "data_period": run.data_period,
        **content,
    }
    key = signal_key(
        graph=run.graph.name,
        metric_id="losIndex",
        node_id=node_id or "",
        facility_id=facility,
        dimensions=[(name, value) for name, value in dimensions],
    )
    digest = hashlib.sha256(json.dumps(values, default=str, sort_keys=True).encode()).digest()
    row = values | {
        "run_id": run.pk,
        "signal_key": key,
        "content_hash": digest,
        "aggregate_file_id": RunFile.objects.get(run=run).pk,
        "aggregate_line": 2,
        "built_at": run.started_at,
    }
    insert(mart(FCT_SIGNALS), row, dict(FCT_SIGNALS.columns))
    return key


def insert(table: Composable, row: dict[str, Any], types: dict[str, str]) -> None:
    """Insert a row; what the types call jsonb is given as JSON."""
    given: dict[str, Any] = {
        name: Jsonb(value) if types.get(name) == "jsonb" else value for name, value in row.items()
    }
    statement = SQL(
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (run_id, signal_key) DO UPDATE SET {}"
    ).format(
        table,
        SQL(", ").join(map(Identifier, given)),
        SQL(", ").join(SQL("%s") for _ in given),
        SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in given),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, list(given.values()))


def take_out(run: Run, key: uuid.UUID) -> None:
    """Remove a row of the mart: the run does not hold the entity."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("DELETE FROM {} WHERE run_id = %s AND signal_key = %s").format(mart(FCT_SIGNALS)),
            [run.pk, key],
        )


def graph_of(organization: Organization, name: str = "demo_graph") -> Graph:
    """Make a graph."""
    return Graph.objects.create(organization=organization, name=name, root=f"insight_graph/{name}")


def _fill_raw(run: Run, nodes: tuple[str, ...]) -> None:
    table = BY_NAME["raw_node_results"]
    raw.make_tables(run.pk)
    own = Identifier(partition_name(table.name, run.pk))
    file_id = RunFile.objects.get(run=run).pk
    with connection.cursor() as cursor:
        for number, node_id in enumerate(nodes, 1):
            payload = {
                "canonical_child_node_ids": EDGES.get(node_id, []),
                "summary": {"entity_scope": {"display_name": "Medicare Id", "comparison_group": "peers"}},
            }
            given: list[Any] = [run.pk, file_id, number, Jsonb(payload), node_id]
            cursor.execute(
                SQL(
                    "INSERT INTO {} (run_id, file_id, line_no, payload, node_id, metric_id, is_temporal, "
                    "entity_results_count) VALUES (%s, %s, %s, %s, %s, 'losIndex', false, 1)"
                ).format(own),
                given,
            )
    raw.finish(table, run.pk)
    raw.attach(run.pk, [table])
