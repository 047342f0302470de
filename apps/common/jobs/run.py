"""What the body of a job holds: its claimed row, and the only ways to write to it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import sharedctypes
from typing import Any, Final, Generic

import structlog
from django.db import DatabaseError, connection
from django.db.models import Value
from django.db.models.functions import Greatest, Now

from apps.common.db import JobStatus
from apps.common.jobs.errors import JobCancelled, LeaseLost, WorkerStopping
from apps.common.jobs.kinds import JobKind, R
from apps.common.jobs.lifecycle import LEASE, release, write_leased

HEARTBEAT_S: Final = 15.0
PROGRESS_INTERVAL_S: Final = 0.25

# Set by the worker's main process when it shuts down; its forked children see the same byte.
worker_is_stopping = sharedctypes.RawValue("b", 0)

logger = structlog.get_logger(__name__)


class Run(Generic[R]):
    """One attempt at a job. Every write is conditional on the lease: a late worker's writes match no row."""

    def __init__(self, kind: JobKind[R], row: R) -> None:
        self.kind = kind
        self.row = row
        self._written_at_s = 0.0
        self._lost = threading.Event()

    def progress(self, fraction: float, *, stage: str, **fields: Any) -> None:
        """Record how far the job is (0..1), renew the lease, tell subscribers; at most four times a second.

        `fields` are written too, unless the call falls into the quarter second after the last. Progress never
        falls within an attempt. Raises JobCancelled, LeaseLost or WorkerStopping: let them pass.
        """
        now_s = time.monotonic()
        if stage == self.row.stage and now_s - self._written_at_s < PROGRESS_INTERVAL_S:
            return
        self._written_at_s = now_s
        self.check()
        fields |= {"stage": stage, "heartbeat_at": Now(), "lease_until": Now() + LEASE}
        if not write_leased(self.kind, self.row, progress=Greatest("progress", Value(fraction)), **fields):
            raise LeaseLost
        self.row.progress = max(self.row.progress, fraction)
        self.kind.tell(self.row)

    def write(self, **fields: Any) -> None:
        """Write to the row within the caller's transaction; raises LeaseLost, which must undo it."""
        if not write_leased(self.kind, self.row, **fields):
            raise LeaseLost

    def succeed(self, **fields: Any) -> None:
        """End the job in the transaction of its effect: both are there or neither; raises LeaseLost."""
        if not release(self.kind, self.row, JobStatus.SUCCEEDED, progress=1.0, **fields):
            raise LeaseLost

    def wait(self, **fields: Any) -> None:
        """Leave the queue until somebody decides something; raises LeaseLost. The body returns after this."""
        if not release(self.kind, self.row, JobStatus.WAITING, **fields):
            raise LeaseLost

    def check(self) -> None:
        """Raise if the job should stop: cancelled, taken over, or its worker is shutting down."""
        if worker_is_stopping.value:
            raise WorkerStopping
        if self._lost.is_set():
            raise LeaseLost
        asked = self.kind.rows.filter(pk=self.row.pk).values_list("cancel_requested_at", flat=True).first()
        if asked is not None:
            raise JobCancelled

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Renew the lease from a thread for as long as the block runs, however long one statement takes."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), name="job-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        token, pk = self.row.lease_token, self.row.pk
        try:
            while not stop.wait(HEARTBEAT_S):
                try:
                    held = self.kind.rows.filter(pk=pk, lease_token=token, status=JobStatus.RUNNING)
                    if not held.update(heartbeat_at=Now(), lease_until=Now() + LEASE):
                        self._lost.set()
                        return
                except DatabaseError as error:
                    # The lease outlasts three missed beats: a restarted database is back by the next one.
                    logger.warning("job_heartbeat_missed", job_id=str(pk), error=str(error))
                    connection.close()
        finally:
            connection.close()
