"""Holding a shard while its contents are changed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from django.db import DatabaseError, connection

from apps.metrics.storage import shards
from apps.metrics.storage.shards import Lease, LeaseLost

RENEWED_S: Final = 15.0
TRIED_AGAIN_S: Final = 0.5
# Longer than the lease of a holder that died.
PATIENCE_S: Final = shards.LEASE_S + 15.0

logger = structlog.get_logger(__name__)


@contextmanager
def hold(shard_id: int) -> Iterator[Lease | None]:
    """Hold a shard for the block, renewed every 15 s in a thread; yields None if another holds it."""
    lease = shards.claim(shard_id)
    if lease is None:
        yield None
        return
    over = threading.Event()
    renewal = threading.Thread(target=_renew_until, args=(lease, over), name="metrics-lease", daemon=True)
    renewal.start()
    try:
        yield lease
    finally:
        over.set()
        renewal.join()
        shards.release(lease)


@contextmanager
def patiently_held(shard_id: int, patience_s: float = PATIENCE_S) -> Iterator[Lease]:
    """Hold a shard for the block, after whoever holds it; raises LeaseLost if that takes too long."""
    give_up_s = time.monotonic() + patience_s
    while True:
        with hold(shard_id) as lease:
            if lease is not None:
                yield lease
                return
        if time.monotonic() > give_up_s:
            raise LeaseLost("Another has held the shard all the time.")
        time.sleep(TRIED_AGAIN_S)


def require(lease: Lease) -> None:
    """Raise LeaseLost if a renewal came too late: what follows would be work for nothing."""
    if lease.is_lost:
        raise LeaseLost


def _renew_until(lease: Lease, over: threading.Event) -> None:
    try:
        while not over.wait(RENEWED_S):
            if not _renewed(lease):
                return
    finally:
        connection.close()  # this thread's own


def _renewed(lease: Lease) -> bool:
    try:
        lease.is_lost = not shards.renew(lease)
    except DatabaseError:
        logger.warning("metrics.lease_not_renewed", shard_id=lease.shard_id, exc_info=True)
    return not lease.is_lost
