"""Sums are exact, whatever the order and grouping of their terms."""

import math
import random
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.metrics.codec.exact_sum import BLOCK, grouped_sum_parts, grouped_sums, merge_sum_parts
from tests.metrics.codec.known_points import exact_parts, finite, grouped

some_groups = st.lists(st.lists(finite, min_size=1, max_size=40), min_size=1, max_size=8)


@given(some_groups)
def test_parts_of_every_group_are_those_of_rational_arithmetic(groups: list[list[float]]) -> None:
    values, starts = grouped(groups)
    expected = [exact_parts(group) for group in groups]
    assert grouped_sum_parts(values, starts) == expected
    assert grouped_sums(values, starts).tolist() == [parts[0] for parts in expected]


@given(some_groups)
def test_adding_the_parts_of_sums_equals_the_sum_of_all_terms(groups: list[list[float]]) -> None:
    values, starts = grouped(groups)
    parts = list(chain.from_iterable(grouped_sum_parts(values, starts)))
    assert merge_sum_parts(parts) == exact_parts(values.tolist())
    assert grouped_sum_parts(np.array(parts), np.array([0])) == [exact_parts(values.tolist())]


@given(st.lists(finite, min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_terms_does_not_matter(values: list[float], order: random.Random) -> None:
    shuffled = order.sample(values, len(values))
    start = np.array([0])
    assert grouped_sum_parts(np.array(shuffled), start) == grouped_sum_parts(np.array(values), start)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ([1e16, 1.0, -1e16], (1.0,)),
        ([0.1] * 10, (1.0, 5.551115123125783e-17)),
        ([2.0**53, 1.0], (2.0**53, 1.0)),
        ([2.0**53, 3.0], (2.0**53 + 4, -1.0)),
        ([1e290, -1e290], (0.0,)),
        ([1e290, 1.0, 2.0**-1074], (1e290, 1.0, 2.0**-1074)),
        ([0.0, 0.0], (0.0,)),
    ],
)
def test_known_sums(values: list[float], parts: tuple[float, ...]) -> None:
    assert grouped_sum_parts(np.array(values), np.array([0])) == [parts]
    assert merge_sum_parts(values) == parts


def test_a_sum_of_zero_has_no_sign() -> None:
    values = np.array([5.0, -5.0, 1e-3, -1e-3, 0.0])
    sums = grouped_sum_parts(values, np.array([0, 2, 4]))
    assert [str(parts[0]) for parts in sums] == ["0.0", "0.0", "0.0"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 255, 256, 257, 65_535, 65_536, 65_537, 200_000])
def test_groups_of_any_size_add_without_rounding(size: int) -> None:
    # One sign, near the largest magnitude, all bits in use: the largest partial sums such a group can have.
    values = np.random.default_rng(size).integers(2**53 - 2**49, 2**53, size).astype(np.float64)
    values[::3] -= np.random.default_rng(size).random(len(values[::3]))
    assert grouped_sum_parts(values, np.array([0])) == [exact_parts(values.tolist())]


def test_no_groups_have_no_sums() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert grouped_sum_parts(np.empty(0), nothing) == []
    assert grouped_sums(np.empty(0), nothing).tolist() == []


@pytest.mark.parametrize("groups", [1, 2, 3, 700, 2 * BLOCK + 1])
def test_more_values_than_are_worked_on_at_once_have_the_same_sums(groups: int) -> None:
    random_numbers = np.random.default_rng(groups)
    values = random_numbers.normal(size=2 * BLOCK + 1) * 10.0 ** random_numbers.integers(-9, 9, 2 * BLOCK + 1)
    later = random_numbers.choice(np.arange(1, len(values)), groups - 1, replace=False)
    starts = np.sort(np.append(later, 0))

    expected = [math.fsum(group) for group in np.split(values, starts[1:])]

    assert grouped_sums(values, starts).tolist() == expected
    assert [parts[0] for parts in grouped_sum_parts(values, starts)] == expected
