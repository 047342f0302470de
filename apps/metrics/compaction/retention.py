"""Retention: what is past its time goes, whole partitions where that is possible.

Every step may be killed and be run again. Points go before their rollups.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.permissions import system_actor
from apps.accounts.services import record_audit
from apps.metrics import figures
from apps.metrics.compaction.bounds import Bounds, bounds_of
from apps.metrics.compaction.due import compact_everything
from apps.metrics.compaction.leasing import patiently_held
from apps.metrics.storage import chunks, partitions, retiring, shards
from apps.metrics.storage.partitions import CHUNKS, ROLLUPS, Partition, PartitionsBusy
from apps.metrics.storage.retiring import Amount, Past
from apps.metrics.storage.rollups import WIDTHS_S
from apps.metrics.storage.shards import LeaseLost, fenced

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Loss:
    """What an organization loses."""

    chunks: Amount = field(default_factory=Amount)
    rollups: Amount = field(default_factory=Amount)


@dataclass(slots=True)
class RetentionReport:
    """What went, or would go: whole partitions, and the loss of each organization.

    `postponed` partitions were in use for too long; the next run takes them.
    """

    partitions: list[str] = field(default_factory=list)
    losses: dict[uuid.UUID, Loss] = field(default_factory=dict)
    postponed: list[str] = field(default_factory=list)

    def add(self, owner: uuid.UUID, table: str, amount: Amount) -> None:
        """Count something into an organization's loss."""
        if not amount.rows:
            return
        loss = self.losses.setdefault(owner, Loss())
        if table == CHUNKS:
            loss.chunks += amount
        else:
            loss.rollups += amount

    def total(self) -> Loss:
        """Return the loss of all organizations."""
        losses = self.losses.values()
        return Loss(
            sum((loss.chunks for loss in losses), Amount()), sum((loss.rollups for loss in losses), Amount())
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """The past rows of one shard in one partition; `width_s` of rollups."""

    shard_id: int
    owner: uuid.UUID
    past: Past
    width_s: int | None = None


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is past on a UTC day, for all shards; with `only`, nothing is of other organizations."""

    owners: Sequence[tuple[int, uuid.UUID]]
    bounds: Mapping[uuid.UUID, Bounds]
    today: dt.date
    only: uuid.UUID | None

    def pieces(self, partition: Partition) -> list[_Piece]:
        """Return what is past of each shard in a partition, of rollups by width."""
        widths_s = (None,) if partition.table == CHUNKS else WIDTHS_S
        return [
            _Piece(shard_id, owner, self._past(owner, partition, width_s), width_s)
            for shard_id, owner in self.owners
            for width_s in widths_s
        ]

    def _past(self, owner: uuid.UUID, partition: Partition, width_s: int | None) -> Past:
        if self.only not in {None, owner}:
            return Past(of_most=False)
        if width_s is None:
            return self.bounds[owner].raw_past(self.today, partition.after)
        return self.bounds[owner].rollup_past(self.today, partition.after, width_s)


def run_retention(
    *, now: dt.datetime, organization_id: uuid.UUID | None = None, dry_run: bool = False
) -> RetentionReport:
    """Drop what is past for all, delete what is past for some, audit it; return what went.

    With an organization, only its rows are past. `dry_run` only counts. Call it outside of transactions.
    """
    report = RetentionReport()
    if not dry_run:
        _finish_earlier_runs()
        # So that the rollups know what is about to go.
        compact_everything(organization_id, until_empty=False)
    owners = shards.shards_of()
    today = now.astimezone(dt.UTC).date()
    rules = _Rules(owners, bounds_of(owner for _, owner in owners), today, organization_id)
    for partition in partitions.partitions_of(CHUNKS):
        _retire(report, partition, rules.pieces(partition), dry_run=dry_run)
    if not dry_run:
        _settle_days(owners)
    for partition in partitions.partitions_of(ROLLUPS):
        if not _has_postponed(report, partition):
            _retire(report, partition, rules.pieces(partition), dry_run=dry_run)
    if not dry_run:
        _audit(report, today)
        figures.retention_deleted.inc(report.total().chunks.points)
    return report


def _finish_earlier_runs() -> None:
    try:
        partitions.drop_leftovers()
    except PartitionsBusy:
        logger.warning("metrics.retention_postponed", partition="left over")


def _retire(report: RetentionReport, partition: Partition, pieces: list[_Piece], *, dry_run: bool) -> None:
    """Take what is past out of one partition, or the partition itself if nothing else is in it."""
    if all(piece.past.is_empty for piece in pieces):
        return  # also without any shard: nobody can say that it is past
    try:
        if any(_keeps(partition, piece) for piece in pieces):
            _thin(report, partition, pieces, dry_run=dry_run)
        else:
            _drop(report, partition, pieces, dry_run=dry_run)
    except (PartitionsBusy, LeaseLost) as error:
        logger.warning("metrics.retention_postponed", partition=partition.name, code=error.code)
        report.postponed.append(partition.name)


def _keeps(partition: Partition, piece: _Piece) -> bool:
    """Tell whether a partition holds rows of a shard that are not past."""
    return not piece.past.is_whole and retiring.has_rows(
        partition, piece.shard_id, piece.past.rest, piece.width_s
    )


def _drop(report: RetentionReport, partition: Partition, pieces: list[_Piece], *, dry_run: bool) -> None:
    amounts = [
        (piece, retiring.count_past(partition, piece.shard_id, piece.past, piece.width_s)) for piece in pieces
    ]
    if not dry_run:
        partitions.drop_partition(partition)
        logger.info("metrics.partition_dropped", partition=partition.name)
    report.partitions.append(partition.name)
    for piece, amount in amounts:
        report.add(piece.owner, partition.table, amount)
    if not dry_run and partition.table == ROLLUPS:
        for shard_id in sorted({piece.shard_id for piece, amount in amounts if amount.rows}):
            with patiently_held(shard_id) as lease, fenced(lease) as epoch:
                retiring.mark_changed(partition, shard_id, epoch)


def _thin(report: RetentionReport, partition: Partition, pieces: list[_Piece], *, dry_run: bool) -> None:
    for piece in pieces:
        if piece.past.is_empty:
            continue
        if dry_run:
            amount = retiring.count_past(partition, piece.shard_id, piece.past, piece.width_s)
        else:
            amount = _delete(partition, piece)
        report.add(piece.owner, partition.table, amount)


def _delete(partition: Partition, piece: _Piece) -> Amount:
    """Delete the past rows of a shard by 1,000, each batch with what it leaves of the day."""
    if not retiring.has_rows(partition, piece.shard_id, piece.past, piece.width_s):
        return Amount()
    total = Amount()
    with patiently_held(piece.shard_id) as lease:
        while True:
            with fenced(lease) as epoch:
                gone = retiring.delete_past(partition, piece.shard_id, piece.past, piece.width_s)
                if partition.table == CHUNKS:
                    chunks.take_from_days(piece.shard_id, epoch, [partition.first], [gone.points])
                else:
                    retiring.mark_changed(partition, piece.shard_id, epoch)
            total += gone
            if gone.rows < retiring.BATCH_ROWS:
                return total


def _settle_days(owners: Iterable[tuple[int, uuid.UUID]]) -> None:
    """Say that nothing is left of days whose partition has gone, now or in a run that died after that."""
    for shard_id, _ in owners:
        if not _days_without_partition(shard_id):
            continue
        try:
            with patiently_held(shard_id) as lease:
                # Looked at again: a compaction may have made the partition anew before the shard was held.
                gone = _days_without_partition(shard_id)
                with fenced(lease) as epoch:
                    chunks.take_from_days(shard_id, epoch, list(gone), list(gone.values()))
        except LeaseLost:
            logger.warning("metrics.days_not_settled", shard_id=shard_id)


def _days_without_partition(shard_id: int) -> dict[dt.date, int]:
    existing = partitions.existing_partitions()
    counts = chunks.stored_days(shard_id)
    return {day: count for day, count in counts.items() if partitions.chunk_partition(day) not in existing}


def _has_postponed(report: RetentionReport, month: Partition) -> bool:
    """Tell whether points of a month could not go yet: its rollups wait for them."""
    days = [partitions.day_of_partition(name) for name in report.postponed]
    return any(day is not None and month.first <= day < month.after for day in days)


@transaction.atomic
def _audit(report: RetentionReport, today: dt.date) -> None:
    for organization in Organization.objects.filter(pk__in=report.losses).order_by("pk"):
        loss = report.losses[organization.pk]
        record_audit(
            actor=system_actor(organization),
            verb="metrics.retention_run",
            changes={
                "day": today.isoformat(),
                "chunks": loss.chunks.rows,
                "points": loss.chunks.points,
                "rollups": loss.rollups.rows,
            },
        )
