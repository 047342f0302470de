"""One step of compaction: a shard's oldest segments become parts, rollups, ends and counts, all or none."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import structlog

from apps.metrics.codec.payloads import CorruptPayload, SegmentPoints, decode_segment
from apps.metrics.codec.rollups import RollupColumns, combine
from apps.metrics.compaction.leasing import require
from apps.metrics.compaction.rolling import roll_up_widths
from apps.metrics.compaction.sorting import Integers, Points, encode_parts, joined, starts_of_runs
from apps.metrics.storage import chunks, rollups, segments, stats
from apps.metrics.storage.chunks import ChunkColumns, date_of
from apps.metrics.storage.faults import reach
from apps.metrics.storage.partitions import ensure_partitions
from apps.metrics.storage.segments import Segment
from apps.metrics.storage.shards import Lease, LeaseLost, fenced
from apps.metrics.storage.stats import StatColumns

STEP_POINTS: Final = 1_000_000

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """What one step moved: the counts, the metrics and the UTC days; `last_id` is that of its last segment.

    `skipped` segments are unreadable and stay.
    """

    last_id: int
    points: int
    segments: int
    parts: int
    skipped: int
    numbers: Integers
    days: tuple[dt.date, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    """Readable segments, and their points in the order of storage."""

    rows: list[Segment]
    pieces: list[SegmentPoints]
    points: Points


@dataclass(frozen=True, slots=True)
class _Encoded:
    """All that one commit writes, computed without a transaction."""

    parts: ChunkColumns
    rollups: dict[int, RollupColumns]
    stats: StatColumns
    days: Integers
    day_counts: Integers


def move_step(lease: Lease, *, up_to_id: int, after_id: int = 0) -> Moved | None:
    """Move the oldest segments with ids in (after_id, up_to_id], a million points at most; None without any.

    Raises LeaseLost, then nothing is changed.
    """
    rows = segments.read_segments(
        lease.shard_id, max_points=STEP_POINTS, up_to_id=up_to_id, after_id=after_id
    )
    if not rows:
        return None
    taken = _take(lease.shard_id, rows)
    if taken is None:
        return Moved(rows[-1].id, 0, 0, 0, len(rows), np.zeros(0, np.int64), ())
    require(lease)
    encoded = _encode(lease.shard_id, taken)
    reach("compact.encoded")
    require(lease)
    # Their own transaction: the locks of making a partition are not held while points are written.
    ensure_partitions(map(date_of, encoded.days.tolist()))
    _commit(lease, taken, encoded)
    reach("compact.committed")
    return Moved(
        last_id=rows[-1].id,
        points=len(taken.points),
        segments=len(taken.rows),
        parts=len(encoded.parts),
        skipped=len(rows) - len(taken.rows),
        numbers=encoded.stats.numbers,
        days=tuple(map(date_of, encoded.days.tolist())),
    )


def _take(shard_id: int, rows: Sequence[Segment]) -> _Taken | None:
    """Decode segments; one that cannot be read stays where it is, for `metrics_verify` to name."""
    readable, pieces = [], []
    for row in rows:
        try:
            pieces.append(decode_segment(row.payload))
            readable.append(row)
        except CorruptPayload as error:
            logger.warning("metrics.segment_unreadable", shard_id=shard_id, segment=row.id, reason=str(error))
    if not readable:
        return None
    points = joined([Points(piece.point_numbers(), piece.times, piece.values) for piece in pieces])
    return _Taken(readable, pieces, points.sorted())


def _encode(shard_id: int, taken: _Taken) -> _Encoded:
    points = taken.points
    parts = encode_parts(points)
    days, place = np.unique(parts.days, return_inverse=True)
    return _Encoded(
        parts=parts,
        rollups={width_s: _added(shard_id, width_s, new) for width_s, new in roll_up_widths(points).items()},
        stats=_stats(taken),
        days=days,
        day_counts=np.bincount(place, weights=parts.point_counts).astype(np.int64),
    )


def _added(shard_id: int, width_s: int, new: RollupColumns) -> RollupColumns:
    """Return new rows with what is stored of their buckets added."""
    old = rollups.read_rollups(shard_id, width_s, new.numbers, new.starts)
    return combine(old, new) if len(old) else new


def _stats(taken: _Taken) -> StatColumns:
    points = taken.points
    starts = starts_of_runs(points.numbers)
    lasts = np.append(starts[1:], len(points)) - 1
    return StatColumns(
        numbers=points.numbers[starts],
        first_ats=points.times[starts],
        last_ats=points.times[lasts],
        last_values=points.values[lasts],
        received_ats=_latest_receipts(taken),
    )


def _latest_receipts(taken: _Taken) -> Integers:
    """Return when each metric's latest points came in, by number; which points they are does not matter."""
    numbers = np.concatenate([piece.numbers for piece in taken.pieces])
    received = np.repeat(
        np.array([row.received_at_us for row in taken.rows], np.int64),
        [len(piece.numbers) for piece in taken.pieces],
    )
    order = np.argsort(numbers, kind="stable")
    latest: Integers = np.maximum.reduceat(received[order], starts_of_runs(numbers[order]))
    return latest


def _commit(lease: Lease, taken: _Taken, encoded: _Encoded) -> None:
    shard_id = lease.shard_id
    with fenced(lease) as epoch:
        chunks.insert_chunks(shard_id, encoded.parts)
        for width_s, rows in encoded.rollups.items():
            rollups.write_rollups(shard_id, width_s, rows)
        stats.widen_stats(shard_id, encoded.stats)
        chunks.add_to_days(shard_id, epoch, encoded.days, encoded.day_counts)
        gone = segments.delete_segments(shard_id, [row.id for row in taken.rows])
        # The fence makes this impossible, unless somebody deletes segments by hand: then their points go.
        if gone != len(taken.rows):
            raise LeaseLost(f"{len(taken.rows) - gone} of the segments were gone.")
        reach("compact.before_commit")
