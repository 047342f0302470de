"""Batches of a run's rows, each one transaction: signals, observations, workflow rows, events."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import OperationalError, connection, transaction
from psycopg import errors
from psycopg.sql import Composable

from apps.common.db import uuid7
from apps.signals.faults import fault
from apps.signals.hydrating import statements
from apps.signals.hydrating.counts import Counts, CountsDisagree
from apps.signals.hydrating.diffs import DiffRow, Sink, content_diffs
from apps.signals.hydrating.scope import Scope
from apps.signals.hydrating.telling import tell_changes
from apps.signals.states import DiffKind
from apps.signals.triage.relapse import reopen_relapsed

DEADLOCK_TRIES: Final = 3
FIRST_KEY: Final = uuid.UUID(int=0)

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of the run, in key order; `skipped` says why of those that are not hydrated."""

    keys: tuple[uuid.UUID, ...]
    skipped: Mapping[uuid.UUID, str]


@dataclass(frozen=True, slots=True)
class Known:
    """A signal as it was before the batch, locked, and what of it is already as the run says."""

    id: uuid.UUID
    absent_since: uuid.UUID | None
    absent_runs: int
    is_current: bool
    has_workflow: bool
    is_observed: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What the upserts of a batch did: ids by key of what was written, and the signals observed anew."""

    known: Mapping[uuid.UUID, Known]
    signals: Mapping[uuid.UUID, uuid.UUID]
    observed: Sequence[uuid.UUID]

    @property
    def created(self) -> list[uuid.UUID]:
        """Return the ids of the signals that were not known."""
        return [id_ for key, id_ in self.signals.items() if key not in self.known]

    @property
    def returned(self) -> list[uuid.UUID]:
        """Return the keys of the signals that were absent."""
        known = self.known
        return [key for key in self.signals if key in known and known[key].absent_since is not None]


def batches(scope: Scope) -> Iterator[Batch]:
    """Yield the run's rows by key, `batch_rows` at a time; each is read when asked for."""
    after, left = FIRST_KEY, scope.limit
    facilities = list(scope.facilities) or None
    while left is None or left > 0:
        rows = scope.batch_rows if left is None else min(scope.batch_rows, left)
        found = _rows(statements.next_rows(), scope, after=after, rows=rows, facilities=facilities)
        if not found:
            return
        yield Batch(
            keys=tuple(key for key, reason in found if reason is None),
            skipped={key: reason for key, reason in found if reason is not None},
        )
        after = found[-1][0]
        left = None if left is None else left - len(found)


def hydrate_batch(
    scope: Scope, batch: Batch, *, now: dt.datetime, hold: Callable[[], None], sink: Sink | None = None
) -> Counts:
    """Write a batch in one transaction; after a deadlock again, up to three times.

    `hold` is called first, and raises if the batch is not to be written. `sink` takes what changes; without
    one nobody looks.
    """
    tried = 0
    while True:
        try:
            with transaction.atomic():
                hold()
                counts = _hydrate(scope, batch, now, sink)
                fault("hydrate.batch")
        except OperationalError as error:
            tried += 1
            if tried > DEADLOCK_TRIES or not isinstance(error.__cause__, errors.DeadlockDetected):
                raise
            logger.warning("hydration_deadlock", run=str(scope.run.pk), tried=tried)
        else:
            return counts


def _hydrate(scope: Scope, batch: Batch, now: dt.datetime, sink: Sink | None) -> Counts:
    known = _lock_known(scope, batch.keys)
    diff = content_diffs(scope, batch.keys) if sink else []
    written = _write(scope, batch, known, now)
    counts = _counts(batch, written)
    diff += (DiffRow.of(DiffKind.SKIPPED, key, None, {"reason": why}) for key, why in batch.skipped.items())
    if not scope.is_late:
        diff += _tell(scope, written, counts, now)
    if sink:
        sink(diff)
    return counts


def _lock_known(scope: Scope, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Known]:
    """Lock the signals that are known already, in key order, so that two never wait for each other."""
    found = _rows(statements.lock_known(), scope, keys=list(keys))
    # A statement of its own: joined, a table that is not analyzed yet would be gone through for each signal.
    observed = dict(_rows(statements.observed_origins(), scope, signals=[row[0] for row in found]))
    return {
        key: Known(id_, absent_since, absent_runs, is_current, has_workflow, observed.get(id_) == origin)
        for id_, key, absent_since, absent_runs, is_current, origin, has_workflow in found
    }


def _write(scope: Scope, batch: Batch, known: Mapping[uuid.UUID, Known], now: dt.datetime) -> Written:
    """Write signals, observations and missing workflow rows: only where something is not there yet.

    The upserts would leave the rest alone as well, but only after making each row.
    """
    ids = {key: known[key].id if key in known else uuid7() for key in batch.keys}
    stale = {key: ids[key] for key in ids if key not in known or not known[key].is_current}
    unobserved = {key: ids[key] for key in ids if key not in known or not known[key].is_observed}
    without = [ids[key] for key in ids if key not in known or not known[key].has_workflow]
    signals = _upsert_signals(scope, stale, now) if stale else {}
    observed = _upsert_observations(scope, unobserved, now) if unobserved else []
    if without:
        with connection.cursor() as cursor:
            given: dict[str, Any] = {"signals": without, "ids": [uuid7() for _ in without], "now": now}
            cursor.execute(statements.MISSING_WORKFLOWS, {**scope.names, **given})
    return Written(known, signals, observed)


def _upsert_signals(
    scope: Scope, ids: Mapping[uuid.UUID, uuid.UUID], now: dt.datetime
) -> dict[uuid.UUID, uuid.UUID]:
    """Create and change signals; returns the ids of those, by key."""
    statement = statements.upsert_signals(is_late=scope.is_late)
    absent_since = scope.current.pk if scope.current is not None else None
    given = {"keys": list(ids), "ids": list(ids.values()), "now": now, "absent_since": absent_since}
    return dict(_rows(statement, scope, **given))


def _upsert_observations(
    scope: Scope, ids: Mapping[uuid.UUID, uuid.UUID], now: dt.datetime
) -> list[uuid.UUID]:
    """Write what the run says of each signal; returns the signals of which it says something new."""
    given = {"keys": list(ids), "signals": list(ids.values()), "ids": [uuid7() for _ in ids], "now": now}
    return [signal_id for (signal_id,) in _rows(statements.upsert_observations(), scope, **given)]


def _counts(batch: Batch, written: Written) -> Counts:
    """Count by how many rows were known and written: exact, as one hydration at a time writes a graph."""
    created = len(batch.keys) - len(written.known)
    if created != len(written.created):
        raise CountsDisagree(f"{created} signals were not known, {len(written.created)} were created.")
    return Counts(
        incoming=len(batch.keys) + len(batch.skipped),
        created=created,
        changed=len(written.signals) - created,
        unchanged=len(batch.keys) - len(written.signals),
        skipped=len(batch.skipped),
        returned=len(written.returned),
    )


def _tell(scope: Scope, written: Written, counts: Counts, now: dt.datetime) -> list[DiffRow]:
    """Write the events and reopen what is back, both added to the counts; returns the rows of the diff."""
    returned = written.returned
    counts.events += tell_changes(
        scope,
        written.signals.values(),
        created=written.created,
        returned=[written.signals[key] for key in returned],
        now=now,
    )
    reopened = reopen_relapsed(scope.run, scope.policy, scope.earlier, written.observed, now=now)
    counts.reopened += len(reopened)
    counts.events += len(reopened)
    diff = [_return_of(key, written.known[key]) for key in returned]
    diff += (DiffRow.of(DiffKind.REOPENED, row.signal_key, row.before, row.after) for row in reopened)
    return diff


def _return_of(key: uuid.UUID, known: Known) -> DiffRow:
    before = {"absent_since_run": str(known.absent_since), "absent_runs": known.absent_runs}
    return DiffRow.of(DiffKind.RETURNED, key, before, {"absent_since_run": None, "absent_runs": 0})


def _rows(statement: Composable | str, scope: Scope, **given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**scope.names, **given})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
