"""Shards: the lease of who changes what is stored, and the epoch that fences those who come too late."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction

from apps.common.errors import Conflict
from apps.metrics.storage import columns

LEASE_S: Final = 60


class LeaseLost(Conflict):
    """Somebody else has taken over the shard meanwhile; nothing was changed."""

    code = "metrics.lease_lost"


@dataclass(slots=True)
class Lease:
    """The right to change what a shard holds, as of `epoch`. `is_lost` once a renewal has matched no row."""

    shard_id: int
    epoch: int
    token: uuid.UUID
    is_lost: bool = field(default=False)


def claim(shard_id: int) -> Lease | None:
    """Take a shard whose lease is over for 60 s; None if another holds it, or there is no such shard."""
    token = uuid.uuid4()
    # Conditional: of two that claim at once, the second waits for the row and then matches nothing.
    rows = columns.read_all(
        "UPDATE metrics_shard SET lease_token = %s, lease_until = now() + %s * interval '1 second'"
        " WHERE shard_id = %s AND (lease_until IS NULL OR lease_until < now()) RETURNING epoch",
        [token, LEASE_S, shard_id],
    )
    return Lease(shard_id, rows[0][0], token) if rows else None


def renew(lease: Lease) -> bool:
    """Hold a shard for another 60 s; False if another has taken it."""
    touched = columns.change(
        "UPDATE metrics_shard SET lease_until = now() + %s * interval '1 second'"
        " WHERE shard_id = %s AND lease_token = %s",
        [LEASE_S, lease.shard_id, lease.token],
    )
    return touched == 1


def release(lease: Lease) -> None:
    """Give a shard back, if it is still held."""
    columns.run(
        "UPDATE metrics_shard SET lease_token = NULL, lease_until = NULL"
        " WHERE shard_id = %s AND lease_token = %s",
        [lease.shard_id, lease.token],
    )


def release_lease(shard_id: int) -> bool:
    """Take the lease from whoever holds it, who then changes nothing any more; False if nobody did."""
    touched = columns.change(
        "UPDATE metrics_shard SET lease_token = NULL, lease_until = NULL"
        " WHERE shard_id = %s AND lease_token IS NOT NULL",
        [shard_id],
    )
    return touched == 1


@contextmanager
def fenced(lease: Lease) -> Iterator[int]:
    """Open the transaction of one change of what is stored; yields the new epoch.

    Raises LeaseLost, and nothing is changed, unless the shard is as it was when the lease was taken. Whatever
    was read after that is still so, because every change goes through here.
    """
    with transaction.atomic():
        # A compactor that was paused and wakes up late matches no row here, whatever it has computed.
        rows = columns.read_all(
            "UPDATE metrics_shard SET epoch = epoch + 1, compacted_at = now()"
            " WHERE shard_id = %s AND epoch = %s AND lease_token = %s RETURNING epoch",
            [lease.shard_id, lease.epoch, lease.token],
        )
        if not rows:
            raise LeaseLost
        epoch: int = rows[0][0]
        yield epoch
    lease.epoch = epoch


def mark_pending() -> None:
    """Write down what waits in each shard, for those who only want to know roughly."""
    columns.run(
        """
        UPDATE metrics_shard AS shard
        SET pending_points = coalesce(waiting.points, 0), pending_since = waiting.since
        FROM metrics_shard AS same LEFT JOIN (
            SELECT shard_id, sum(point_count) AS points, min(received_at) AS since
            FROM metrics_point_segment GROUP BY shard_id
        ) AS waiting ON waiting.shard_id = same.shard_id
        WHERE shard.shard_id = same.shard_id
          AND (shard.pending_points, shard.pending_since)
              IS DISTINCT FROM (coalesce(waiting.points, 0), waiting.since)
        """
    )


def held_shards() -> set[int]:
    """Return the ids of the shards that somebody holds just now."""
    return {
        id_ for (id_,) in columns.read_all("SELECT shard_id FROM metrics_shard WHERE lease_until >= now()")
    }


def shards_of(organization_id: uuid.UUID | None = None) -> list[tuple[int, uuid.UUID]]:
    """Return id and organization of all shards, or of one organization's, by id."""
    rows = columns.read_all(
        "SELECT shard_id, organization_id FROM metrics_shard"
        " WHERE %s::uuid IS NULL OR organization_id = %s ORDER BY shard_id",
        [organization_id, organization_id],
    )
    return [(shard_id, owner) for shard_id, owner in rows]
