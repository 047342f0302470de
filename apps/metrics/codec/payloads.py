"""Points as bytes: segments (points of one commit, many metrics) and chunks (points of one metric).

Little-endian. A payload begins with its version, the codec of its columns and two zero bytes; then u32s: of a
segment points, metrics, lengths of directory, times and values, CRC-32; of a chunk points, lengths of times
and values, CRC-32. The CRC covers all that follows it: the blocks. The directory holds the steps of the
metrics' numbers, from 0, then the points of each, all LEB128. A change of format is a new version with a
reader of its own; the old readers stay.
"""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from apps.metrics.codec import leb128
from apps.metrics.codec.arrays import Float64s, Int64s, sizes_of, starts_of
from apps.metrics.codec.columns import FLOAT64, INT64, codec_for, read_column, write_column
from apps.metrics.codec.errors import CorruptPayload

__all__ = [
    "CorruptPayload",
    "SegmentPoints",
    "decode_chunk",
    "decode_segment",
    "encode_chunk",
    "encode_segment",
]

VERSION: Final = 1
# What a header may claim. The largest payload that is written, a segment of queued requests, has 10 million.
MOST_POINTS: Final = 1 << 24
_SEGMENT_1: Final = struct.Struct("<BBH6I")
_CHUNK_1: Final = struct.Struct("<BBH4I")

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class SegmentPoints:
    """Points of several metrics by (number, time, value).

    `numbers` are distinct and ascending, `counts` say how many points each has; `times` (microseconds since
    1970) and `values` have one entry per point.
    """

    numbers: Int64s
    counts: Int64s
    times: Int64s
    values: Float64s

    def point_numbers(self) -> Int64s:
        """Return the number of the metric of each point."""
        return np.repeat(self.numbers, self.counts)


def encode_segment(numbers: Int64s, times: Int64s, values: Float64s) -> bytes:
    """Return points as a segment: at least one, sorted by (number, time, value), values finite.

    Raises ValueError if they are not so: what could not be read again is not written.
    """
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    _refuse_unreadable(times, values, starts)
    steps = np.diff(numbers[starts], prepend=0)
    if steps.min() < 0:
        raise ValueError("the numbers of metrics do not ascend from 0")
    words = np.concatenate((steps, sizes_of(starts, len(times))))
    codec = codec_for(len(times))
    blocks = (leb128.encode(words.view(np.uint64)), write_column(times, codec), write_column(values, codec))
    return _join(_SEGMENT_1, codec, (len(times), len(starts)), blocks)


def decode_segment(payload: bytes | memoryview) -> SegmentPoints:
    """Return the points of a segment.

    Raises CorruptPayload if a newer release wrote it, or it is not what was written.
    """
    return _read(bytes(payload), _SEGMENT_READERS)


def encode_chunk(times: Int64s, values: Float64s) -> bytes:
    """Return points of one metric as a chunk: at least one, sorted by (time, value), values finite.

    Raises ValueError if they are not so: what could not be read again is not written.
    """
    _refuse_unreadable(times, values, np.zeros(1, dtype=np.int64))
    codec = codec_for(len(times))
    return _join(_CHUNK_1, codec, (len(times),), (write_column(times, codec), write_column(values, codec)))


def decode_chunk(payload: bytes | memoryview) -> tuple[Int64s, Float64s]:
    """Return times and values of a chunk, by (time, value).

    Raises CorruptPayload if a newer release wrote it, or it is not what was written.
    """
    return _read(bytes(payload), _CHUNK_READERS)


def _join(layout: struct.Struct, codec: int, counts: Sequence[int], blocks: Sequence[bytes]) -> bytes:
    crc = 0
    for block in blocks:
        crc = zlib.crc32(block, crc)
    header = layout.pack(VERSION, codec, 0, *counts, *(len(block) for block in blocks), crc)
    return b"".join((header, *blocks))


def _read(payload: bytes, readers: Mapping[int, Callable[[bytes], _Read]]) -> _Read:
    if not payload:
        raise CorruptPayload("the payload is empty")
    if payload[0] not in readers:
        known = ", ".join(str(version) for version in readers)
        raise CorruptPayload(f"version {payload[0]} of the payload is unknown; this release reads {known}")
    return readers[payload[0]](payload)


def _read_segment_1(payload: bytes) -> SegmentPoints:
    codec, points, metrics, *lengths, crc = _header(payload, _SEGMENT_1)
    directory, times, values = _blocks(payload, _SEGMENT_1.size, lengths, crc)
    numbers, counts = _read_directory(directory, metrics, points)
    segment = SegmentPoints(
        numbers=numbers,
        counts=counts,
        times=read_column(times, codec, INT64, points),
        values=read_column(values, codec, FLOAT64, points),
    )
    _refuse_fault(segment.times, segment.values, starts_of(counts))
    return segment


def _read_chunk_1(payload: bytes) -> tuple[Int64s, Float64s]:
    codec, points, *lengths, crc = _header(payload, _CHUNK_1)
    blocks = _blocks(payload, _CHUNK_1.size, lengths, crc)
    times = read_column(blocks[0], codec, INT64, points)
    values = read_column(blocks[1], codec, FLOAT64, points)
    _refuse_fault(times, values, np.zeros(1, dtype=np.int64))
    return times, values


# Every version ever written stays here.
_SEGMENT_READERS: Final[Mapping[int, Callable[[bytes], SegmentPoints]]] = {1: _read_segment_1}
_CHUNK_READERS: Final[Mapping[int, Callable[[bytes], tuple[Int64s, Float64s]]]] = {1: _read_chunk_1}


def _header(payload: bytes, layout: struct.Struct) -> list[int]:
    """Return codec, points and the following fields of a header whose version is known."""
    if len(payload) < layout.size:
        raise CorruptPayload(f"the payload has {len(payload)} bytes, its header alone {layout.size}")
    _, codec, zeros, points, *others = layout.unpack_from(payload)
    if zeros != 0:
        raise CorruptPayload("bytes 2 and 3 of the payload are not zero")
    if not 0 < points <= MOST_POINTS:
        raise CorruptPayload(f"the payload claims {points} points; 1 to {MOST_POINTS} are possible")
    return [codec, points, *others]


def _blocks(payload: bytes, at: int, lengths: list[int], crc: int) -> list[bytes]:
    """Return the blocks that follow a header, once their lengths and CRC are seen to be right."""
    found = len(payload) - at
    if sum(lengths) != found:
        raise CorruptPayload(f"the header claims blocks of {sum(lengths)} bytes, {found} follow it")
    if zlib.crc32(memoryview(payload)[at:]) != crc:
        raise CorruptPayload("the CRC of the blocks is not that of the header")
    blocks = []
    for length in lengths:
        blocks.append(payload[at : at + length])
        at += length
    return blocks


def _read_directory(block: bytes, metrics: int, points: int) -> tuple[Int64s, Int64s]:
    """Return numbers and counts of a segment's metrics."""
    words = leb128.decode(np.frombuffer(block, dtype=np.uint8))
    if metrics == 0 or len(words) != 2 * metrics:
        raise CorruptPayload(f"the directory has {len(words)} entries for {metrics} metrics")
    # A sum past 64 bits wraps, and so does not ascend.
    numbers, counts = np.cumsum(words[:metrics]), words[metrics:]
    if (numbers[1:] <= numbers[:-1]).any() or numbers[-1] > np.iinfo(np.int64).max:
        raise CorruptPayload("the numbers of metrics in the directory do not ascend, or exceed 63 bits")
    if counts.min() == 0 or counts.max() > points or int(counts.sum()) != points:
        raise CorruptPayload(f"the counts in the directory do not add up to {points} points")
    return numbers.view(np.int64), counts.view(np.int64)


def _refuse_fault(times: Int64s, values: Float64s, starts: Int64s) -> None:
    if fault := _fault_of(times, values, starts):
        raise CorruptPayload(fault)


def _refuse_unreadable(times: Int64s, values: Float64s, starts: Int64s) -> None:
    if not 0 < len(times) <= MOST_POINTS:
        raise ValueError(f"a payload has 1 to {MOST_POINTS} points, not {len(times)}")
    if fault := _fault_of(times, values, starts):
        raise ValueError(fault)


def _fault_of(times: Int64s, values: Float64s, starts: Int64s) -> str | None:
    """Return what is wrong with points that should be finite and, in each group, by (time, value)."""
    if not np.isfinite(values).all():
        return "a value is not finite"
    later = times[1:] > times[:-1]
    later[starts[1:] - 1] = True
    doubtful = np.flatnonzero(~later)
    if (times[doubtful] != times[doubtful + 1]).any() or (values[doubtful] > values[doubtful + 1]).any():
        return "the points are not sorted by time and value"
    return None
