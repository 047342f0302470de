"""The metrics of graphs, as the mart of their current runs describes them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.signals.models import Run
from apps.signals.queries.relations import read_records
from apps.signals.storage.mart_schema import DIM_METRICS
from apps.signals.storage.marts import has_marts, mart

Place = tuple[str, uuid.UUID]

_PAGE: Final = (
    "SELECT metric_id, run_id, display_name, description, domain, polarity, polarity_source, unit_type,"
    " display_format FROM {metrics}"
    " WHERE run_id = ANY(%(runs)s)"
    " AND (%(only)s::text IS NULL OR metric_id = %(only)s::text)"
    " AND (%(metric)s::text IS NULL OR (metric_id, run_id) > (%(metric)s::text, %(run)s::uuid))"
    " ORDER BY metric_id, run_id LIMIT %(limit)s"
)


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """A metric of a graph."""

    metric_id: str
    run: Run
    display_name: str | None
    description: str | None
    domain: str
    polarity: str
    polarity_source: str
    unit_type: str | None
    display_format: str | None

    @property
    def place(self) -> Place:
        """Return where it stands in the list."""
        return (self.metric_id, self.run.pk)


def metric_page(
    runs: Sequence[Run], *, after: Place | None, limit: int, only: str | None = None
) -> list[MetricEntry]:
    """Return the metrics of some runs by id, those past a place, or `only` one. Issues two queries."""
    if not has_marts():
        return []
    by_id = {row.pk: row for row in runs}
    metric, run = after or (None, None)
    bound = {"runs": list(by_id), "only": only, "metric": metric, "run": run, "limit": limit}
    found = read_records(_PAGE, bound, metrics=mart(DIM_METRICS))
    return [MetricEntry(run=by_id[row.pop("run_id")], **row) for row in found]
