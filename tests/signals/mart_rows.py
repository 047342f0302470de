"""Rows of marts and raw tables beside signals, written by hand: metrics, modeling, narratives, entities."""

import uuid
from typing import Any

from django.db import connection
from psycopg.sql import SQL, Identifier, Literal, Placeholder
from psycopg.types.json import Jsonb

from apps.signals.models import Run
from apps.signals.raw_schema import partition_name
from apps.signals.storage.mart_schema import (
    DIM_METRICS,
    FCT_MODEL_DRIVERS,
    FCT_MODEL_EXPERIMENTS,
    Mart,
)
from apps.signals.storage.marts import mart


def add_metric(run: Run, metric_id: str = "losIndex", **fields: Any) -> None:
    """Add a metric of a run."""
    plain = {"domain": "Efficiency", "polarity": "lower_is_better", "polarity_source": "catalog"}
    _insert(DIM_METRICS, plain | fields, run_id=run.pk, metric_id=metric_id)


def add_experiment(run: Run, number: int, estimator: str = "ridge", **fields: Any) -> None:
    """Add an experiment of a run."""
    plain = {"groupby_label": "_global_group", "group_value": "all", "mae": 0.1, "r2": 0.4}
    _insert(FCT_MODEL_EXPERIMENTS, plain | fields, run_id=run.pk, experiment_no=number, estimator=estimator)


def add_driver(run: Run, number: int, feature: str, rank: int, mean_shap: float | None) -> None:
    """Add a driver of an experiment."""
    values = {"run_id": run.pk, "experiment_no": number, "feature": feature, "rank": rank}
    _insert(FCT_MODEL_DRIVERS, values, mean_abs_shap=0.5 / rank, mean_shap=mean_shap, sample_count=100)


def add_raw(run: Run, table: str, line_no: int = 1, file_id: uuid.UUID | None = None, **fields: Any) -> None:
    """Add a row of a raw table, whose partition is made if the run has none."""
    own = Identifier(partition_name(table, run.pk))
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES IN ({})").format(
                own, Identifier(table), Literal(run.pk)
            )
        )
    _insert_into(
        Identifier(table), fields | {"run_id": run.pk, "file_id": file_id or uuid.uuid4(), "line_no": line_no}
    )


def _insert(table: Mart, values: dict[str, Any], **more: Any) -> None:
    _insert_into(mart(table), values | more)


def _insert_into(name: Identifier, values: dict[str, Any]) -> None:
    columns = SQL(", ").join(map(Identifier, values))
    places = SQL(", ").join(Placeholder() * len(values))
    bound: list[Any] = [
        Jsonb(value) if isinstance(value, dict | list) else value for value in values.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(SQL("INSERT INTO {} ({}) VALUES ({})").format(name, columns, places), bound)
