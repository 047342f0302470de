"""The steps of a hydration in order, the same for a real one and a dry run."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.utils import timezone
from psycopg.sql import SQL

from apps.signals.faults import fault
from apps.signals.hydrating.batches import batches, hydrate_batch
from apps.signals.hydrating.counts import Counts
from apps.signals.hydrating.diffs import DiffRow, Sink
from apps.signals.hydrating.scope import Scope, signals_mart
from apps.signals.hydrating.topology import relate_signals, write_topology
from apps.signals.hydrating.vanishing import Outlook, look_ahead, tell_guarded, vanish
from apps.signals.states import DiffKind
from apps.signals.storage.marts import MartEmpty, check_contract
from apps.signals.triage.absence import resolve_absent

# Called with how many rows are done, before each batch; raises to stop.
Step = Callable[[int], None]
# Called first in the transaction of each batch; raises if somebody else may be at work, which undoes it.
Hold = Callable[[], None]


@dataclass(slots=True)
class Outcome:
    """What a hydration did: its counts, why rows were skipped, and the outlook if the guard held."""

    counts: Counts = field(default_factory=Counts)
    skipped: Counter[str] = field(default_factory=Counter)
    guarded: Outlook | None = None


def count_rows(scope: Scope) -> int:
    """Return how many of the run's rows are meant; raises MartContract, and MartEmpty if the run has none."""
    check_contract()
    statement = SQL(
        "SELECT count(*), count(*) FILTER (WHERE %(facilities)s::text[] IS NULL "
        "OR facility_id = ANY(%(facilities)s::text[])) FROM {} WHERE run_id = %(run)s"
    ).format(signals_mart())
    with connection.cursor() as cursor:
        cursor.execute(statement, {"run": scope.run.pk, "facilities": list(scope.facilities) or None})
        total, meant = cursor.fetchone()
    if not total:
        raise MartEmpty
    return int(meant if scope.limit is None else min(meant, scope.limit))


def hydrate_rows(scope: Scope, *, step: Step, hold: Hold, sink: Sink | None) -> Outcome:
    """Write the run's rows batch by batch, each at its own instant, then its nodes and edges."""
    outcome = Outcome()
    step(0)
    for batch in batches(scope):
        outcome.skipped.update(batch.skipped.values())
        outcome.counts.add(hydrate_batch(scope, batch, now=timezone.now(), hold=hold, sink=sink))
        step(outcome.counts.incoming)
        fault("hydrate.after_batch")
    write_topology(scope.run)
    fault("hydrate.topology")
    return outcome


def settle_signals(scope: Scope, outcome: Outcome, *, now: dt.datetime, sink: Sink | None) -> None:
    """Let vanish what the run no longer holds unless the guard stops it, then relate what is there.

    In the caller's transaction. A late run settles nothing, a part of a run lets nothing vanish.
    """
    if scope.is_late:
        return
    if not scope.is_partial:
        outlook = look_ahead(scope)
        if outlook.is_too_much(scope.policy.vanish_guard) and not scope.force:
            outcome.guarded = outlook
            outcome.counts.events += tell_guarded(scope, outlook, now=now)
        else:
            _let_vanish(scope, outcome, outlook, now, sink)
    if not _is_settled(scope, outcome):
        relate_signals(scope.run, now=now)


def _is_settled(scope: Scope, outcome: Outcome) -> bool:
    """Tell whether the graph stood at this run before and nothing changed since: all is related already."""
    counts = outcome.counts
    stood_here = scope.current is not None and scope.current.pk == scope.run.pk
    return stood_here and not (counts.created or counts.changed or counts.vanished)


def _let_vanish(
    scope: Scope, outcome: Outcome, outlook: Outlook, now: dt.datetime, sink: Sink | None
) -> None:
    vanished, events = vanish(scope, outlook, now=now, sink=sink)
    resolved = resolve_absent(scope.run, scope.policy, now=now)
    if sink:
        sink(
            DiffRow.of(DiffKind.AUTO_RESOLVED, key, {"status": status}, {"status": "resolved"})
            for key, status in resolved
        )
    outcome.counts.vanished = vanished
    outcome.counts.auto_resolved = len(resolved)
    outcome.counts.events += events + len(resolved)
