"""Parts of one metric and UTC day into fewer: eight of a level into one, a day that is over into chunks."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import numpy as np
import structlog

from apps.metrics.codec.payloads import CorruptPayload, decode_chunk
from apps.metrics.compaction.leasing import require
from apps.metrics.compaction.sorting import Integers, Points, encode_parts, joined
from apps.metrics.storage import chunks
from apps.metrics.storage.chunks import CLOSED, FANOUT, ChunkColumns, Part, PartKey
from apps.metrics.storage.shards import Lease, LeaseLost, fenced

BATCH_POINTS: Final = 1_000_000
# A metric-day up to here is laid out anew as a whole; of a larger one, only the parts that overlap.
WHOLE_POINTS: Final = 2_000_000
# What overlaps in more points than that stays as it is, and is read as it is: memory has an end.
OVERLAP_POINTS: Final = 10_000_000

Bundle = list[PartKey]

logger = structlog.get_logger(__name__)


def merge_levels(lease: Lease, numbers: Integers, days: Sequence[dt.date]) -> int:
    """Merge what has eight parts of one level, until nothing has; return how many parts went.

    Raises LeaseLost; then the merges before that one stay.
    """
    merged = 0
    while bundles := list(_eights(chunks.mergeable_parts(lease.shard_id, numbers, days))):
        done = sum(_merge(lease, batch, level=None) for batch in _batches(bundles))
        if not done:
            break  # all of them are unreadable
        merged += done
    return merged


def close_day(lease: Lease, day: dt.date) -> int:
    """Lay out the parts of a day that is over as chunks disjoint in time; return how many parts went.

    Raises LeaseLost; then the merges before that one stay.
    """
    bundles = bundles_to_close(lease.shard_id, day)
    return sum(_merge(lease, batch, level=CLOSED) for batch in _batches(bundles))


def bundles_to_close(shard_id: int, day: dt.date) -> list[Bundle]:
    """Return the parts of a day that is over which are to be laid out anew, by metric."""
    keys = chunks.parts_of_split_days(shard_id, day)
    of_metrics = (list(group) for _, group in groupby(keys, key=lambda key: key.number))
    return [bundle for parts in of_metrics for bundle in _to_close(parts)]


def _eights(keys: Sequence[PartKey]) -> Iterator[Bundle]:
    """Yield eight parts of one metric, day and level at a time."""
    for _, group in groupby(keys, key=lambda key: (key.number, key.day, key.level)):
        parts = list(group)
        yield from (parts[start : start + FANOUT] for start in range(0, len(parts), FANOUT))


def _to_close(parts: Bundle) -> list[Bundle]:
    """Return what is to be merged of one metric-day, whose parts come by their first instant."""
    if all(part.level == CLOSED for part in parts):
        return []
    if sum(part.point_count for part in parts) <= WHOLE_POINTS:
        return [parts]
    overlapping = [bundle for bundle in _overlaps(parts) if len(bundle) > 1]
    return [bundle for bundle in overlapping if sum(part.point_count for part in bundle) <= OVERLAP_POINTS]


def _overlaps(parts: Bundle) -> list[Bundle]:
    """Return maximal runs of parts that overlap in time, at one instant at least."""
    runs: list[Bundle] = []
    last_at = 0
    for part in parts:
        if runs and part.first_at <= last_at:
            runs[-1].append(part)
            last_at = max(last_at, part.last_at)
        else:
            runs.append([part])
            last_at = part.last_at
    return runs


def _batches(bundles: Sequence[Bundle]) -> Iterator[list[Bundle]]:
    """Yield as many bundles as have a million points together; one at least."""
    batch: list[Bundle] = []
    points = 0
    for bundle in bundles:
        size = sum(part.point_count for part in bundle)
        if batch and points + size > BATCH_POINTS:
            yield batch
            batch, points = [], 0
        batch.append(bundle)
        points += size
    if batch:
        yield batch


def _merge(lease: Lease, bundles: list[Bundle], *, level: int | None) -> int:
    """Put merged parts in place of each bundle's, one level up unless one is given; return how many went."""
    stored = chunks.read_chosen(lease.shard_id, [key for bundle in bundles for key in bundle])
    by_part = {part.part: part for part in stored}
    readable: list[tuple[Bundle, Points]] = []
    for bundle in bundles:
        points = _points_of([by_part[key.part] for key in bundle if key.part in by_part], len(readable))
        if points is not None:
            readable.append((bundle, points))
    if not readable:
        return 0
    merged = _encode(readable, level)
    require(lease)
    keys = [key for bundle, _ in readable for key in bundle]
    with fenced(lease):
        if chunks.delete_chunks(lease.shard_id, keys) != len(keys):
            raise LeaseLost("Some of the parts were gone.")
        chunks.insert_chunks(lease.shard_id, merged)
    return len(keys)


def _points_of(parts: Sequence[Part], label: int) -> Points | None:
    """Return the points of one bundle under a label in place of the metric's number; None if unreadable."""
    pieces = []
    for part in parts:
        try:
            times, values = decode_chunk(part.payload)
        except CorruptPayload as error:
            logger.warning(
                "metrics.chunk_unreadable", number=part.number, day=str(part.day), reason=str(error)
            )
            return None
        pieces.append(Points(np.full(len(times), label, np.int64), times, values))
    return joined(pieces) if pieces else None


def _encode(readable: Sequence[tuple[Bundle, Points]], level: int | None) -> ChunkColumns:
    parts = encode_parts(joined([points for _, points in readable]).sorted())
    labels = parts.numbers
    firsts = [bundle[0] for bundle, _ in readable]
    numbers = np.array([first.number for first in firsts], np.int64)
    levels = np.array([first.level + 1 if level is None else level for first in firsts], np.int64)
    return ChunkColumns(
        numbers=numbers[labels],
        days=parts.days,
        levels=levels[labels],
        point_counts=parts.point_counts,
        min_values=parts.min_values,
        max_values=parts.max_values,
        first_ats=parts.first_ats,
        last_ats=parts.last_ats,
        payloads=parts.payloads,
    )
