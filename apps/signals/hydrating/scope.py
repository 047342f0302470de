"""What one hydration covers and by which rules: fixed before its first batch."""

import uuid
from dataclasses import dataclass, field
from typing import Any, Self

from django.conf import settings

from apps.signals.models import Graph, Hydration, Policy, Run
from apps.signals.policies import policy_of
from apps.signals.storage.mart_schema import FCT_SIGNALS
from apps.signals.storage.marts import mart

# A run's place among those of its graph.
Order = tuple[Any, str, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """A hydration's run and rules. `earlier` are the runs before it, in order.

    `current`: the graph's newest hydrated run until now. `facilities` (none: all) and `limit` cut the run's
    rows.
    """

    run: Run
    policy: Policy
    current: Run | None = None
    earlier: tuple[uuid.UUID, ...] = ()
    facilities: tuple[str, ...] = ()
    limit: int | None = None
    force: bool = False
    batch_rows: int = field(default_factory=lambda: settings.SIGNALS_HYDRATE_BATCH)

    @classmethod
    def of(cls, hydration: Hydration) -> Self:
        """Return the scope that a hydration's row asks for, by what was hydrated until now."""
        run = hydration.run
        current = Graph.objects.select_related("current_run").get(pk=run.graph_id).current_run
        return cls(
            run=run,
            policy=policy_of(run.organization),
            current=current,
            earlier=tuple(earlier_runs(run)),
            facilities=tuple(hydration.facilities),
            limit=hydration.limit,
            force=hydration.force,
        )

    @property
    def is_late(self) -> bool:
        """Tell whether a newer run was hydrated before, so that this one adds observations only."""
        return self.current is not None and order_of(self.run) < order_of(self.current)

    @property
    def is_partial(self) -> bool:
        """Tell whether only some of the run's rows are meant."""
        return bool(self.facilities) or self.limit is not None

    @property
    def names(self) -> dict[str, Any]:
        """Return what the statements call by name."""
        return {
            "organization": self.run.organization_id,
            "graph": self.run.graph_id,
            "run": self.run.pk,
            "run_started_at": self.run.started_at,
        }


def order_of(run: Run) -> Order:
    """Return a run's place among those of its graph, to be compared."""
    return (run.started_at, run.run_id, run.revision)


def earlier_runs(run: Run) -> list[uuid.UUID]:
    """Return the runs of the graph before this one, the earliest first; superseded revisions are none."""
    others = Run.objects.filter(graph=run.graph_id, superseded_at__isnull=True).exclude(run_id=run.run_id)
    return [other.pk for other in others.in_run_order() if order_of(other) < order_of(run)]


def signals_mart() -> Any:
    """Return the name of the mart that is hydrated."""
    return mart(FCT_SIGNALS)
