"""Segments and chunks: their bytes, and what happens to bytes that are not what was written."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.codec.arrays import Float64s, Int64s
from apps.metrics.codec.columns import PCODEC, write_column
from apps.metrics.codec.payloads import (
    MOST_POINTS,
    CorruptPayload,
    decode_chunk,
    decode_segment,
    encode_chunk,
    encode_segment,
)
from tests.metrics.codec.known_points import by_number_time_value, finite

some_points = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 5), st.integers(0, 2**63 - 1)),
        st.one_of(st.integers(0, 10), st.integers(-(2**62), 2**62)),
        finite,
    ),
    min_size=1,
    max_size=40,
)

SEGMENT_HEAD, CHUNK_HEAD = 28, 20
NUMBERS = np.array([3, 3, 300])
TIMES = np.array([1_700_000_000_123_456, 1_700_000_000_123_456, -1])
VALUES = np.array([-2.5, 1.5, 1e290])
DIRECTORY = bytes([3, 0xA9, 0x02, 2, 1])


def arrays(points: list[tuple[int, int, float]]) -> tuple[Int64s, Int64s, Float64s]:
    numbers, times, values = zip(*points, strict=True)
    return by_number_time_value(np.array(numbers), np.array(times), np.array(values))


def signed(head: bytes, blocks: bytes) -> bytes:
    """Return a payload whose CRC is right, whatever the blocks."""
    return head + struct.pack("<I", zlib.crc32(blocks)) + blocks


def segment_of(
    directory: bytes, times: bytes, values: bytes, *, points: int, metrics: int, codec: int = 0
) -> bytes:
    head = struct.pack("<BBH5I", 1, codec, 0, points, metrics, len(directory), len(times), len(values))
    return signed(head, directory + times + values)


def chunk_of(times: bytes, values: bytes, *, points: int, codec: int = 0) -> bytes:
    return signed(struct.pack("<BBH3I", 1, codec, 0, points, len(times), len(values)), times + values)


def packed(column: Int64s | Float64s) -> bytes:
    return write_column(column, PCODEC)


def test_a_short_segment_is_raw_columns_behind_header_and_directory() -> None:
    expected = segment_of(DIRECTORY, TIMES.tobytes(), VALUES.tobytes(), points=3, metrics=2)
    assert encode_segment(NUMBERS, TIMES, VALUES) == expected
    assert len(expected) == SEGMENT_HEAD + len(DIRECTORY) + 48


def test_a_short_chunk_is_raw_columns_behind_its_header() -> None:
    expected = chunk_of(TIMES[:2].tobytes(), VALUES[:2].tobytes(), points=2)
    assert encode_chunk(TIMES[:2], VALUES[:2]) == expected
    assert len(expected) == CHUNK_HEAD + 32


@pytest.mark.parametrize(("length", "codec"), [(1, 0), (15, 0), (16, 1), (1000, 1)])
def test_columns_of_16_points_and_more_are_packed(length: int, codec: int) -> None:
    times, values = np.arange(length) * 1_000_000, np.arange(length) / 4
    assert encode_chunk(times, values)[1] == codec
    assert encode_segment(np.full(length, 7), times, values)[1] == codec


def test_a_packed_payload_of_version_1_is_read_for_ever() -> None:
    # Written by the first release; pcodec's own format must stay readable, too.
    stored = bytes.fromhex(PACKED_CHUNK)
    times, values = decode_chunk(stored)
    assert times.tolist() == [1_700_000_000_000_000 + 250_000 * place for place in range(20)]
    assert values.tolist() == [0.25 * (place * place % 7) for place in range(20)]


PACKED_CHUNK = (
    "0101000014000000370000003f000000bca780d470636f210300040504010413000001093d0000000000100101800000"
    "000000000040000400a0c900000000000000db2f91848f2100000070636f210300040504010613000000440008000000"
    "0000000040c000000000000040ff0208000000000000fc1740000000000000f0bf00206399487ca10000"
)


@given(some_points)
def test_a_segment_comes_back_bit_for_bit(points: list[tuple[int, int, float]]) -> None:
    numbers, times, values = arrays(points)
    segment = decode_segment(memoryview(encode_segment(numbers, times, values)))
    assert segment.point_numbers().tolist() == numbers.tolist()
    assert segment.numbers.tolist() == sorted(set(numbers.tolist()))
    assert segment.times.tobytes() == times.tobytes()
    assert segment.values.tobytes() == values.tobytes()


@given(some_points)
def test_a_chunk_comes_back_bit_for_bit(points: list[tuple[int, int, float]]) -> None:
    _, times, values = arrays([(0, time, value) for _, time, value in points])
    decoded = decode_chunk(memoryview(encode_chunk(times, values)))
    assert decoded[0].tobytes() == times.tobytes()
    assert decoded[1].tobytes() == values.tobytes()


def test_views_with_gaps_are_written_like_their_copies() -> None:
    times, values = np.arange(100)[::3], np.arange(100.0)[::3]
    assert encode_chunk(times, values) == encode_chunk(times.copy(), values.copy())


@pytest.mark.parametrize(
    ("numbers", "times", "values", "wrong"),
    [
        ([], [], [], "1 to"),
        ([1, 1], [5, 4], [0.0, 0.0], "sorted"),
        ([1, 1], [5, 5], [1.0, 0.0], "sorted"),
        ([2, 1], [5, 5], [0.0, 0.0], "ascend"),
        ([-5, 1], [5, 5], [0.0, 0.0], "ascend"),
        ([1, 1], [5, 6], [0.0, np.nan], "finite"),
        ([1, 1], [5, 5], [0.0, np.inf], "finite"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    numbers: list[int], times: list[int], values: list[float], wrong: str
) -> None:
    columns = np.array(numbers, dtype=np.int64), np.array(times, dtype=np.int64), np.array(values)
    with pytest.raises(ValueError, match=wrong):
        encode_segment(*columns)
    if wrong != "ascend":
        with pytest.raises(ValueError, match=wrong):
            encode_chunk(*columns[1:])


@pytest.mark.parametrize("length", [3, 40])
def test_every_flipped_byte_is_noticed(length: int) -> None:
    rng = np.random.default_rng(length)
    numbers, times = np.repeat([4, 1_000], [1, length - 1]), np.sort(rng.integers(0, 10**9, length))
    times[0] = 5
    values = rng.normal(size=length)
    for payload, decode in (
        (encode_segment(numbers, times, values), decode_segment),
        (encode_chunk(times, values), decode_chunk),
    ):
        for place in range(len(payload)):
            for bits in (0x01, 0x80, 0xFF):
                broken = bytearray(payload)
                broken[place] ^= bits
                with pytest.raises(CorruptPayload):
                    decode(bytes(broken))
        for end in range(len(payload)):
            with pytest.raises(CorruptPayload):
                decode(payload[:end])
        with pytest.raises(CorruptPayload, match="bytes"):
            decode(payload + b"\0")


RAW_TIMES, RAW_VALUES = TIMES[:2].tobytes(), VALUES[:2].tobytes()


def two_points(directory: bytes, *, points: int = 2, metrics: int = 1, codec: int = 0) -> bytes:
    """Return a segment of two points with this directory, and what else is claimed."""
    return segment_of(directory, RAW_TIMES, RAW_VALUES, points=points, metrics=metrics, codec=codec)


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        (b"", "empty"),
        (b"\x01\x00\x00\x00", "header"),
        (b"\x02" + encode_segment(NUMBERS, TIMES, VALUES)[1:], "version 2 .* reads 1"),
        (b"\x00" + encode_segment(NUMBERS, TIMES, VALUES)[1:], "version 0"),
        (two_points(b"\x03\x02", codec=9), "codec 9"),
        (two_points(b"\x03\x02", points=0), "claims 0 points"),
        (two_points(b"\x03\x02", points=MOST_POINTS + 1), "claims 16777217 points"),
        (two_points(b"\x03\x02", metrics=0), "2 entries for 0 metrics"),
        (two_points(b"\x03\x02", metrics=2), "2 entries for 2 metrics"),
        (two_points(b"\x03\x82"), "cut off"),
        (two_points(b"\x03\x01"), "add up to 2 points"),
        (two_points(b"\x03\x03"), "add up to 2 points"),
        (two_points(b"\x03\x01\x02\x00", metrics=2), "add up"),
        (two_points(b"\x03\x00\x01\x01", metrics=2), "ascend"),
        (two_points(b"\xff" * 9 + b"\x01\x02"), "63 bits"),
        (two_points(b"\x03" + b"\xff" * 9 + b"\x01\x01\x01", metrics=2), "ascend"),
        (segment_of(b"\x03\x02", RAW_TIMES[:9], RAW_VALUES, points=2, metrics=1), "9 bytes, 16"),
    ],
)
def test_a_segment_that_does_not_add_up_is_named(payload: bytes, wrong: str) -> None:
    with pytest.raises(CorruptPayload, match=wrong):
        decode_segment(payload)


INTS, FLOATS = np.arange(20), np.arange(20.0)


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        (chunk_of(RAW_TIMES, RAW_VALUES, points=3), "16 bytes, 24"),
        (chunk_of(TIMES.tobytes(), VALUES.tobytes(), points=3), "sorted"),
        (chunk_of(RAW_TIMES, np.array([1.0, np.nan]).tobytes(), points=2), "finite"),
        (chunk_of(b"no columns", b"at all", points=20, codec=1), "decompressed"),
        (chunk_of(packed(INTS), packed(INTS), points=20, codec=1), "float64 cannot be decompressed"),
        (chunk_of(packed(FLOATS), packed(FLOATS), points=20, codec=1), "int64 cannot be decompressed"),
        (chunk_of(packed(INTS), packed(FLOATS), points=19, codec=1), "more entries, 19"),
        (chunk_of(packed(INTS), packed(FLOATS), points=21, codec=1), "20 entries, 21"),
        (chunk_of(packed(INTS), packed(FLOATS[:17]), points=20, codec=1), "17 entries, 20"),
    ],
)
def test_a_chunk_that_does_not_add_up_is_named(payload: bytes, wrong: str) -> None:
    with pytest.raises(CorruptPayload, match=wrong):
        decode_chunk(payload)


def test_lengths_beyond_the_payload_are_named() -> None:
    payload = bytearray(encode_chunk(INTS, FLOATS))
    struct.pack_into("<I", payload, 8, 2**32 - 1)
    with pytest.raises(CorruptPayload, match="claims blocks of"):
        decode_chunk(bytes(payload))


@given(st.binary(max_size=120), st.sampled_from([0, 1]), st.integers(1, 30))
def test_any_other_bytes_are_refused_as_corrupt(noise: bytes, codec: int, points: int) -> None:
    half = len(noise) // 2
    with pytest.raises(CorruptPayload):
        decode_chunk(chunk_of(noise[:half], noise[half:], points=points + half // 8, codec=codec))
    with pytest.raises(CorruptPayload):
        decode_segment(noise)
