"""Where a signal's figures come from: run, row of the mart, lines of files with their hashes, build."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.common.db import JobStatus
from apps.common.errors import NotFound
from apps.signals.errors import RunPruned
from apps.signals.models import DbtBuild, Observation, Run, Signal
from apps.signals.queries.observed import NEWEST, Line, history_of, lines_of, mart_row
from apps.signals.storage.marts import has_marts


@dataclass(frozen=True, slots=True)
class Lineage:
    """The way from a signal to its files in one run; mart_row and payloads are empty once it was pruned."""

    run: Run
    observation: Observation
    build: DbtBuild | None
    mart_row: Mapping[str, Any] | None
    aggregate: Line
    temporal: Line | None


def lineage_of(signal: Signal, run_id: uuid.UUID | None = None) -> Lineage:
    """Return the lineage of a signal in a run, without one in the newest that observed it.

    Raises NotFound if that run did not observe it, RunPruned if none is left that did. Issues five queries.
    """
    rows = history_of(signal)
    observation = (rows.filter(run=run_id) if run_id else rows.order_by(*NEWEST)).first()
    if observation is None:
        raise NotFound("The signal was not observed in this run.") if run_id else RunPruned
    lines = lines_of(observation)
    return Lineage(
        run=observation.run,
        observation=observation,
        build=_build_of(observation.run),
        mart_row=_mart_row(signal, observation.run),
        aggregate=lines.aggregate,
        temporal=lines.temporal,
    )


def _mart_row(signal: Signal, run: Run) -> Mapping[str, Any] | None:
    """Return the row that dbt made of a signal, its hash in hexadecimal digits."""
    row = mart_row(signal, run) if has_marts() else None
    return row and {**row, "content_hash": bytes(row["content_hash"]).hex()}


def _build_of(run: Run) -> DbtBuild | None:
    """Return the newest build that made a run's rows."""
    builds = DbtBuild.objects.filter(
        organization=run.organization_id, run_ids__contains=[run.pk], status=JobStatus.SUCCEEDED
    )
    found: Any = builds.order_by("-finished_at", "-pk").first()
    return found  # type: ignore[no-any-return]
