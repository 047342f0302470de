"""A hydration that is undone: all in one transaction, what it would change noted aside and kept."""

import tempfile
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Final

import orjson
from django.db import connection, transaction
from django.utils import timezone

from apps.common import jobs
from apps.signals.hydrating.diffs import DiffRow, forget, store
from apps.signals.hydrating.scope import Scope
from apps.signals.hydrating.stages import Outcome, count_rows, hydrate_rows, settle_signals
from apps.signals.models import Hydration
from apps.signals.states import DiffKind

LOCK_TIMEOUT: Final = "5s"
STORED_AT_ONCE: Final = 1_000


def rehearse(job: jobs.Run[Hydration], scope: Scope) -> Outcome:
    """Hydrate, undo it, and store the diff beside the counters; the job is still running afterwards.

    The job's row is not written to meanwhile: its heartbeat would wait for this transaction.
    """
    total = count_rows(scope)
    job.progress(0.0, stage=f"rehearsing {total:,} rows")
    with tempfile.TemporaryFile() as spool:
        outcome = _undone(job, scope, spool)
        spool.seek(0)
        with transaction.atomic():
            forget(job.row)
            rows = _read(spool)
            while some := list(islice(rows, STORED_AT_ONCE)):
                store(job.row, some)
            job.write(**outcome.counts.columns())
    return outcome


def _undone(job: jobs.Run[Hydration], scope: Scope, spool: IO[bytes]) -> Outcome:
    def note(rows: Iterable[DiffRow]) -> None:
        spool.writelines(_line(row) for row in rows)

    with transaction.atomic():
        with connection.cursor() as cursor:
            # Nobody who works on signals is to wait for a rehearsal, nor it for them.
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        # Nothing is kept of it, so nobody needs to be held off.
        outcome = hydrate_rows(scope, step=lambda _done: job.check(), hold=lambda: None, sink=note)
        settle_signals(scope, outcome, now=timezone.now(), sink=note)
        transaction.set_rollback(True)
    return outcome


def _line(row: DiffRow) -> bytes:
    return orjson.dumps([row.kind, str(row.signal_key), row.before, row.after]) + b"\n"


def _read(spool: IO[bytes]) -> Iterator[DiffRow]:
    for line in spool:
        kind, key, before, after = orjson.loads(line)
        yield DiffRow(DiffKind(kind), uuid.UUID(key), before, after)
