"""Every figure behind a signal, as the run that holds it gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Jsonb

from apps.signals.models import Run, Signal
from apps.signals.queries.observed import Lines, kept_mart_row, lines_of, newest_observation
from apps.signals.queries.relations import read_record
from apps.signals.storage.marts import staging

# Columns of the mart that are answered as they are.
FIGURES: Final = (
    "metric_value", "benchmark_value", "variance_percent", "peer_mean", "peer_std", "peer_count",
    "percentile_rank", "encounters", "simple_z", "robust_z", "latest_simple_z", "latest_robust_z",
    "aggregate_zscore", "mean_robust_z", "zscore_std", "max_excursion", "slope", "slope_percentile",
    "acceleration", "end_start_delta", "trend_direction", "period_count", "data_period", "monthly_z_scores",
    "anomaly_labels", "position", "trend", "momentum", "consistency", "has_spike", "magnitude_tier",
    "trajectory_tier", "consistency_tier", "polarity", "quality_flags", "rules_version",
    "statistical_methods", "reported",
)  # fmt: skip
_MIN_PEERS: Final = (
    "SELECT min_peer_count FROM {statistics} WHERE run_id = %(run)s AND node_id = %(node)s"
    " AND method = 'simple_zscore' AND facet_key = %(facet)s ORDER BY facet_no LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class TechnicalDetails:
    """The figures of FIGURES, and those of the files beside them.

    missing_rate: share of the months without a value; min_peer_count: fewer peers suppress a score.
    """

    run: Run
    figures: Mapping[str, Any]
    min_peer_count: int | None
    missing_rate: float | None
    suppressed: bool | None


def technical_details_of(signal: Signal) -> TechnicalDetails:
    """Return every figure behind a signal, of its newest run. Issues five queries.

    Raises RunPruned.
    """
    observation = newest_observation(signal)
    row = kept_mart_row(signal, observation.run)
    lines = lines_of(observation)
    return TechnicalDetails(
        run=observation.run,
        figures={name: row[name] for name in FIGURES},
        min_peer_count=_min_peer_count(observation.run, row["node_id"], row["dimensions"]),
        missing_rate=_missing_rate(lines),
        suppressed=lines.aggregate.statistic("simple_zscore", "suppressed"),
    )


def _min_peer_count(run: Run, node_id: str, dimensions: Sequence[tuple[str, Any]]) -> int | None:
    """Return from how many peers on the entity's facet is scored."""
    facet = Jsonb(dict(dimensions))
    found = read_record(
        _MIN_PEERS,
        {"run": run.pk, "node": node_id, "facet": facet},
        statistics=staging("stg_global_statistics"),
    )
    return found["min_peer_count"] if found is not None else None


def _missing_rate(lines: Lines) -> float | None:
    """Return the share of months without a value, None if the file does not count them."""
    metrics = lines.temporal.payload.get("metric") if lines.temporal is not None else None
    first = metrics[0] if isinstance(metrics, list) and metrics else None
    runtime = first.get("temporal_runtime") if isinstance(first, dict) else None
    if not isinstance(runtime, dict):
        return None
    missing, observed = (runtime.get(name) for name in ("missing_count", "observed_count"))
    if not (isinstance(missing, int | float) and isinstance(observed, int | float)):
        return None
    return missing / (missing + observed) if missing + observed else None
