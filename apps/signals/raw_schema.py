"""The raw tables (signals-artifacts.md section 8): their columns, and what a partition gets after its COPY.

No models: rows are written by binary COPY and read by dbt. The migration makes the parents from here, the
load its partitions, so that both always agree.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

COMMON: Final = (
    ("run_id", "uuid NOT NULL"),
    ("file_id", "uuid NOT NULL"),
    ("line_no", "integer NOT NULL"),
    ("payload", "jsonb"),
)
KEY: Final = ("run_id", "file_id", "line_no")


@dataclass(frozen=True, slots=True)
class RawTable:
    """One raw table: its extracted columns as (name, SQL type), and its indexes beside the key."""

    name: str
    extracted: tuple[tuple[str, str], ...]
    index: tuple[str, ...] = ()
    index_is_unique: bool = False

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Return all columns in table order."""
        return (*COMMON, *self.extracted)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of all columns in table order."""
        return tuple(name for name, _ in self.columns)

    @property
    def create_sql(self) -> str:
        """Return the statement that makes the partitioned parent."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        unique = f", UNIQUE ({', '.join(self.index)})" if self.index_is_unique else ""
        return (
            f"CREATE TABLE {self.name} ({columns}, PRIMARY KEY ({', '.join(KEY)}){unique}, "
            f"FOREIGN KEY (run_id) REFERENCES signals_run (id)) PARTITION BY LIST (run_id)"
        )

    @property
    def index_sql(self) -> str | None:
        """Return the statement that makes the parent's plain index, if it has one."""
        if not self.index or self.index_is_unique:
            return None
        return f"CREATE INDEX {self.name}_lookup ON {self.name} ({', '.join(self.index)})"


RAW_TABLES: Final = (
    RawTable(
        "raw_node_results",
        (
            ("node_id", "text NOT NULL"),
            ("metric_id", "text"),
            ("is_temporal", "boolean NOT NULL"),
            ("entity_results_count", "integer NOT NULL"),
        ),
        index=("run_id", "node_id"),
        index_is_unique=True,
    ),
    RawTable(
        "raw_entity_results",
        (
            ("node_id", "text NOT NULL"),
            ("metric_id", "text"),
            ("is_temporal", "boolean NOT NULL"),
            ("facility_id", "text"),
            ("system_name", "text"),
            ("dimensions", "jsonb NOT NULL"),
            ("entity_hash", "uuid NOT NULL"),
            ("signal_key", "uuid NOT NULL"),
            ("encounters", "double precision"),
            ("metric_value", "double precision"),
            ("observed_count", "integer"),
        ),
        index=("run_id", "node_id", "entity_hash"),
    ),
    RawTable(
        "raw_classifications",
        (
            ("node_id", "text NOT NULL"),
            ("metric_id", "text"),
            ("entity_hash", "uuid NOT NULL"),
            ("signal_key", "uuid NOT NULL"),
            ("signal_type", "text"),
            ("severity", "double precision"),
            ("suppressed", "boolean"),
            ("period_count", "integer"),
        ),
        index=("run_id", "signal_key"),
    ),
    RawTable(
        "raw_contributions",
        (
            ("parent_node_id", "text NOT NULL"),
            ("child_node_id", "text NOT NULL"),
            ("metric_id", "text"),
            ("parent_signal_key", "uuid NOT NULL"),
            ("child_signal_key", "uuid"),
            ("method", "text"),
            ("weight_field", "text"),
            ("parent_value", "double precision"),
            ("child_value", "double precision"),
            ("weight_value", "double precision"),
            ("weight_share", "double precision"),
            ("weighted_child_value", "double precision"),
            ("raw_component", "double precision"),
            ("contribution_value", "double precision"),
            ("excess_over_parent", "double precision"),
        ),
        index=("run_id", "parent_signal_key"),
    ),
    RawTable("raw_modeling_runs", (("status", "text"), ("duration_s", "double precision"))),
    RawTable(
        "raw_modeling_experiments",
        (
            ("estimator", "text"),
            ("groupby_label", "text"),
            ("group_value", "text"),
            ("row_count", "bigint"),
            ("duration_s", "double precision"),
            ("mae", "double precision"),
            ("rmse", "double precision"),
            ("r2", "double precision"),
            ("mae_original", "double precision"),
            ("rmse_original", "double precision"),
            ("r2_original", "double precision"),
        ),
    ),
    RawTable(
        "raw_modeling_drivers",
        (
            ("experiment_no", "integer NOT NULL"),
            ("feature", "text NOT NULL"),
            ("mean_abs_shap", "double precision"),
            ("mean_shap", "double precision"),
            ("sample_count", "bigint"),
        ),
    ),
    RawTable("raw_narratives", (("facility_id", "text NOT NULL"), ("body", "text NOT NULL"))),
    RawTable("raw_documents", (("kind", "text NOT NULL"),)),
)
BY_NAME: Final = {table.name: table for table in RAW_TABLES}


def partition_name(table: str, run_pk: UUID) -> str:
    """Return the name of the table that holds one run's rows of a raw table."""
    return f"{table}_{run_pk.hex}"
