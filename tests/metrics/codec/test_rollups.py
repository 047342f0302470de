"""Rollup rows are functions of the set of their points, bit for bit."""

import random
from dataclasses import fields
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.codec.arrays import Float64s, Int64s
from apps.metrics.codec.rollups import RollupColumns, combine, roll_up, widen
from apps.metrics.codec.sketch import encode_sketches
from tests.metrics.codec.known_points import HOUR_US, by_number_time_value, exact_parts, finite

Point = tuple[int, int, float]
some_points = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.one_of(st.integers(-3, 3), st.integers(-2 * HOUR_US, 2 * HOUR_US)),
        finite,
    ),
    min_size=1,
    max_size=60,
)


def arrays(points: list[Point]) -> tuple[Int64s, Int64s, Float64s]:
    columns = np.array([(number, time) for number, time, _ in points], dtype=np.int64).reshape(-1, 2)
    values = np.array([value for _, _, value in points], dtype=np.float64)
    return by_number_time_value(columns[:, 0], columns[:, 1], values)


def bits(rows: RollupColumns) -> dict[str, object]:
    """Return all columns in a form that tells apart what differs in any bit."""
    columns = {field.name: getattr(rows, field.name) for field in fields(rows)}
    parts = [np.array(row).tobytes() for row in columns.pop("sum_parts")]
    sketches = columns.pop("sketches")
    return {
        **{name: (column.dtype, column.tobytes()) for name, column in columns.items()},
        "sum_parts": parts,
        "sketches": sketches,
    }


@given(some_points, st.sampled_from([900, 3600]))
def test_a_row_tells_what_its_points_tell(points: list[Point], width_s: int) -> None:
    rows = roll_up(*arrays(points), width_s)
    width_us = width_s * 1_000_000
    keys = sorted({(number, time - time % width_us) for number, time, _ in points})
    assert list(zip(rows.numbers.tolist(), rows.starts.tolist(), strict=True)) == keys
    for row, (number, start) in enumerate(keys):
        inside = sorted((t, v) for n, t, v in points if n == number and start <= t < start + width_us)
        values = [value for _, value in inside]
        assert rows.counts[row] == len(inside)
        assert rows.sum_parts[row] == exact_parts(values)
        assert (rows.minima[row], rows.maxima[row]) == (min(values), max(values))
        assert (rows.first_ats[row], rows.firsts[row]) == inside[0]
        assert (rows.last_ats[row], rows.lasts[row]) == inside[-1]
        assert rows.sketches[row] == encode_sketches(np.array(values), np.array([0]))[0]


@given(some_points, st.integers(1, 6), st.randoms(use_true_random=False))
def test_adding_rows_of_any_parts_in_any_order_equals_recomputing(
    points: list[Point], part_count: int, chance: random.Random
) -> None:
    parts: list[list[Point]] = [[] for _ in range(part_count)]
    for point in points:
        chance.choice(parts).append(point)
    for width_s in (900, 3600):
        rows = [roll_up(*arrays(part), width_s) for part in parts]
        chance.shuffle(rows)
        assert bits(reduce(combine, rows)) == bits(roll_up(*arrays(points), width_s))


@given(some_points)
def test_widening_equals_recomputing(points: list[Point]) -> None:
    quarters = roll_up(*arrays(points), 900)
    assert bits(widen(quarters, 3600)) == bits(roll_up(*arrays(points), 3600))
    assert bits(widen(quarters, 900)) == bits(quarters)


def test_first_and_last_of_equal_times_follow_the_value() -> None:
    left = roll_up(*arrays([(1, 0, 5.0), (1, 9, -1.0)]), 900)
    right = roll_up(*arrays([(1, 0, 4.0), (1, 9, -2.0)]), 900)
    for rows in (combine(left, right), combine(right, left)):
        assert (rows.firsts.tolist(), rows.lasts.tolist()) == ([4.0], [-1.0])


def test_sums_that_cancel_do_so_in_any_order() -> None:
    rows = [roll_up(*arrays([(1, time, value)]), 900) for time, value in enumerate([1e16, 1.0, -1e16])]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        assert reduce(combine, [rows[place] for place in order]).sum_parts == [(1.0,)]


def test_rows_of_many_metrics_with_few_in_common_are_added() -> None:
    rng = np.random.default_rng(11)
    columns = rng.integers(1, 500, 4_000), rng.integers(0, 4 * HOUR_US, 4_000), rng.normal(size=4_000)
    points = list(zip(*(column.tolist() for column in columns), strict=True))
    halves = roll_up(*arrays(points[:3_900]), 900), roll_up(*arrays(points[3_900:]), 900)
    assert bits(combine(*halves)) == bits(roll_up(*arrays(points), 900))


@pytest.mark.parametrize("width_s", [900, 3600])
def test_no_points_have_no_rows_and_add_nothing(width_s: int) -> None:
    nothing = roll_up(*arrays([]), width_s)
    something = roll_up(*arrays([(1, 5, 2.0)]), width_s)
    assert len(nothing) == 0
    assert bits(combine(nothing, something)) == bits(something) == bits(combine(something, nothing))
    assert bits(combine(nothing, nothing)) == bits(nothing) == bits(widen(nothing, 3600))
