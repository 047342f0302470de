"""The marts that dbt builds (signals.md section 3): their columns in order, as its contracts say.

Hydration compares the tables with this before its first write. Types are spelled as by PostgreSQL's
format_type.
"""

from dataclasses import dataclass
from typing import Final

Columns = tuple[tuple[str, str], ...]

# The content columns, in the order of their hash: those of `models.signal.Content`.
CONTENT: Final[Columns] = (
    ("node_id", "text"),
    ("temporal_node_id", "text"),
    ("metric_id", "text"),
    ("domain", "text"),
    ("facility_id", "text"),
    ("facility_name", "text"),
    ("system_name", "text"),
    ("service_line", "text"),
    ("sub_service_line", "text"),
    ("dimensions", "jsonb"),
    ("groupby_label", "text"),
    ("group_value", "text"),
    ("metric_value", "double precision"),
    ("benchmark_value", "double precision"),
    ("variance_percent", "double precision"),
    ("peer_mean", "double precision"),
    ("peer_std", "double precision"),
    ("peer_count", "integer"),
    ("percentile_rank", "double precision"),
    ("encounters", "double precision"),
    ("simple_z", "double precision"),
    ("robust_z", "double precision"),
    ("latest_simple_z", "double precision"),
    ("latest_robust_z", "double precision"),
    ("aggregate_zscore", "double precision"),
    ("mean_robust_z", "double precision"),
    ("zscore_std", "double precision"),
    ("max_excursion", "double precision"),
    ("slope", "double precision"),
    ("slope_percentile", "double precision"),
    ("acceleration", "double precision"),
    ("end_start_delta", "double precision"),
    ("trend_direction", "text"),
    ("period_count", "integer"),
    ("data_period", "date"),
    ("monthly_z_scores", "double precision[]"),
    ("timeline", "jsonb"),
    ("anomaly_labels", "jsonb"),
    ("position", "text"),
    ("trend", "text"),
    ("momentum", "text"),
    ("consistency", "text"),
    ("has_spike", "boolean"),
    ("signal_type", "text"),
    ("severity", "integer"),
    ("severity_calculation", "jsonb"),
    ("reported_type", "text"),
    ("reported_severity", "double precision"),
    ("classification_agrees", "boolean"),
    ("magnitude_tier", "text"),
    ("trajectory_tier", "text"),
    ("consistency_tier", "text"),
    ("polarity", "text"),
    ("quality_flags", "text[]"),
    ("rules_version", "integer"),
    ("description", "text"),
)


@dataclass(frozen=True, slots=True)
class Mart:
    """One mart: its columns as (name, SQL type) in table order, its primary key, what else is never null."""

    name: str
    columns: Columns
    key: tuple[str, ...]
    required: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of all columns in table order."""
        return tuple(name for name, _ in self.columns)


FCT_SIGNALS: Final = Mart(
    "fct_signals",
    (
        ("run_id", "uuid"),
        ("signal_key", "uuid"),
        *CONTENT,
        ("content_hash", "bytea"),
        ("aggregate_file_id", "uuid"),
        ("aggregate_line", "integer"),
        ("temporal_file_id", "uuid"),
        ("temporal_line", "integer"),
        ("classification_file_id", "uuid"),
        ("classification_line", "integer"),
        ("reported", "jsonb"),
        ("statistical_methods", "jsonb"),
        ("built_at", "timestamp with time zone"),
    ),
    key=("run_id", "signal_key"),
    # Node, metric and type may be missing in a file: hydration skips such a row, with a finding.
    required=(
        "domain",
        "dimensions",
        "groupby_label",
        "group_value",
        "severity",
        "severity_calculation",
        "polarity",
        "quality_flags",
        "rules_version",
        "description",
        "content_hash",
        "aggregate_file_id",
        "aggregate_line",
        "built_at",
    ),
)
FCT_CONTRIBUTIONS: Final = Mart(
    "fct_contributions",
    (
        ("run_id", "uuid"),
        ("file_id", "uuid"),
        ("line_no", "integer"),
        ("parent_node_id", "text"),
        ("child_node_id", "text"),
        ("metric_id", "text"),
        ("parent_signal_key", "uuid"),
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
        ("parent_entity", "jsonb"),
        ("child_entity", "jsonb"),
        ("rank", "integer"),
        ("excess_percent", "double precision"),
        ("share_sum", "double precision"),
        ("share_valid", "boolean"),
    ),
    key=("run_id", "file_id", "line_no"),
    required=("parent_node_id", "child_node_id", "parent_signal_key", "rank"),
)
FCT_MODEL_EXPERIMENTS: Final = Mart(
    "fct_model_experiments",
    (
        ("run_id", "uuid"),
        ("experiment_no", "integer"),
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
    key=("run_id", "experiment_no"),
)
FCT_MODEL_DRIVERS: Final = Mart(
    "fct_model_drivers",
    (
        ("run_id", "uuid"),
        ("experiment_no", "integer"),
        ("feature", "text"),
        ("mean_abs_shap", "double precision"),
        ("mean_shap", "double precision"),
        ("sample_count", "bigint"),
        ("rank", "integer"),
    ),
    key=("run_id", "experiment_no", "feature"),
    required=("rank",),
)
DIM_FACILITIES: Final = Mart(
    "dim_facilities",
    (
        ("run_id", "uuid"),
        ("facility_id", "text"),
        ("name", "text"),
        ("system_name", "text"),
        ("primary_service_line", "text"),
        ("total_encounters", "double precision"),
        ("first_period", "date"),
        ("last_period", "date"),
    ),
    key=("run_id", "facility_id"),
)
DIM_METRICS: Final = Mart(
    "dim_metrics",
    (
        ("run_id", "uuid"),
        ("metric_id", "text"),
        ("display_name", "text"),
        ("description", "text"),
        ("domain", "text"),
        ("polarity", "text"),
        ("polarity_source", "text"),
        ("unit_type", "text"),
        ("display_format", "text"),
    ),
    key=("run_id", "metric_id"),
    required=("domain", "polarity", "polarity_source"),
)
MARTS: Final = (
    FCT_SIGNALS,
    FCT_CONTRIBUTIONS,
    FCT_MODEL_EXPERIMENTS,
    FCT_MODEL_DRIVERS,
    DIM_FACILITIES,
    DIM_METRICS,
)
