"""The signals of an organization in figures: by type, and how that changed with the newest runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, F

from apps.accounts.permissions import Actor
from apps.signals.models import Run, Signal, Workflow
from apps.signals.queries.relations import read_records
from apps.signals.states import ATTENTION_TYPES, SignalType, WorkflowStatus

# Of each graph its current run (1) and the one before it of which observations are kept (2).
_BY_RUN: Final = """
WITH ranked AS (
    SELECT run.id, row_number() OVER (
        PARTITION BY run.graph_id ORDER BY run.started_at DESC, run.run_id DESC, run.revision DESC
    ) AS place
    FROM signals_graph AS graph
    JOIN signals_run AS newest ON newest.id = graph.current_run_id
    JOIN signals_run AS run ON run.graph_id = graph.id
        AND (run.started_at, run.run_id, run.revision)
            <= (newest.started_at, newest.run_id, newest.revision)
    WHERE graph.organization_id = %(organization)s
    AND EXISTS (SELECT 1 FROM signals_observation AS seen WHERE seen.run_id = run.id)
)
SELECT ranked.place, observed.signal_type, count(*) AS number
FROM ranked JOIN signals_observation AS observed ON observed.run_id = ranked.id
WHERE ranked.place <= 2
GROUP BY ranked.place, observed.signal_type
"""
CURRENT: Final = 1
FORMER: Final = 2


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How many signals are of a type; `change` since the run before, None without one."""

    signal_type: SignalType
    count: int
    change: int | None

    @property
    def is_attention(self) -> bool:
        """Tell whether somebody should look at signals of the type."""
        return self.signal_type in ATTENTION_TYPES


@dataclass(frozen=True, slots=True)
class SignalOverview:
    """What the current runs of an organization's graphs hold; `newest_run` None without any."""

    newest_run: Run | None
    signals: int
    attention: int
    open: int
    types: Sequence[TypeCount]


def overview_of(actor: Actor) -> SignalOverview:
    """Return the figures of the actor's organization, attention types first. Issues four queries."""
    counts = _present_by_type(actor)
    now, before = _observed_by_type(actor)
    types = [
        TypeCount(kind, counts.get(kind, 0), now.get(kind, 0) - before.get(kind, 0) if before else None)
        for kind in sorted(SignalType, key=lambda kind: kind not in ATTENTION_TYPES)
        if counts.get(kind) or now.get(kind) or before.get(kind)
    ]
    current = Run.objects.visible_to(actor).filter(graph__current_run=F("pk")).select_related("graph")
    return SignalOverview(
        newest_run=current.order_by("-started_at", "-pk").first(),
        signals=sum(counts.values()),
        attention=sum(each.count for each in types if each.is_attention),
        open=_open_count(actor),
        types=types,
    )


def _present_by_type(actor: Actor) -> dict[str, int]:
    present = Signal.objects.visible_to(actor).present().order_by()
    return dict(present.values_list("signal_type").annotate(Count("pk")))


def _observed_by_type(actor: Actor) -> tuple[dict[str, int], dict[str, int]]:
    """Return what the current runs observed of each type, and those before them."""
    found: dict[int, dict[str, int]] = {CURRENT: {}, FORMER: {}}
    for row in read_records(_BY_RUN, {"organization": actor.organization.pk}):
        found[row["place"]][row["signal_type"]] = row["number"]
    return found[CURRENT], found[FORMER]


def _open_count(actor: Actor) -> int:
    """Return how many present signals of attention types nobody has resolved."""
    rows = Workflow.objects.filter(organization=actor.organization, signal__absent_since_run__isnull=True)
    is_open = [status for status in WorkflowStatus if status.is_open]
    return rows.filter(signal__signal_type__in=ATTENTION_TYPES, status__in=is_open).count()
