"""What differs between two runs of a graph, by what was observed in each."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models import Exists, OuterRef, Q
from psycopg.sql import SQL

from apps.signals.models import Observation, Run
from apps.signals.queries.relations import read_records

BATCH_ROWS: Final = 2_000


class RunDiffKind(models.TextChoices):
    """How a signal of one run stands beside the other run; each is of one kind."""

    NEW = "new"
    RETURNED = "returned"
    VANISHED = "vanished"
    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


# Severity decides between worse and better; what differs elsewhere alone is changed. A signal that the run
# compared with does not know, but one before it did, has returned.
_COMPARED: Final = SQL("""
WITH later AS (SELECT * FROM signals_observation WHERE run_id = %(run)s),
     former AS (SELECT * FROM signals_observation WHERE run_id = %(against)s),
     compared AS (
    SELECT coalesce(later.signal_id, former.signal_id) AS signal_id,
        former.severity AS severity_before, later.severity AS severity,
        former.signal_type AS signal_type_before, later.signal_type AS signal_type,
        former.metric_value AS metric_value_before, later.metric_value AS metric_value,
        CASE
            WHEN former.id IS NULL AND EXISTS (
                SELECT 1 FROM signals_observation AS past JOIN signals_run AS run ON run.id = past.run_id
                WHERE past.signal_id = later.signal_id
                AND (run.started_at, run.run_id, run.revision) < (%(started_at)s, %(name)s, %(revision)s)
            ) THEN 'returned'
            WHEN former.id IS NULL THEN 'new'
            WHEN later.id IS NULL THEN 'vanished'
            WHEN later.severity > former.severity THEN 'worse'
            WHEN later.severity < former.severity THEN 'better'
            WHEN later.content_hash IS DISTINCT FROM former.content_hash THEN 'changed'
            ELSE 'unchanged'
        END AS kind
    FROM later FULL JOIN former ON former.signal_id = later.signal_id
)
""")
_COUNTS: Final = "{compared} SELECT kind, count(*) AS number FROM compared GROUP BY kind"
_ITEMS: Final = """
{compared}
SELECT compared.*, signal.signal_key, signal.node_id, signal.metric_id, signal.facility_id,
    signal.facility_name, signal.groupby_label, signal.group_value
FROM compared JOIN signals_signal AS signal ON signal.id = compared.signal_id
WHERE compared.kind = ANY(%(kinds)s)
AND (%(after)s::uuid IS NULL OR compared.signal_id > %(after)s::uuid)
ORDER BY compared.signal_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class RunDiffItem:
    """A signal in two runs; what was before is null in a new one, what is now in a vanished one."""

    kind: str
    signal_id: uuid.UUID
    signal_key: uuid.UUID
    node_id: str
    metric_id: str
    facility_id: str | None
    facility_name: str | None
    groupby_label: str
    group_value: str
    signal_type_before: str | None
    signal_type: str | None
    severity_before: int | None
    severity: int | None
    metric_value_before: float | None
    metric_value: float | None

    @property
    def place(self) -> tuple[uuid.UUID]:
        """Return where it stands in the list."""
        return (self.signal_id,)


def previous_observed(run: Run) -> Run | None:
    """Return the run before this one of which observations are kept, None if it is the first."""
    earlier = (
        Q(started_at__lt=run.started_at)
        | Q(started_at=run.started_at, run_id__lt=run.run_id)
        | Q(started_at=run.started_at, run_id=run.run_id, revision__lt=run.revision)
    )
    observed = Exists(Observation.objects.filter(run=OuterRef("pk")))
    runs = Run.objects.filter(earlier, observed, graph=run.graph_id).select_related("graph")
    return runs.in_run_order().last()


def count_kinds(run: Run, against: Run | None) -> dict[str, int]:
    """Return how many signals are of each kind. Issues one query."""
    rows = read_records(_COUNTS, _bound(run, against), compared=_COMPARED)
    found = {row["kind"]: row["number"] for row in rows}
    return {kind.value: found.get(kind.value, 0) for kind in RunDiffKind}


def diff_page(
    run: Run, against: Run | None, *, kinds: Sequence[str], after: uuid.UUID | None, limit: int
) -> list[RunDiffItem]:
    """Return the signals of some kinds by id, those past one. Issues one query."""
    bound = {**_bound(run, against), "kinds": list(kinds), "after": after, "limit": limit}
    return [RunDiffItem(**row) for row in read_records(_ITEMS, bound, compared=_COMPARED)]


def all_items(run: Run, against: Run | None, *, kinds: Sequence[str]) -> Iterator[RunDiffItem]:
    """Yield all signals of some kinds, read in batches: no cursor is held while a client dawdles."""
    after = None
    while page := diff_page(run, against, kinds=kinds, after=after, limit=BATCH_ROWS):
        yield from page
        after = page[-1].signal_id


def _bound(run: Run, against: Run | None) -> Mapping[str, Any]:
    # Without another run nothing can have been before it.
    former = against or run
    return {
        "run": run.pk,
        "against": against.pk if against else None,
        "started_at": former.started_at,
        "name": former.run_id,
        "revision": former.revision,
    }
