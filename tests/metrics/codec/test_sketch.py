"""Sketches: their bytes, merging, percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.codec.bins import HIGHEST_K, bin_numbers
from apps.metrics.codec.errors import CorruptPayload
from apps.metrics.codec.sketch import (
    SketchSum,
    decode_sketch,
    encode_sketches,
    grouped_rank_values,
    merge_grouped_sketches,
    merge_sketches,
)
from tests.metrics.codec.known_points import finite, grouped

groups_of_values = st.lists(st.lists(finite, min_size=1), min_size=1, max_size=6)


def sketch_of(values: list[float]) -> bytes:
    return encode_sketches(np.array(values), np.array([0]))[0]


# B(0) = 1, B(1) = 1.0202..; ln(1e10) / ln(101/99) = 1151.2, so 1e10 is in bin 1152 and 1e-10 in bin -1151.
KNOWN = [
    ([1.0], "01 00 01 00 01 00"),
    ([0.0, 1e-300, -1e-300], "01 03 00 00"),
    ([1.01, 1.01, 1.0], "01 00 02 00 02 01 02 00"),
    ([-1.01, -1.0, -1.01, -1.01], "01 00 00 02 00 02 01 03"),
    ([1e10, 1e-10, 0.0, -1e10], "01 01 02 fd11 fe23 01 01 01 8012 01"),
    ([1.0] * 200, "01 00 01 00 c801 00"),
]


@pytest.mark.parametrize(("values", "encoded"), KNOWN)
def test_bytes_are_those_of_the_format(values: list[float], encoded: str) -> None:
    assert sketch_of(values) == bytes.fromhex(encoded)


@pytest.mark.parametrize(("values", "encoded"), KNOWN)
def test_bytes_of_version_1_are_read(values: list[float], encoded: str) -> None:
    bins, counts = np.unique(bin_numbers(np.array(values)), return_counts=True)
    sketch = decode_sketch(memoryview(bytes.fromhex(encoded)))
    assert sketch.bins.tolist() == bins.tolist()
    assert sketch.counts.tolist() == counts.tolist()


def test_a_decoded_sketch_tells_zeros_positive_and_negative_bins() -> None:
    sketch = decode_sketch(sketch_of([-1e10, -1.0, -1.0, 0.0, 1.01, 1.0]))
    assert sketch.zeros == 1
    assert [column.tolist() for column in sketch.positives] == [[0, 1], [1, 1]]
    assert [column.tolist() for column in sketch.negatives] == [[0, 1152], [2, 1]]


@given(groups_of_values)
def test_groups_are_encoded_as_each_alone(groups: list[list[float]]) -> None:
    assert encode_sketches(*grouped(groups)) == [sketch_of(group) for group in groups]


@given(groups_of_values)
def test_merging_equals_encoding_all_points(groups: list[list[float]]) -> None:
    values, starts = grouped(groups)
    whole = sketch_of(values.tolist())
    sketches = encode_sketches(values, starts)
    assert merge_sketches(sketches) == whole
    assert merge_sketches([*sketches[1:], sketches[0]]) == whole
    assert merge_grouped_sketches(sketches, np.arange(len(sketches))) == sketches


@given(st.lists(groups_of_values, min_size=1, max_size=4))
def test_groups_of_sketches_are_merged_as_each_alone(groups: list[list[list[float]]]) -> None:
    sketches = [[sketch_of(values) for values in group] for group in groups]
    starts = np.cumsum([0, *map(len, sketches)])[:-1]
    merged = merge_grouped_sketches([sketch for group in sketches for sketch in group], starts)
    assert merged == [merge_sketches(group) for group in sketches]


@given(groups_of_values, st.floats(0, 1))
def test_a_percentile_is_within_one_percent_of_its_point(groups: list[list[float]], q: float) -> None:
    total = SketchSum()
    for place, group in enumerate(groups):
        if place % 2:
            total.add_values(np.array(group))
        else:
            total.add_sketch(sketch_of(group))
    ordered = sorted(value for group in groups for value in group)
    rank = int(q * (len(ordered) - 1))
    value = total.rank_value(rank, ordered[0], ordered[-1])
    assert total.point_count == len(ordered)
    assert total.encode() == sketch_of(ordered)
    assert ordered[0] <= value <= ordered[-1]
    # What is nearer to zero than 1e-290 reads as zero.
    assert abs(value - ordered[rank]) <= max(0.010000000000001 * abs(ordered[rank]), 1e-290)


@given(groups_of_values)
def test_many_buckets_are_read_as_each_alone(groups: list[list[float]]) -> None:
    ranks = np.array([[0, len(group) // 2, len(group) - 1] for group in groups])
    singles = [SketchSum() for _ in groups]
    for single, group in zip(singles, groups, strict=True):
        single.add_sketch(sketch_of(group[:1]))
        single.add_values(np.array(group[1:]))
    read = grouped_rank_values(
        sketches=[sketch_of(group[:1]) for group in groups],
        sketch_groups=np.arange(len(groups)),
        values=np.array([value for group in groups for value in group[1:]]),
        value_groups=np.repeat(np.arange(len(groups)), [len(group) - 1 for group in groups]),
        ranks=ranks,
        minima=np.array([min(group) for group in groups]),
        maxima=np.array([max(group) for group in groups]),
    )
    assert read.tolist() == [
        [single.rank_value(rank, min(group), max(group)) for rank in row]
        for single, group, row in zip(singles, groups, ranks.tolist(), strict=True)
    ]


def test_values_added_after_an_answer_count_in_the_next() -> None:
    total = SketchSum()
    total.add_values(np.array([1.0]))
    assert total.rank_value(0, 1.0, 1.0) == 1.0
    total.add_sketch(sketch_of([5.0]))
    assert total.rank_value(1, 1.0, 5.0) == pytest.approx(5.0, rel=0.01)
    with pytest.raises(ValueError, match="rank 2"):
        total.rank_value(2, 1.0, 5.0)


def test_a_sum_of_nothing_has_no_rank() -> None:
    assert SketchSum().point_count == 0
    with pytest.raises(ValueError, match="rank 0"):
        SketchSum().rank_value(0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("encoded", "wrong"),
    [
        ("", "empty"),
        ("02 00 01 00 01 00", "version 2"),
        ("01", "shorter"),
        ("01 00 00", "shorter"),
        ("01 00 00 00", "no points"),
        ("01 00 01 00 81", "cut off"),
        ("01 00 05 00 01 00", "more positive bins"),
        ("01 00 01 00 01 01", "add up"),
        ("01 00 01 00 01 00 00", "add up"),
        ("01 00 01 00 00 00", "has no points"),
        ("01 00 02 00 00 01 01 00", "ascend"),
        ("01 00 01 ffffff7f 01 00", "range"),
        ("01 ffffffffffffffffff01 00 00", "53 bits"),
    ],
)
def test_bytes_that_are_no_sketch_are_named(encoded: str, wrong: str) -> None:
    good = sketch_of([1.0])
    for sketches in ([bytes.fromhex(encoded)], [good, bytes.fromhex(encoded), good]):
        with pytest.raises(CorruptPayload, match=wrong):
            merge_sketches(sketches)


def test_bins_beyond_the_range_of_doubles_are_refused() -> None:
    step = HIGHEST_K * 2
    zigzag = bytes([step & 0x7F | 0x80, step >> 7 & 0x7F | 0x80, step >> 14])
    inside = b"\x01\x00\x01" + zigzag + b"\x01\x00"
    assert decode_sketch(inside).positives[0].tolist() == [HIGHEST_K]
    beyond = b"\x01\x00\x02" + zigzag + b"\x02\x01\x01\x00"
    with pytest.raises(CorruptPayload, match="range"):
        decode_sketch(beyond)


@given(st.binary(max_size=40))
def test_any_other_bytes_are_refused_as_corrupt(noise: bytes) -> None:
    for encoded in (noise, b"\x01" + noise):
        try:
            sketch = decode_sketch(encoded)
        except CorruptPayload:
            continue
        assert (np.diff(sketch.bins) > 0).all()
        assert (sketch.counts > 0).all()
