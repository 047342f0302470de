"""The figures of datasets at `/metrics`: rows and seconds of imports, segments, partitions, stage tables."""

from prometheus_client import Counter, Histogram

from apps.common.metrics import JOB_SECONDS_BUCKETS, counting
from apps.datasets.models import Import, Segment
from apps.datasets.models.version import OWN_SLAB_BASE
from apps.datasets.states import SegmentState
from apps.datasets.storage.stage import stage_import_nos

import_rows = Counter(
    "sextant_datasets_import_rows", "Rows of ended imports by what became of them.", ["outcome"]
)
import_seconds = Histogram(
    "sextant_datasets_import_seconds",
    "How long imports took from their start to their end.",
    buckets=JOB_SECONDS_BUCKETS,
)


def count_import(row: Import) -> None:
    """Count the rows and the time of an import that has ended."""
    for outcome in ("accepted", "rejected", "duplicates"):
        import_rows.labels(outcome).inc(getattr(row, outcome))
    if row.started_at is not None and row.finished_at is not None:
        import_seconds.observe((row.finished_at - row.started_at).total_seconds())


def register_figures() -> None:
    """Add the gauges that are asked for at each scrape."""
    living = Segment.objects.filter(state=SegmentState.LIVE)
    counting("sextant_datasets_segments", "Living segments.", living.count)
    own = living.filter(slab__gte=OWN_SLAB_BASE)
    counting("sextant_datasets_own_partitions", "Segments with a partition of their own.", own.count)
    counting("sextant_datasets_stage_tables", "Stage tables of imports.", lambda: len(stage_import_nos()))
