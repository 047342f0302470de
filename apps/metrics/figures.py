"""What metrics counts of itself for `/metrics`. No label names an organization or a metric."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from apps.common.metrics import Figure
from apps.metrics.models import Shard
from apps.metrics.storage import segments

_FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

request_duration = Histogram(
    "sextant_metrics_request_duration_seconds",
    "How long sending requests took, by door and status.",
    ["door", "status"],
    buckets=_FAST_S,
)
ingestion_failures = Counter(
    "sextant_metrics_ingestion_failures", "Points and requests refused, by door and code.", ["door", "code"]
)
points = Counter("sextant_metrics_points", "Points stored, by door.", ["door"])
db_write_latency = Histogram(
    "sextant_metrics_db_write_latency_seconds",
    "How long the transaction took that stores the points of one commit.",
    buckets=_FAST_S,
)
aggregation_latency = Histogram(
    "sextant_metrics_aggregation_latency_seconds",
    "How long it took to compute an answer from stored points.",
    buckets=_FAST_S,
)
queue_depth = Gauge(
    "sextant_metrics_queue_depth",
    "Requests that wait in a process for the next commit.",
    multiprocess_mode="livesum",
)
retention_deleted = Counter("sextant_metrics_retention_deleted", "Points dropped because they were past.")


def pending_points() -> int:
    """Return how many points wait for compaction, as of the last look of the clock."""
    return sum(Shard.objects.values_list("pending_points", flat=True))


# Asked at each scrape; `apps.py` registers them.
FIGURES: Final = (
    Figure(
        "sextant_metrics_compaction_lag_seconds",
        "How long the oldest points have waited for compaction.",
        lambda: [((), segments.oldest_age_s())],
    ),
    Figure(
        "sextant_metrics_pending_points",
        "Points that wait for compaction.",
        lambda: [((), float(pending_points()))],
    ),
)
