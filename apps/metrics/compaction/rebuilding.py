"""Rollups computed anew from raw points, where those are kept; the shard is held, each change fenced."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.accounts.services import record_audit
from apps.metrics.compaction.bounds import always_raw_since, bounds_of
from apps.metrics.compaction.leasing import patiently_held, require
from apps.metrics.compaction.recomputing import Bucket, Comparison, batches, compare, recomputed
from apps.metrics.storage import checking, chunks, rollups, shards
from apps.metrics.storage.chunks import MetricDay
from apps.metrics.storage.shards import Lease, fenced
from apps.metrics.storage.snapshots import snapshot


@dataclass(frozen=True, slots=True)
class Scope:
    """Which metric-days: of one organization, of some metrics, from a UTC day on, before another."""

    organization_id: uuid.UUID | None = None
    numbers: tuple[int, ...] | None = None
    first: dt.date | None = None
    after: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A metric's bucket whose stored row differed from what its points give."""

    number: int
    bucket: Bucket


def rebuild_rollups(*, scope: Scope, now: dt.datetime, dry_run: bool = False) -> list[Rebuilt]:
    """Recompute rollups from chunks and write those that differ; return these. `dry_run` writes nothing.

    A metric-day whose points retention has taken keeps its rollups, and so does one with unreadable points,
    which `metrics_verify` names. Audited per organization. Waits for whoever holds a shard, raises LeaseLost
    if that takes too long.
    """
    found: list[Rebuilt] = []
    for shard_id, owner in shards.shards_of(scope.organization_id):
        days = checking.metric_days(shard_id, numbers=scope.numbers, first=scope.first, after=scope.after)
        of_shard = rebuild_days(shard_id, owner, days, now=now, dry_run=dry_run)
        if of_shard and not dry_run:
            _audit(owner, of_shard)
        found += of_shard
    return found


def rebuild_days(
    shard_id: int, owner: uuid.UUID, metric_days: Sequence[MetricDay], *, now: dt.datetime, dry_run: bool
) -> list[Rebuilt]:
    """Recompute the rollups of metric-days of a shard, 64 in a transaction; return those that differed."""
    raw_since = always_raw_since(bounds_of([owner])[owner], now)
    found: list[Rebuilt] = []
    for batch in batches(metric_days):
        # Held for one batch at a time, so that compaction is not kept waiting.
        with patiently_held(shard_id) as lease:
            with snapshot():
                compared = compare(shard_id, batch, always_raw_since=raw_since)
            # Where no point is left at all, nothing says that the rollups are wrong.
            wrong = [each for each in compared if each.differing and len(each.raw.points)]
            if wrong and not dry_run:
                require(lease)
                _write(lease, wrong)
        found += [Rebuilt(each.raw.number, bucket) for each in wrong for bucket in each.differing]
    return found


def _write(lease: Lease, wrong: Sequence[Comparison]) -> None:
    days = [(each.raw.number, each.raw.day) for each in wrong]
    expected = recomputed([each.raw for each in wrong])
    with fenced(lease) as epoch:
        for width_s, rows in expected.items():
            rollups.delete_days(lease.shard_id, width_s, days)
            rollups.write_rollups(lease.shard_id, width_s, rows)
        changed = sorted({day for _, day in days})
        chunks.take_from_days(lease.shard_id, epoch, changed, [0] * len(changed))


@transaction.atomic
def _audit(owner: uuid.UUID, found: Sequence[Rebuilt]) -> None:
    organization = Organization.objects.filter(pk=owner).first()
    if organization is not None:
        changes = {"rollups": len(found), "metrics": len({each.number for each in found})}
        record_audit(actor=system_actor(organization), verb="metrics.rebuilt", changes=changes)
